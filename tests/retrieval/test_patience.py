"""Calls that end in time: results and errors pass, and what takes too long is left behind."""

from __future__ import annotations

import threading

import pytest

from retrieval.errors import IndexTimeout, IndexUnavailable
from retrieval.patience import WAITING, Patience


def test_results_and_errors_pass() -> None:
    patience = Patience()

    def fail() -> None:
        raise TimeoutError("its own")

    assert patience.run(5, lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        patience.run(5, lambda: 1 // 0)
    with pytest.raises(TimeoutError, match="its own"):
        patience.run(5, fail)


def test_there_is_room_again_when_calls_have_ended() -> None:
    # Given as many calls as may be under way, all left behind
    patience, release = Patience(), threading.Event()
    for _ in range(WAITING):
        with pytest.raises(IndexTimeout, match=r"within 0\.01 s"):
            patience.run(0.01, release.wait)
    with pytest.raises(IndexUnavailable):
        patience.run(0.01, lambda: None)

    # When they end
    release.set()
    for thread in threading.enumerate():
        if thread.name == "retrieval":
            thread.join()

    # Then there is room for as many
    assert [patience.run(5, lambda: 1) for _ in range(2 * WAITING)] == [1] * (2 * WAITING)
