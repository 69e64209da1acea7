"""The embedded stack under the axe: whatever dies, whenever, every document is answered once in the end."""

from __future__ import annotations

import fcntl
import os
import signal
from typing import TYPE_CHECKING

import pytest

from jobs.states import FINAL, JobState
from tests.tagwerk.running import LABELS, Command, corpus, ids, is_free, newest_job, processes, under_way, until

if TYPE_CHECKING:
    from pathlib import Path

#: Documents of a job, two a chunk: enough to be met in the middle.
MANY = 120


def tagging(start: type[Command], home: Path, path: Path, stdout: int | None = None) -> Command:
    return start(home, "tag", path, "--labels", LABELS, stdout=stdout)


def finished(start: type[Command], home: Path) -> str:
    """Let the newest job's work go on to its end; its result lines."""
    job = newest_job(home)
    assert job is not None
    assert job.state not in FINAL
    watching = start(home, "jobs", "watch", job.id)
    assert watching.ended() == 0, watching.err
    reading = start(home, "jobs", "results", job.id)
    assert reading.ended() == 0, reading.err
    return reading.out


@pytest.mark.parametrize(
    "moment",
    [pytest.param("queued", marks=pytest.mark.slow), "running"],
)
def test_a_command_that_is_killed_leaves_nothing_running_and_its_job_goes_on_by_watch(
    start: type[Command], tmp_path: Path, moment: str
) -> None:
    # Given a job whose command waits for it
    home, path = tmp_path / "home", tmp_path / "corpus.jsonl"
    expected = corpus(path, MANY)
    command = tagging(start, home, path)
    until(under_way(home) if moment == "running" else lambda: "submitted" in command.err)

    # When the command is killed
    command.process.kill()
    command.ended()

    # Then its children end with it
    until(lambda: processes(home) == [])
    assert is_free(home)
    # And the job is finished by whoever comes next
    assert ids(finished(start, home)) == expected


def test_a_command_that_is_killed_while_it_writes_has_lost_nothing(start: type[Command], tmp_path: Path) -> None:
    # Given a command that is stuck in the middle of its results, because nobody reads them
    home, path = tmp_path / "home", tmp_path / "corpus.jsonl"
    expected = corpus(path, 30, "a long name " * 40)
    read, write = os.pipe()
    fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, 4096)
    command = tagging(start, home, path, stdout=write)
    os.close(write)
    until(under_way(home, len(expected) - 1))

    # When it is killed
    with os.fdopen(read, "rb") as pipe:
        begin = pipe.read(100)
        command.process.kill()
        command.ended()
        rest = pipe.read()

    # Then the results are still there, all of them
    assert (begin + rest).count(b"\n") < len(expected)
    job = newest_job(home)
    assert job is not None
    reading = start(home, "jobs", "results", job.id)
    assert (reading.ended(), ids(reading.out)) == (0, expected)


def test_a_submission_that_was_cut_off_is_no_work_and_can_be_cancelled(start: type[Command], tmp_path: Path) -> None:
    # Given a corpus that arrives slowly
    home, path = tmp_path / "home", tmp_path / "corpus.jsonl"
    corpus(path, 4)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    command = tagging(start, home, pipe)
    with pipe.open("wb") as slow:
        slow.write(path.read_bytes())
        slow.flush()
        until(lambda: (home / "blobs").is_dir() and any((home / "blobs").iterdir()))

        # When the command is killed before its end
        command.process.kill()
        command.ended()

    # Then nothing of it is tagged
    job = newest_job(home)
    assert job is not None
    assert (job.state, job.total) == (JobState.VALIDATING, None)
    until(lambda: processes(home) == [])
    # And it can be put away
    cancelling = start(home, "jobs", "cancel", job.id)
    assert (cancelling.ended(), cancelling.err) == (0, f"{job.id} cancelled: 0 of 0 documents tagged\n")


def test_the_holder_restarts_what_dies_and_the_job_completes(start: type[Command], tmp_path: Path) -> None:
    # Given a job that is half done
    home, path = tmp_path / "home", tmp_path / "corpus.jsonl"
    expected = corpus(path, 100)
    command = tagging(start, home, path)
    until(under_way(home))

    # When the worker is killed, and when it is back, the broker
    for words in (["-m", "worker", "--queues"], ["broker.sock"]):
        [victim] = processes(home, words)
        done = newest_job(home)
        assert done is not None
        os.kill(victim, signal.SIGKILL)
        until(lambda words=words, victim=victim: processes(home, words) not in ([], [victim]))  # type: ignore[misc]
        until(under_way(home, done.completed + 2))

    # Then the command never knows
    assert command.ended() == 0, command.err
    assert ids(command.out) == expected
    assert processes(home) == []


def test_a_command_that_is_interrupted_says_how_to_go_on(start: type[Command], tmp_path: Path) -> None:
    # Given a job that is half done
    home, path = tmp_path / "home", tmp_path / "corpus.jsonl"
    expected = corpus(path, MANY)
    command = tagging(start, home, path)
    until(under_way(home))

    # When its command is interrupted
    command.process.send_signal(signal.SIGINT)

    # Then it ends in order, with a hint
    assert command.ended() == 130
    job = newest_job(home)
    assert job is not None
    assert command.err.splitlines()[-1].startswith(f"stopped; `tagwerk jobs watch {job.id}` goes on, ")
    assert command.out == ""
    assert processes(home) == []
    # And the hint is true
    assert ids(finished(start, home)) == expected
