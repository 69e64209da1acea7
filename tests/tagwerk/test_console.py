"""Messages as they are, tables whole, and progress that is a bar for people and lines for logs."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from fastapi import FastAPI

from jobs.states import JobState
from tagwerk import console
from tagwerk.console import JobProgress, out, print_json, say
from tagwerk.summary import job_table
from tests.listening import listening
from tests.tagwerk.running import ROOT
from tests.tagwerk.views import done, view

if TYPE_CHECKING:
    from collections.abc import Callable

HOSTILE = "[bold]name[/x] :smile: 100 % of {it}"
#: A program that shows two jobs one after the other; the bar is drawn ten times a second, a pace is told after one.
SHOWN = """
import time
from tagwerk import console
from tests.tagwerk.views import done
console.PLAIN_EVERY = 0
with console.JobProgress() as progress:
    for job, completed, seconds in [("a", 0, 0.3), ("a", 25, 1.1), ("a", 475, 0.3), ("b", 0, 0.3), ("b", 25, 0.1)]:
        progress(done(job, completed, 1000))
        time.sleep(seconds * {pace})
"""


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let time pass for the progress, so many seconds at a call."""
    now = [1000.0]
    # Its own alone: servers in other threads of this process go by the clock as well.
    monkeypatch.setattr(console, "time", SimpleNamespace(monotonic=lambda: now[0]))

    def advance(seconds: float) -> None:
        now[0] += seconds

    return advance


def test_a_message_is_printed_as_it_is_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    say(HOSTILE + "x" * 200)

    assert capsys.readouterr() == ("", HOSTILE + "x" * 200 + "\n")


def test_json_is_one_line_of_standard_output_in_its_own_script(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"name": "Motörhead\n"})

    assert capsys.readouterr() == ('{"name": "Motörhead\\n"}\n', "")


def test_a_table_in_a_pipe_is_not_cut(capsys: pytest.CaptureFixture[str]) -> None:
    out().print(job_table([view("job_06gvsd4k66ab1q8hdfbo", name=HOSTILE + "x" * 200)]))

    row = capsys.readouterr().out.splitlines()[1]
    assert row.split()[0] == "job_06gvsd4k66ab1q8hdfbo"
    assert HOSTILE + "x" * 200 in row


def test_in_a_pipe_progress_is_a_line_now_and_then(
    capsys: pytest.CaptureFixture[str], clock: Callable[[float], None]
) -> None:
    with JobProgress() as progress:
        for completed in range(0, 1000, 100):
            progress(done("job_a", completed, 1000))
            clock(1)

    assert capsys.readouterr().err.splitlines() == [
        "job_a running: 500 of 1,000 documents, 100 documents/s, 5 s left",
    ]


def test_the_pace_counts_from_the_first_look(
    capsys: pytest.CaptureFixture[str], clock: Callable[[float], None]
) -> None:
    """A job that goes on after an interruption was not tagged in no time."""
    with JobProgress() as progress:
        progress(done("job_a", 900, 1000))
        clock(10)
        progress(done("job_a", 920, 1000))

    assert capsys.readouterr().err == "job_a running: 920 of 1,000 documents, 2 documents/s, 40 s left\n"


def test_the_next_job_begins_again(capsys: pytest.CaptureFixture[str], clock: Callable[[float], None]) -> None:
    # Given a job that was quick
    with JobProgress() as progress:
        for completed in (100, 900):
            progress(done("job_a", completed, 1000))
            clock(2)
        progress(done("job_a", 1000, 1000, state=JobState.COMPLETED))

        # When the next one is slow
        for completed in (1, 11):
            progress(done("job_b", completed, 100))
            clock(10)
        progress(done("job_b", 21, 100))

    # Then its pace is its own, and never negative
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1] == "job_b running: 21 of 100 documents, 1 documents/s, 79 s left"
    assert not any("-" in line for line in lines)


def test_before_the_corpus_is_validated_nothing_is_promised(
    capsys: pytest.CaptureFixture[str], clock: Callable[[float], None]
) -> None:
    with JobProgress() as progress:
        clock(6)
        progress(view(state=JobState.VALIDATING, total=None, pending=0))

    assert capsys.readouterr().err == "job_a validating: 0 of 0 documents\n"


def test_an_end_is_not_progress(capsys: pytest.CaptureFixture[str], clock: Callable[[float], None]) -> None:
    with JobProgress() as progress:
        clock(60)
        progress(done("job_a", 10, state=JobState.COMPLETED))

    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("clock")
def test_while_time_stands_still_for_the_progress_it_goes_on_for_others() -> None:
    # Given a server in another thread, which looks ten times a second whether it shall end
    with listening(FastAPI(), end_seconds=10):
        # When some of its looks fall into a test that stops time
        time.sleep(0.3)

    # Then it noticed its end


def test_a_pipe_gets_no_controls() -> None:
    shown = subprocess.run([sys.executable, "-c", SHOWN.format(pace=0)], cwd=ROOT, capture_output=True, check=True)

    assert shown.stdout == b""
    assert shown.stderr.count(b"of 1,000 documents\n") == 5
    assert b"\r" not in shown.stderr
    assert b"\x1b" not in shown.stderr


def test_a_terminal_gets_a_bar_with_pace_and_time_left_for_each_job() -> None:
    # Given a terminal
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}

    # When two jobs are shown on it
    shown = subprocess.Popen([sys.executable, "-c", SHOWN.format(pace=1)], cwd=ROOT, stderr=slave, env=environment)
    os.close(slave)
    text = drained(master)
    assert shown.wait() == 0

    # Then there is a bar that moves, the pace, the time left
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    assert "━" in plain
    assert re.search(r"running .* 475/1000 [1-9]\d* documents/s 0:00:\d\d", plain)
    assert not re.search(r"-\d+ documents/s", plain)
    # And the second job began with an empty one
    assert re.search(r"475/1000.*\b(0|25)/1000", plain, re.DOTALL)


def drained(terminal: int) -> str:
    """Everything that is written to a terminal until its other side is closed."""
    pieces = []
    try:
        while piece := os.read(terminal, 65536):
            pieces.append(piece)
    except OSError:
        # How Linux says that nobody has the other side any more.
        pass
    os.close(terminal)
    return b"".join(pieces).decode()
