"""The reaper: the process that notices what nobody else would.

Leases that ran out, jobs whose time is over, bells that are owed or were lost, files that nobody will finish.
Every step is a question and an answer that does no harm twice, so two reapers may run at once.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from jobs.errors import BrokerUnavailable, LedgerUnavailable
from jobs.queue import BATCH, TASKS, ring_and_mark, ring_owed

if TYPE_CHECKING:
    import threading
    from pathlib import Path

    from corpora.blobs import BlobStore
    from jobs.queue import Doorbell
    from jobs.records import ReapReport
    from jobs.settings import JobsSettings
    from jobs.store import Ledger

#: Longest pause, in seconds, between two tries while the database or the broker is away.
LONGEST_PAUSE = 30.0
#: Hours for which a request may be repeated with its idempotency key.
IDEMPOTENCY_HOURS = 24.0
#: Hours after which a temporary file that nothing is written to belongs to a process that is dead.
UNFINISHED_HOURS = 24.0

#: Rounds between two looks at what is done now and then.
SELDOM = 100

_log = structlog.get_logger("tagwerk.reaper")


@dataclass(frozen=True, slots=True, kw_only=True)
class TickReport:
    """What one tick did."""

    reaped: ReapReport
    #: Bells that were owed and rang.
    rung: int = 0
    #: Bells that the broker had lost and that rang again.
    rung_again: int = 0
    #: Records of idempotency keys that were too old to keep.
    forgotten: int = 0
    #: Temporary files of corpora that were never finished.
    swept: int = 0

    def facts(self) -> dict[str, int]:
        """Return what is worth a log line: everything that is not zero."""
        counts = {
            "crashed": self.reaped.crashed,
            "poisoned": self.reaped.poisoned,
            "cancelled": self.reaped.cancelled,
            "expired": self.reaped.expired,
            "rung": self.rung,
            "rung_again": self.rung_again,
            "forgotten": self.forgotten,
            "swept": self.swept,
        }
        return {name: count for name, count in counts.items() if count}


class Reaper:
    """Looks after one ledger and one broker, and after the blobs where it knows them.

    After each round that was done it touches the file `heartbeat`, where it is given one.
    """

    def __init__(
        self,
        ledger: Ledger,
        bell: Doorbell,
        settings: JobsSettings,
        *,
        blobs: BlobStore | None = None,
        heartbeat: Path | None = None,
    ) -> None:
        self._ledger = ledger
        self._bell = bell
        self._settings = settings
        self._blobs = blobs
        self._heartbeat = heartbeat
        self._rounds = itertools.count()

    def tick(self) -> TickReport:
        """Do one round: reap leases, expire jobs, ring, and now and then clear what is too old.

        Raises `LedgerUnavailable` or `BrokerUnavailable`; what was done before stays done.
        """
        reaped = self._ledger.reap(self._settings.max_crashes)
        forgotten, swept = (0, 0) if next(self._rounds) % SELDOM else self._clear()
        rung = sum(ring_owed(self._ledger, self._bell, queue) for queue in TASKS)
        rung_again = sum(self._ring_lost(queue) for queue in TASKS)
        self._beat()
        return TickReport(reaped=reaped, rung=rung, rung_again=rung_again, forgotten=forgotten, swept=swept)

    def run(self, stop: threading.Event) -> None:
        """Tick until `stop` is set; an outage of the database or the broker only makes the pauses longer."""
        failures = 0
        while not stop.is_set():
            failures = 0 if self._survived() else failures + 1
            stop.wait(self._pause(failures))

    def _clear(self) -> tuple[int, int]:
        """Return how many idempotency keys were forgotten and how many temporary files deleted."""
        forgotten = self._ledger.forget_idempotency(IDEMPOTENCY_HOURS)
        try:
            swept = self._blobs.sweep(UNFINISHED_HOURS * 3600) if self._blobs else 0
        except OSError as error:
            _log.warning("sweep_failed", reason=str(error))
            swept = 0
        return forgotten, swept

    def _beat(self) -> None:
        try:
            if self._heartbeat:
                self._heartbeat.touch()
        except OSError as error:
            # Who looks at its age will notice; the work goes on.
            _log.warning("heartbeat_failed", reason=str(error))

    def _survived(self) -> bool:
        try:
            facts = self.tick().facts()
        except (LedgerUnavailable, BrokerUnavailable) as error:
            _log.warning("tick_failed", code=error.code, reason=str(error))
            return False
        if facts:
            _log.info("tick", **facts)
        return True

    def _pause(self, failures: int) -> float:
        tick = self._settings.reaper_tick_seconds
        return tick if not failures else max(tick, min(LONGEST_PAUSE, tick * 2 ** (failures - 1)))

    def _ring_lost(self, queue: str) -> int:
        # The queue is counted first: a chunk claimed in between must not look like a lost bell.
        waiting = self._bell.depth(queue)
        lost = self._ledger.rung_unclaimed(queue) - waiting
        if lost <= 0:
            return 0
        oldest = self._ledger.oldest_rung(queue, min(lost, BATCH))
        return ring_and_mark(self._ledger, self._bell, queue, oldest) if oldest else 0
