"""Cancelling: finished work stays, running work may still commit, and nothing ends twice."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from jobs.errors import JobFinished, UnknownJob
from jobs.states import JobState
from tests.jobs.building import claim_one, finish, names, new_job, queued_job, results_of

if TYPE_CHECKING:
    from jobs.store import Ledger


@pytest.mark.parametrize("make", [new_job, queued_job])
def test_a_job_that_nobody_works_on_is_cancelled_at_once(ledger: Ledger, make: type) -> None:
    job_id = make(ledger)

    assert ledger.cancel(job_id) is JobState.CANCELLED

    assert (ledger.job(job_id).pending, ledger.law(job_id)) == (0, ())
    assert names(ledger, job_id)[-1] == "cancelled"


def test_a_running_chunk_may_commit_and_ends_the_job(ledger: Ledger) -> None:
    job_id = queued_job(ledger)
    claim = claim_one(ledger)

    assert ledger.cancel(job_id) is JobState.CANCELLING
    assert ledger.cancel(job_id) is JobState.CANCELLING
    assert (ledger.job(job_id).pending, ledger.job(job_id).failed, ledger.law(job_id)) == (2, 4, ())
    assert ledger.commit(claim, results_of(claim))

    job = ledger.job(job_id)
    assert (job.state, job.completed, job.failed, ledger.law(job_id)) == (JobState.CANCELLED, 2, 4, ())
    assert names(ledger, job_id)[-2:] == ["cancelling", "cancelled"]


def test_nothing_is_claimed_from_a_job_that_is_being_cancelled(ledger: Ledger) -> None:
    job_id = queued_job(ledger)
    waiting = ledger.owed("tag", 10)
    claim_one(ledger)
    ledger.cancel(job_id)

    assert [ledger.claim(chunk_id, worker="w2", lease_s=60) for chunk_id in waiting] == [None] * 3


def test_a_release_drops_the_chunk_and_ends_the_job(ledger: Ledger) -> None:
    job_id = queued_job(ledger)
    claim = claim_one(ledger)
    ledger.cancel(job_id)

    assert ledger.release(claim)
    assert not ledger.release(claim)

    assert (ledger.job(job_id).state, ledger.job(job_id).failed) == (JobState.CANCELLED, 6)
    assert {chunk.reason for chunk in ledger.dropped_chunks(job_id)} == {"job_cancelled"}


def test_a_job_between_two_chunks_is_cancelled_at_once(ledger: Ledger) -> None:
    job_id = queued_job(ledger)
    claim = claim_one(ledger)
    ledger.commit(claim, results_of(claim))

    assert ledger.cancel(job_id) is JobState.CANCELLED

    assert (ledger.job(job_id).completed, ledger.job(job_id).failed) == (2, 4)
    assert len(ledger.results(job_id)) == 2


def test_a_finished_job_is_not_cancelled(ledger: Ledger) -> None:
    job_id = queued_job(ledger)
    finish(ledger)

    with pytest.raises(JobFinished, match="'completed'"):
        ledger.cancel(job_id)


def test_an_unknown_job_is_named(ledger: Ledger) -> None:
    with pytest.raises(UnknownJob, match="'job_nobody'"):
        ledger.cancel("job_nobody")


@pytest.mark.parametrize("round_", range(10))
def test_cancel_races_with_the_last_commit(ledger: Ledger, round_: int) -> None:
    # Given a job with one chunk left, in work
    job_id = queued_job(ledger, chunks=1)
    claim = claim_one(ledger)
    start = threading.Barrier(2)
    outcome: dict[str, object] = {}

    def cancel() -> None:
        start.wait()
        try:
            outcome["cancel"] = ledger.cancel(job_id)
        except JobFinished as error:
            outcome["cancel"] = error

    # When the commit and the cancel come at the same time
    other = threading.Thread(target=cancel)
    other.start()
    start.wait()
    committed = ledger.commit(claim, results_of(claim))
    other.join()

    # Then the work is kept, and the job ends once, as the one or the other
    job = ledger.job(job_id)
    assert committed
    assert (job.completed, job.failed, ledger.law(job_id)) == (2, 0, ())
    late = isinstance(outcome["cancel"], JobFinished)
    assert job.state is (JobState.COMPLETED if late else JobState.CANCELLED)
    assert len([name for name in names(ledger, job_id) if name in ("completed", "cancelled")]) == 1
