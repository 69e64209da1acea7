"""The thread that rings: it outlives what goes wrong, and ends with what it was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.api.desk import until

if TYPE_CHECKING:
    import pytest
    from structlog.typing import EventDict

    from tests.api.desk import Desk


def test_an_error_that_nobody_foresaw_does_not_end_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, log: list[EventDict]
) -> None:
    # Given a ring that fails in an unknown way
    with monkeypatch.context() as patch:
        patch.setattr("api.ringing.ring", lambda *_arguments: 1 / 0)
        desk.submit()
        until(lambda: any(entry["event"] == "bells_owed" and entry.get("exc_info") for entry in log))

    # When the next job is submitted, then both ring
    desk.submit()
    until(lambda: desk.parts.bell.depth("tag") == 2)


def test_a_ledger_that_is_away_does_not_end_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from jobs.errors import LedgerUnavailable

    def away(*_arguments: object) -> None:
        raise LedgerUnavailable("postgresql://db", OSError("away"))

    with monkeypatch.context() as patch:
        patch.setattr("jobs.store.ledger.Ledger.owed", away)
        desk.submit()
        until(lambda: not desk.parts.ringer._queues)

    desk.submit()
    until(lambda: desk.parts.bell.depth("tag") == 2)


def test_closing_rings_what_was_asked_for(desk: Desk) -> None:
    desk.submit()
    desk.parts.ringer.close()

    assert desk.parts.bell.depth("tag") == 1
