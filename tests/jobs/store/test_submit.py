"""How a job comes into the ledger."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from jobs.errors import IllegalTransition, JobFinished, UnknownJob
from jobs.states import JobKind, JobState
from jobs.store.submit import BATCH
from tests.jobs.building import LABELS, claim_one, names, new_job, queued_job, ranges

if TYPE_CHECKING:
    from jobs.store import Ledger


def test_a_new_job_is_validating_and_counts_nothing(ledger: Ledger) -> None:
    job_id = new_job(ledger, name="gigs", tenant="acme", options={"offsets": "utf16"}, hours=2)

    job = ledger.job(job_id)

    assert (job.state, job.kind, job.name, job.tenant) == (JobState.VALIDATING, JobKind.TAG, "gigs", "acme")
    assert (job.labels, job.options) == (LABELS, {"offsets": "utf16"})
    assert (job.total, job.pending, job.completed, job.failed, job.escalated) == (None, 0, 0, 0, 0)
    assert job.expires_at - job.created_at == timedelta(hours=2)
    assert ledger.law(job_id) == ()


def test_enqueue_counts_every_document_as_pending(ledger: Ledger) -> None:
    job_id = queued_job(ledger, chunks=BATCH + 1, documents=2)

    job = ledger.job(job_id)

    assert (job.state, job.total, job.pending) == (JobState.QUEUED, 2002, 2002)
    assert job.queued_at is not None
    assert len(ledger.owed("tag", 5000)) == BATCH + 1
    assert names(ledger, job_id) == ["created", "queued"]


def test_chunks_that_hold_other_documents_leave_nothing_behind(ledger: Ledger) -> None:
    job_id = new_job(ledger)

    with pytest.raises(ValueError, match="hold 6 documents, the corpus 7"):
        ledger.enqueue(job_id, blob="b", documents=7, chunks=ranges(3, 2), queue="tag")

    assert ledger.job(job_id).state is JobState.VALIDATING
    assert ledger.owed("tag", 10) == []


def test_a_job_is_queued_once(ledger: Ledger) -> None:
    job_id = queued_job(ledger)

    with pytest.raises(IllegalTransition, match=job_id):
        ledger.enqueue(job_id, blob="b", documents=2, chunks=ranges(1, 2), queue="tag")

    assert ledger.job(job_id).total == 6


def test_a_job_cancelled_while_it_was_validated_is_not_queued(ledger: Ledger) -> None:
    job_id = new_job(ledger)
    ledger.cancel(job_id)

    with pytest.raises(IllegalTransition, match="'cancelled' to 'queued'"):
        ledger.enqueue(job_id, blob="b", documents=2, chunks=ranges(1, 2), queue="tag")


def test_reject_keeps_the_reason(ledger: Ledger) -> None:
    job_id = new_job(ledger)
    error = {"code": "invalid_corpus", "message": "line 3: bad"}

    assert ledger.reject(job_id, error) is JobState.FAILED

    job = ledger.job(job_id)
    assert (job.state, job.error, job.total) == (JobState.FAILED, error, None)
    assert ledger.events(job_id)[-1].data == error
    assert names(ledger, job_id) == ["created", "rejected"]


def test_reject_of_a_running_job_fails_what_is_pending(ledger: Ledger) -> None:
    job_id = queued_job(ledger)
    claim = claim_one(ledger)

    ledger.reject(job_id, {"code": "unknown_blob", "message": "gone"})

    assert not ledger.release(claim)
    assert (ledger.job(job_id).failed, ledger.law(job_id)) == (6, ())
    assert {chunk.reason for chunk in ledger.dropped_chunks(job_id)} == {"job_failed"}


def test_reject_of_a_job_that_is_being_cancelled_cancels_it(ledger: Ledger) -> None:
    job_id = queued_job(ledger)
    claim_one(ledger)
    ledger.cancel(job_id)

    assert ledger.reject(job_id, {"code": "x", "message": "y"}) is JobState.CANCELLED
    assert ledger.job(job_id).error is None


def test_reject_of_a_finished_job_is_refused(ledger: Ledger) -> None:
    job_id = queued_job(ledger)
    ledger.cancel(job_id)

    with pytest.raises(JobFinished, match="'cancelled'"):
        ledger.reject(job_id, {"code": "x", "message": "y"})


def test_unknown_jobs_are_named(ledger: Ledger) -> None:
    with pytest.raises(UnknownJob, match="'job_nobody'"):
        ledger.reject("job_nobody", {})
