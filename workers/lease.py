"""A claim kept alive while its worker lives, and the word that tells the worker to stop.

Owns renewing in the background and asking in between; what stopping means is the task's business.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import structlog

from jobs.errors import LedgerUnavailable
from jobs.records import Renewal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.records import Claim
    from jobs.store import Ledger

#: Least seconds between two questions to the ledger from between batches.
ASK_EVERY = 0.5

log = structlog.get_logger(__name__)


class Lease:
    """What the ledger last said of a claim."""

    def __init__(self, ledger: Ledger, claim: Claim, seconds: float) -> None:
        self._ledger, self._claim, self._seconds = ledger, claim, seconds
        self._lock = threading.Lock()
        self._asked = time.monotonic()
        self._state = Renewal.HELD

    def ask(self) -> Renewal:
        """Whether to go on; asks the ledger, and renews, if the last answer is older than `ASK_EVERY`."""
        if time.monotonic() - self._asked >= ASK_EVERY:
            self.renew()
        return self._state

    def renew(self) -> None:
        """Renew now. A ledger that does not answer changes nothing: the lease runs on until it ends."""
        with self._lock:
            self._asked = time.monotonic()
            try:
                self._state = self._ledger.renew(self._claim, self._seconds)
            except LedgerUnavailable as error:
                log.warning("lease_not_renewed", chunk=self._claim.chunk_id, error=str(error))


@contextmanager
def kept(ledger: Ledger, claim: Claim, seconds: float) -> Iterator[Lease]:
    """Renew the lease every third of its `seconds` until the block ends."""
    lease = Lease(ledger, claim, seconds)
    done = threading.Event()

    def beat() -> None:
        while not done.wait(seconds / 3):
            lease.renew()

    thread = threading.Thread(target=beat, name=f"lease-{claim.chunk_id}", daemon=True)
    thread.start()
    try:
        yield lease
    finally:
        done.set()
        thread.join()
