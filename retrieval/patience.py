"""Calls that end in time whatever the other side does: one that trickles its answer, or never sends it."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, TypeVar

from retrieval.errors import IndexTimeout, IndexUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

#: Calls that may be under way at once, those that were given up and have not ended among them.
WAITING = 8


class Patience:
    """Runs each call on a thread of its own, which is left behind where it takes too long.

    A timeout of the HTTP client bounds each read, not the whole; and it counts whole seconds alone.
    """

    def __init__(self) -> None:
        self._room = threading.BoundedSemaphore(WAITING)

    def run(self, seconds: float, call: Callable[[], T]) -> T:
        """What the call returns or raises; raises IndexTimeout after so many seconds."""
        if not self._room.acquire(blocking=False):
            raise IndexUnavailable(f"{WAITING} calls to the index have not come back yet")
        future: Future[T] = Future()
        threading.Thread(target=self._work, args=(call, future), name="retrieval", daemon=True).start()
        try:
            return future.result(seconds)
        except TimeoutError:
            if future.done():  # it came this very moment, or the error is the call's own
                return future.result()
            raise IndexTimeout(seconds) from None

    def _work(self, call: Callable[[], T], future: Future[T]) -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001 -- it is the caller's, whatever it is
            future.set_exception(error)
        finally:
            self._room.release()
