"""Result lines: as they come, in order, in pages, and what failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jobs.states import DropReason
from jobs.store import lines
from tests.jobs.building import claim_one, finish, queued_job, ranges, results_of

if TYPE_CHECKING:
    from jobs.store import Ledger


@pytest.fixture
def backwards(ledger: Ledger) -> str:
    """A finished job of four chunks of two documents, committed last chunk first; lines 2, 5 and 6 failed."""
    job_id = queued_job(ledger, chunks=4)
    for claim in reversed([claim_one(ledger) for _ in range(4)]):
        assert ledger.commit(claim, results_of(claim, failed={2, 5, 6}))
    return job_id


def test_results_come_in_the_order_of_commits(ledger: Ledger, backwards: str) -> None:
    first = ledger.results(backwards, limit=3)
    rest = ledger.results(backwards, after=first[-1].id)

    assert [result.line for result in first + rest] == [7, 8, 5, 6, 3, 4, 1, 2]
    assert [result.id for result in first + rest] == sorted(result.id for result in first + rest)


@pytest.mark.parametrize("page", [1, 3, 8, 1000])
def test_results_in_order_do_not_depend_on_the_page(
    ledger: Ledger, backwards: str, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "PAGE", page)

    stored = list(ledger.results_in_order(backwards))

    assert [(result.line, result.document_id, result.ok) for result in stored] == [
        (line, f"d{line}", line not in {2, 5, 6}) for line in range(1, 9)
    ]


@pytest.mark.parametrize("page", [1, 2, 1000])
def test_lines_in_order_go_on_behind_any_line(
    ledger: Ledger, backwards: str, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "PAGE", page)

    for after in range(10):
        stored = [result.line for result in ledger.results_in_order(backwards, after)]
        failed = [result.line for result in ledger.failed_in_order(backwards, after)]
        assert stored == [line for line in range(1, 9) if line > after]
        assert failed == [line for line in (2, 5, 6) if line > after]


def test_reading_holds_nothing_open(ledger: Ledger, backwards: str) -> None:
    """A reader that stops half way neither blocks a writer nor keeps a connection."""
    reading = ledger.results_in_order(backwards)
    next(reading)

    other = queued_job(ledger)
    finish(ledger)

    assert ledger.job(other).completed == 6
    assert len(list(reading)) == 7


def test_failed_lines_are_grouped_by_chunk(ledger: Ledger, backwards: str) -> None:
    failed = list(ledger.failed_lines(backwards))

    assert [(each.chunk, each.lines) for each in failed] == [
        (ranges(4, 2)[0], (2,)),
        (ranges(4, 2)[2], (5, 6)),
    ]


def test_dropped_chunks_are_in_order_with_their_reason(ledger: Ledger) -> None:
    job_id = queued_job(ledger, chunks=3)
    claim = claim_one(ledger)
    ledger.commit(claim, results_of(claim))
    claim_one(ledger, lease_s=-1)
    ledger.reap(max_crashes=1)
    ledger.cancel(job_id)

    dropped = list(ledger.dropped_chunks(job_id))

    assert [each.chunk for each in dropped] == ranges(3, 2)[1:]
    assert [each.reason for each in dropped] == [DropReason.POISON, DropReason.JOB_CANCELLED]
    assert list(ledger.failed_lines(job_id)) == []


def test_jobs_do_not_see_each_others_lines(ledger: Ledger, backwards: str) -> None:
    other = queued_job(ledger, chunks=1)
    finish(ledger)

    assert len(ledger.results(other)) == len(list(ledger.results_in_order(other))) == 2
    assert len(ledger.results(backwards)) == 8
