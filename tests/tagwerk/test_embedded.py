"""The embedded stack with its real children: it starts, serves, hands over and leaves nothing behind."""

from __future__ import annotations

import fcntl
import json
import time
from typing import TYPE_CHECKING

import pytest

from jobs.states import JobKind
from jobs.store import Ledger
from migrations.running import upgrade
from tagwerk.embedded import EmbeddedStack
from tagwerk.embedded_broker import socket_path
from tagwerk.errors import StackFailed, UnusableHome
from tests.tagwerk.running import EXAMPLES, LABELS, Command, corpus, ids, is_free, processes, until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.tagwerk.conftest import Tagwerk

#: Longer than a Unix socket's path may be, with everything that means something in an address.
HOSTILE = "a home #1 with ünusual letters & " + "a path that is too long for a socket " * 3


def test_a_command_in_a_fresh_home_tags_every_document_once_and_leaves_nothing_running(
    start: type[Command], tmp_path: Path
) -> None:
    # Given a home that was never used, in the worst of places
    home, target, music = tmp_path / HOSTILE, tmp_path / "out.jsonl", EXAMPLES / "music"

    # When a corpus is tagged in it
    command = start(home, "tag", music / "corpus.jsonl", "--labels", LABELS, "-o", target)

    # Then every document is answered once, in order
    assert command.ended() == 0, command.err
    assert ids(target.read_text()) == ids((music / "corpus.jsonl").read_text())
    assert any(json.loads(line)["entities"] for line in target.read_text().splitlines())
    # And what was said is about the job alone
    assert command.out == ""
    assert all(line.startswith("job_") for line in command.err.splitlines())
    # And nothing of the stack is left
    assert processes(home) == []
    assert is_free(home)
    assert list(tmp_path.glob(".*")) == []
    assert not socket_path(home).parent.exists()


def test_a_second_command_attaches_to_the_first_and_takes_over_when_it_ends(
    start: type[Command], tmp_path: Path
) -> None:
    # Given a short job whose command holds the stack
    home, few, many = tmp_path / "home", tmp_path / "few.jsonl", tmp_path / "many.jsonl"
    expected = [corpus(few, 4), corpus(many, 30)]
    first = start(home, "tag", few, "--labels", LABELS)
    until(lambda: "submitted" in first.err)

    # When a long one is submitted beside it
    second = start(home, "tag", many, "--labels", LABELS)

    # Then both are answered whole, the second by a stack of its own
    assert (first.ended(), second.ended()) == (0, 0), first.err + second.err
    assert [ids(first.out), ids(second.out)] == expected
    assert processes(home) == []
    assert is_free(home)


def test_one_process_holds_a_stack_and_others_attach(warm: Path) -> None:
    with EmbeddedStack(warm) as attached:
        attached.tend()
        assert not attached.held

    assert not is_free(warm)


def test_a_worker_that_cannot_start_ends_the_command_with_its_last_words(
    tagwerk: Tagwerk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a job, and a setting that only the worker reads
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("TAGWERK_HOME", str(home))
    monkeypatch.setenv("TAGWERK_DTYPE", "float17")
    upgrade(f"sqlite:///{home / 'ledger.db'}")
    ledger = Ledger.open(f"sqlite:///{home / 'ledger.db'}")
    job_id = ledger.create_job(kind=JobKind.TAG, tagger="default", engine="biencoder", labels=[], options={}, hours=1)
    ledger.close()

    # When its command waits for it
    ended = tagwerk("jobs", "watch", job_id)

    # Then it is told why nothing will come of it
    assert ended.code == 1
    assert f"error: the embedded worker ended 3 times soon after its start; {home}/logs/worker.log ends:" in ended.err
    assert "error: TAGWERK_DTYPE is 'float17'" in ended.err
    assert is_free(home)


def test_a_broker_that_cannot_start_is_an_error_that_names_its_log(tmp_path: Path) -> None:
    (tmp_path / "broker").mkdir()
    (tmp_path / "broker" / "appendonlydir").write_text("not a folder")

    with (
        pytest.raises(StackFailed, match=rf"does not start; {tmp_path}/logs/broker\.log says why"),
        EmbeddedStack(tmp_path),
    ):
        pass

    assert is_free(tmp_path)


@pytest.mark.parametrize("place", ["file", "file/home", "what?", "50%41"])
def test_a_home_that_cannot_be_is_refused(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("")

    with (
        pytest.raises(UnusableHome, match="set TAGWERK_HOME to a folder of your own") as caught,
        EmbeddedStack(tmp_path / place),
    ):
        pass

    assert str(tmp_path / place) in str(caught.value)


def test_who_waits_for_a_holder_that_never_gets_ready_gives_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a holder that holds the lock and makes no ledger
    monkeypatch.setattr("tagwerk.embedded.PATIENCE", 0.2)
    began = time.monotonic()
    with (tmp_path / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        # When another attaches, Then it says so in the end
        with pytest.raises(StackFailed, match="does not get ready"), EmbeddedStack(tmp_path):
            pass

    assert time.monotonic() - began < 10
