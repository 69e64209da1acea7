"""Reaping: lost leases, poison, expiry, the leases of a dead holder. Doing it twice does no harm."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jobs.errors import IllegalTransition
from jobs.records import ReapReport
from jobs.states import JobState
from tests.jobs.building import (
    claim_one,
    finish,
    make_due,
    names,
    new_job,
    queued_job,
    ranges,
    results_of,
)

if TYPE_CHECKING:
    from jobs.store import Ledger


def test_a_lost_lease_is_a_crash_and_owes_a_bell(ledger: Ledger) -> None:
    job_id = queued_job(ledger, chunks=1)
    claim = claim_one(ledger, lease_s=-1)

    assert ledger.reap(max_crashes=3) == ReapReport(crashed=1)
    assert ledger.reap(max_crashes=3) == ReapReport()

    assert ledger.owed("tag", 10) == [claim.chunk_id]
    assert ledger.law(job_id) == ()


def test_a_lease_that_is_renewed_is_left_alone(ledger: Ledger) -> None:
    queued_job(ledger)
    claim_one(ledger, lease_s=60)

    assert ledger.reap(max_crashes=3) == ReapReport()


def test_poison_after_three_crashes(ledger: Ledger) -> None:
    # Given a job of two chunks, one of which kills its workers
    job_id = queued_job(ledger, chunks=2)
    poisonous = ledger.owed("tag", 1)[0]

    # When three workers die on it
    reports = []
    for _ in range(3):
        assert ledger.claim(poisonous, worker="w1", lease_s=-1)
        reports.append(ledger.reap(max_crashes=3))

    # Then it is dropped, the others' work goes on, and the job completes
    assert reports == [ReapReport(crashed=1)] * 2 + [ReapReport(crashed=1, poisoned=1)]
    assert ledger.claim(poisonous, worker="w1", lease_s=60) is None
    assert ledger.job(job_id).state is JobState.RUNNING
    finish(ledger)
    job = ledger.job(job_id)
    assert (job.state, job.completed, job.failed, ledger.law(job_id)) == (JobState.COMPLETED, 2, 2, ())
    (dropped,) = ledger.dropped_chunks(job_id)
    assert (dropped.reason, dropped.chunk.seq) == ("poison", 0)


def test_poison_in_the_last_chunk_completes_the_job(ledger: Ledger) -> None:
    job_id = queued_job(ledger, chunks=1)
    claim_one(ledger, lease_s=-1)

    assert ledger.reap(max_crashes=1).poisoned == 1

    assert ledger.job(job_id).state is JobState.COMPLETED
    assert names(ledger, job_id)[-2:] == ["finalizing", "completed"]


def test_handing_back_is_no_crash(ledger: Ledger) -> None:
    queued_job(ledger, chunks=1)
    for _ in range(5):
        assert ledger.release(claim_one(ledger))
    claim_one(ledger, lease_s=-1)

    assert ledger.reap(max_crashes=2) == ReapReport(crashed=1)


def test_a_lost_lease_ends_a_job_that_is_being_cancelled(ledger: Ledger) -> None:
    job_id = queued_job(ledger)
    claim_one(ledger, lease_s=-1)
    ledger.cancel(job_id)

    assert ledger.reap(max_crashes=3) == ReapReport(crashed=1, cancelled=1)

    assert (ledger.job(job_id).state, ledger.law(job_id)) == (JobState.CANCELLED, ())


def test_expiry_keeps_results(ledger: Ledger, ledger_url: str) -> None:
    # Given a job with one chunk done, one in work and one waiting, whose time is over
    job_id = queued_job(ledger)
    done, running = claim_one(ledger), claim_one(ledger)
    ledger.commit(done, results_of(done))
    make_due(ledger_url, job_id)

    # When the reaper comes
    assert ledger.reap(max_crashes=3) == ReapReport(expired=1)
    assert ledger.expire_due() == []

    # Then what was done is kept, the rest has failed, and the late worker is refused
    job = ledger.job(job_id)
    assert (job.state, job.completed, job.failed, ledger.law(job_id)) == (JobState.EXPIRED, 2, 4, ())
    assert [result.line for result in ledger.results(job_id)] == [1, 2]
    assert {chunk.reason for chunk in ledger.dropped_chunks(job_id)} == {"job_expired"}
    assert not ledger.commit(running, results_of(running))
    assert not ledger.release(running)


def test_a_job_whose_submitter_died_expires(ledger: Ledger, ledger_url: str) -> None:
    job_id = new_job(ledger)
    make_due(ledger_url, job_id)

    assert ledger.expire_due() == [job_id]

    assert (ledger.job(job_id).state, ledger.job(job_id).total) == (JobState.EXPIRED, None)
    with pytest.raises(IllegalTransition):
        ledger.enqueue(job_id, blob="b", documents=2, chunks=ranges(1, 2), queue="tag")


def test_a_job_that_is_being_cancelled_ends_as_cancelled(ledger: Ledger, ledger_url: str) -> None:
    job_id = queued_job(ledger)
    claim = claim_one(ledger)
    ledger.cancel(job_id)
    make_due(ledger_url, job_id)

    ledger.expire_due()

    assert ledger.job(job_id).state is JobState.CANCELLED
    assert not ledger.commit(claim, results_of(claim))


def test_finished_jobs_and_those_with_time_left_do_not_expire(ledger: Ledger, ledger_url: str) -> None:
    finished = queued_job(ledger)
    finish(ledger)
    make_due(ledger_url, finished)
    queued_job(ledger)

    assert ledger.expire_due() == []


def test_leases_of_a_dead_holder_are_void(ledger: Ledger) -> None:
    # Given a job in work and one that is being cancelled, and a machine that was switched off
    kept, cancelled = queued_job(ledger, chunks=1), queued_job(ledger, chunks=1)
    claims = [claim_one(ledger), claim_one(ledger)]
    ledger.cancel(cancelled)

    # When it starts again
    assert ledger.void_leases() == 2
    assert ledger.void_leases() == 0

    # Then the one goes on at once, without a crash, and the other is over
    assert ledger.owed("tag", 10) == [claims[0].chunk_id]
    assert not ledger.commit(claims[0], results_of(claims[0]))
    claim_one(ledger, lease_s=-1)
    assert ledger.reap(max_crashes=2).poisoned == 0
    assert ledger.job(cancelled).state is JobState.CANCELLED
    assert (ledger.law(kept), ledger.law(cancelled)) == ((), ())
