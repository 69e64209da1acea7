"""Ringing behind the answer: a submission is accepted when the ledger has it, whatever the broker does.

Owns the one thread that rings. Bells that it does not come to stay owed in the ledger, where the reaper finds them.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import structlog

from jobs.errors import LedgerError
from jobs.submitting import ring

if TYPE_CHECKING:
    from jobs.queue import Doorbell
    from jobs.store import Ledger

_log = structlog.get_logger("tagwerk.api")


class Ringer:
    """Rings what queues are owed, in a thread of its own that begins with the first ring."""

    def __init__(self, ledger: Ledger, bell: Doorbell) -> None:
        self._ledger, self._bell = ledger, bell
        self._changed = threading.Condition()
        self._queues: set[str] = set()
        self._closed = False
        self._thread: threading.Thread | None = None

    def ring(self, queue: str) -> None:
        """Have the bells of a queue rung soon; returns at once."""
        with self._changed:
            self._queues.add(queue)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="ringer", daemon=True)
                self._thread.start()
            self._changed.notify()

    def close(self) -> None:
        """Ring what is asked for already, and end the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while queues := self._next():
            for queue in queues:
                self._ring(queue)

    def _ring(self, queue: str) -> None:
        try:
            ring(self._ledger, self._bell, queue)
        except LedgerError as error:
            _log.warning("bells_owed", queue=queue, code=error.code, reason=str(error))
        except Exception:  # noqa: BLE001 -- whatever it is, the next submission's bells must ring
            _log.exception("bells_owed", queue=queue)

    def _next(self) -> set[str]:
        """Wait for queues to ring; none: it is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._queues or self._closed)
            queues, self._queues = self._queues, set()
            return queues
