"""Commands as processes of their own, the stack behind them, and corpora short enough for many runs."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.store import Ledger
from migrations.running import at_head
from tagwerk.embedded_broker import socket_path

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jobs.records import JobView

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
LABELS = EXAMPLES / "music" / "labels.yaml"
#: Seconds for anything that a stack does, on a machine that does other things as well.
PATIENCE = 120.0


class Command:
    """A running command, its output in files."""

    def __init__(
        self, home: Path, *arguments: object, stdout: int | None = None, settings: dict[str, str] | None = None
    ) -> None:
        home.parent.mkdir(parents=True, exist_ok=True)
        number = sum(1 for _ in home.parent.glob("command*.err"))
        self._out = home.parent / f"command{number}.out"
        self._err = home.parent / f"command{number}.err"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tagwerk", *map(str, arguments)],
                cwd=ROOT,
                env={**os.environ, "TAGWERK_HOME": str(home), "TAGWERK_CHUNK_DOCUMENTS": "2", **(settings or {})},
                stdin=subprocess.DEVNULL,
                stdout=out if stdout is None else stdout,
                stderr=err,
                # A shell that runs the tests in its background has switched it off for all below it.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )

    @property
    def out(self) -> str:
        """What it wrote to standard output so far."""
        return self._out.read_text(encoding="utf-8")

    @property
    def err(self) -> str:
        """What it wrote to standard error so far."""
        return self._err.read_text(encoding="utf-8")

    def ended(self) -> int:
        """Wait for its end; the exit code."""
        return self.process.wait(PATIENCE)

    def end(self) -> None:
        """Kill it if it still runs."""
        self.process.kill()
        self.process.wait(PATIENCE)


def until(true: Callable[[], object], every: float = 0.02) -> None:
    """Wait until something is true."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, f"{PATIENCE:.0f} s have passed"
        time.sleep(every)


def corpus(path: Path, documents: int, name: str = "d") -> list[str]:
    """Write so many short documents and return their ids."""
    ids = [f"{name}{number}" for number in range(documents)]
    lines = [json.dumps({"id": each, "text": "Copper Wrens played the Kornhalle in Leeds."}) for each in ids]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return ids


def ids(lines: str) -> list[str]:
    """The ids of result lines."""
    return [json.loads(line)["id"] for line in lines.splitlines()]


def newest_job(home: Path) -> JobView | None:
    """How the home's newest job stands."""
    url = f"sqlite:///{home / 'ledger.db'}"
    if not at_head(url):
        return None
    with closing(Ledger.open(url)) as ledger:
        return next(iter(ledger.jobs(limit=1)), None)


def under_way(home: Path, done: int = 0) -> Callable[[], bool]:
    """Whether more than `done` documents of the newest job are tagged, to be asked again and again."""

    def asked() -> bool:
        job = newest_job(home)
        return job is not None and job.completed > done

    return asked


def processes(home: Path, having: Sequence[str] = ()) -> list[int]:
    """Ids of the living processes of a home's stack and commands, those with all these words in their command."""
    mark = os.fsencode(f"TAGWERK_HOME={home}")
    # Redis writes its title over its environment.
    socket = os.fsencode(socket_path(home))
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes()
            ours = socket in words or mark in (folder / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        # A zombie has no words.
        if ours and words and all(os.fsencode(word) in words for word in having):
            found.append(int(folder.name))
    return found


def is_free(home: Path) -> bool:
    """Whether nobody holds the stack of a home."""
    with (home / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
