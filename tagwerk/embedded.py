"""The embedded stack: the same ledger, doorbell and worker as a cluster's, as children of one command.

Owns starting, supervising and ending them under `TAGWERK_HOME`. One command at a time holds the stack, by a
lock file; others attach to it, and one of them takes over when the holder goes. State outlives them all: what
was not finished is finished by whoever holds the stack next.

    lock        held by the holder          blobs/      stored corpora
    ledger.db   the ledger, SQLite          taggers/    taggers made here
    broker/     the broker's data           logs/       what the children print
"""

from __future__ import annotations

import fcntl
import os
import sys
import threading
import time
from contextlib import closing
from typing import IO, TYPE_CHECKING

from corpora.blobs import BlobStore
from jobs.queue import Doorbell
from jobs.reaper import Reaper
from jobs.settings import JobsSettings
from jobs.store import Ledger
from migrations.running import at_head, upgrade
from tagwerk import embedded_broker
from tagwerk.children import Child, stop
from tagwerk.errors import StackFailed, UnusableHome

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

#: Seconds a claim lasts and between two rounds of the reaper: one machine notices sooner than a cluster need.
LEASE_SECONDS = 20
TICK_SECONDS = 1
#: Seconds that an attached command waits for the holder to prepare the ledger.
PATIENCE = 60.0
#: A worker that ends sooner than this many seconds after its start, so many times in a row, will never work.
EARLY_SECONDS = 20.0
EARLY_ENDS = 3


class EmbeddedStack:
    """The stack of one home. Use as a context manager, from the main thread; call `tend` while waiting."""

    def __init__(self, home: Path) -> None:
        self.home = home.absolute()
        self.database_url = f"sqlite:///{self.home / 'ledger.db'}"
        self.broker_url = embedded_broker.broker_url(self.home)
        self._lock: IO[str] | None = None
        self._broker: subprocess.Popen[bytes] | None = None
        self._worker: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._early_ends = 0
        self._reaper_stop = threading.Event()
        self._reaper: threading.Thread | None = None

    @property
    def held(self) -> bool:
        """Whether this process holds the stack."""
        return self._lock is not None

    def __enter__(self) -> EmbeddedStack:
        self.prepare()
        deadline = time.monotonic() + PATIENCE
        while not self._take() and not at_head(self.database_url):
            if time.monotonic() > deadline:
                raise StackFailed(
                    f"another command holds {self.home} and does not get ready; {self.home}/logs says why"
                )
            time.sleep(0.05)
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def tend(self) -> None:
        """Restart what has died; take over where the holder has gone."""
        if not self.held:
            self._take()
            return
        if self._broker is None or self._broker.poll() is not None:
            self._broker = embedded_broker.start(self.home)
        if self._worker is None or self._worker.poll() is not None:
            self._count_early_end()
            self._start_worker()

    def check_name(self) -> None:
        """Raise UnusableHome where the home has a name that cannot be."""
        for sign in "?%":
            if sign in str(self.home):
                raise UnusableHome(self.home, f"the address of a database cannot hold its {sign}")

    def environment(self) -> dict[str, str]:
        """What a process needs in its environment to work on this stack as on services."""
        return {
            "TAGWERK_LEASE_SECONDS": str(LEASE_SECONDS),
            "TAGWERK_TAGGERS": str(self.home / "taggers"),
            **os.environ,
            "TAGWERK_HOME": str(self.home),
            "TAGWERK_DATABASE_URL": self.database_url,
            "TAGWERK_BROKER_URL": self.broker_url,
            "TAGWERK_BLOBS": str(self.home / "blobs"),
        }

    def prepare(self) -> None:
        """Make the home, in which nothing runs yet. Raises UnusableHome."""
        self.check_name()
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            (self.home / "lock").touch()
        except OSError as error:
            raise UnusableHome(self.home, error.strerror) from error

    def _take(self) -> bool:
        """Hold the stack, if nobody else does, and start it."""
        lock = (self.home / "lock").open("a")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            return False
        self._lock = lock
        try:
            upgrade(self.database_url)
            self._broker = embedded_broker.start(self.home)
            self._start_worker()
            self._start_reaper()
        except BaseException:
            self._end()
            raise
        return True

    def _start_worker(self) -> None:
        # Nobody else holds the stack, so no living worker holds a lease; a stale one's commits are refused.
        with closing(Ledger.open(self.database_url)) as ledger:
            ledger.void_leases()
        command = [sys.executable, "-m", "tagwerk", "worker", "--queues", "tag,llm,adapt", "--name", "embedded@%h"]
        self._worker = Child(command, self.home / "logs" / "worker.log", self.environment()).start()
        self._started = time.monotonic()

    def _start_reaper(self) -> None:
        self._reaper = threading.Thread(target=self._reap, daemon=True, name="reaper")
        self._reaper.start()

    def _reap(self) -> None:
        settings = JobsSettings(database_url=self.database_url, reaper_tick_seconds=TICK_SECONDS)
        with closing(Ledger.open(self.database_url)) as ledger, closing(Doorbell.at(self.broker_url)) as bell:
            Reaper(ledger, bell, settings, blobs=BlobStore(self.home / "blobs")).run(self._reaper_stop)

    def _count_early_end(self) -> None:
        early = time.monotonic() - self._started < EARLY_SECONDS
        self._early_ends = self._early_ends + 1 if early else 0
        if self._early_ends >= EARLY_ENDS:
            log = self.home / "logs" / "worker.log"
            words = Child([], log).last_words()
            raise StackFailed(
                f"the embedded worker ended {EARLY_ENDS} times soon after its start; {log} ends:\n{words}"
            )

    def _end(self) -> None:
        self._reaper_stop.set()
        if self._worker is not None:
            stop(self._worker, seconds=15)
        if self._reaper is not None:
            self._reaper.join(timeout=10)
        if self._broker is not None:
            stop(self._broker, seconds=10)
            embedded_broker.tidy(self.home)
        if self._lock is not None:
            self._lock.close()
        self._lock = None
