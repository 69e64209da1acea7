"""Whether requests can be served: ledger, blobs and broker, asked by one probe for all who want to know.

Anybody may ask, without a key: so asking often costs no more threads and no more writing than asking once.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import anyio
from anyio import CapacityLimiter, to_thread

from api.schemas import Readiness
from jobs.errors import LedgerUnavailable

if TYPE_CHECKING:
    from api.parts import Parts

#: Seconds that the broker has to say that it is there.
BROKER_SECONDS = 0.5
#: Seconds for which an answer is good.
FRESH_SECONDS = 2.0


class Probe:
    """Looks at the parts of one service, one look at a time."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._turn = anyio.Lock()
        # Apart from the threads of other requests: a ledger that is slow to fail takes none of theirs.
        self._threads = CapacityLimiter(1)
        self._asking_broker = threading.Lock()
        self._found: Readiness | None = None
        self._until = 0.0

    async def look(self) -> Readiness:
        """How things stand, or stood at most `FRESH_SECONDS` ago."""
        async with self._turn:
            if self._found is None or time.monotonic() >= self._until:
                self._found = await self._ask()
                self._until = time.monotonic() + FRESH_SECONDS
            return self._found

    async def _ask(self) -> Readiness:
        ledger = await to_thread.run_sync(self._ledger, limiter=self._threads)
        blobs = await to_thread.run_sync(self._blobs, limiter=self._threads)
        broker = await self._broker()
        return Readiness(ready=ledger == blobs == "ok", ledger=ledger, blobs=blobs, broker=broker)

    def _ledger(self) -> str:
        try:
            self._parts.ledger.now()
            return "ok" if self._parts.is_migrated() else "not_migrated"
        except LedgerUnavailable:
            return "unavailable"

    def _blobs(self) -> str:
        try:
            with self._parts.blobs.writer() as writer:
                writer.write(b"\n")
        except OSError as error:
            return error.strerror or type(error).__name__
        return "ok"

    async def _broker(self) -> str:
        # Its client tries again and again, and whoever asks for readiness does not wait for that.
        with anyio.move_on_after(BROKER_SECONDS):
            if await to_thread.run_sync(self._broker_answers, abandon_on_cancel=True, limiter=self._threads):
                return "ok"
        return "unavailable"

    def _broker_answers(self) -> bool:
        # A thread that is not waited for goes on, and its place is free: the lock keeps it the only one.
        if not self._asking_broker.acquire(blocking=False):
            return False
        try:
            return self._parts.bell.answers()
        finally:
            self._asking_broker.release()
