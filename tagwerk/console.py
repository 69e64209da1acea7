"""What commands print besides results: messages on standard error, progress, tables.

Owns the two consoles. Results go to standard output, everything else to standard error, so that a pipe gets
results alone.
"""

from __future__ import annotations

import io
import json
import sys
import time
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from jobs.states import FINAL

if TYPE_CHECKING:
    from types import TracebackType

    from jobs.records import JobView

#: Seconds between two lines of progress where there is no terminal.
PLAIN_EVERY = 5.0
#: Columns of a table that goes to a pipe, at most.
PIPE_WIDTH = 10_000


def write_utf8() -> None:
    """From now on standard output is UTF-8, as JSON is, whatever the locale says."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")


def out() -> Console:
    """Standard output, for results and tables."""
    # A pipe has no width to fit: what reads it wants its words whole.
    width = None if sys.stdout.isatty() else PIPE_WIDTH
    return Console(width=width, soft_wrap=True, highlight=False, markup=False, emoji=False)


def err() -> Console:
    """Standard error, for everything else."""
    return Console(stderr=True, soft_wrap=True, highlight=False, markup=False, emoji=False)


def say(message: str) -> None:
    """One message, as it is."""
    err().print(message)


def print_json(value: Any) -> None:  # noqa: ANN401 -- whatever JSON can hold
    """One JSON value on one line of standard output."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")


class JobProgress:
    """How jobs go on: a bar on a terminal, a line now and then elsewhere. Call it with each view.

    Jobs are shown one after the other; a view of another job begins again.
    """

    def __init__(self) -> None:
        self._console = err()
        self._job: str | None = None
        self._began: tuple[float, int] | None = None
        self._said = time.monotonic()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("waiting", total=None, rate="")

    def __enter__(self) -> JobProgress:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def __call__(self, job: JobView) -> None:
        """Show how `job` stands."""
        if job.id != self._job:
            self._job, self._began = job.id, None
            self._bar.reset(self._task)
        done = job.completed + job.failed
        rate = self._rate(done)
        told = f"{rate:.0f} documents/s" if rate else ""
        self._bar.update(self._task, description=job.state.value, total=job.total, completed=done, rate=told)
        if not self._console.is_terminal and job.state not in FINAL:
            self._plain(job, done, rate)

    def _rate(self, done: int) -> float:
        now = time.monotonic()
        if self._began is None:
            # What was finished before the first look says nothing of the pace.
            if done:
                self._began = (now, done)
            return 0.0
        seconds, first = now - self._began[0], self._began[1]
        return (done - first) / seconds if seconds > 1 else 0.0

    def _plain(self, job: JobView, done: int, rate: float) -> None:
        if time.monotonic() - self._said < PLAIN_EVERY:
            return
        self._said = time.monotonic()
        left = f", {(job.total - done) / rate:.0f} s left" if rate and job.total else ""
        pace = f", {rate:.0f} documents/s{left}" if rate else ""
        say(f"{job.id} {job.state.value}: {done:,} of {job.total or 0:,} documents{pace}")
