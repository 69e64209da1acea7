"""Claim, renew, release, commit: who holds a chunk, and that nobody else can write for it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.exc import IntegrityError

from jobs.records import NewEscalation, Renewal
from jobs.states import JobState
from tests.jobs.building import LABELS, claim_one, finish, made_tagger, names, queued_job, ranges, results_of

if TYPE_CHECKING:
    from jobs.store import Ledger


def test_a_claim_carries_all_that_the_work_needs(ledger: Ledger) -> None:
    job_id = queued_job(ledger, tenant="acme", options={"k": 1})

    claim = claim_one(ledger)

    assert (claim.job_id, claim.tenant, claim.attempt, claim.blob) == (job_id, "acme", 1, "b" * 64)
    assert (claim.tagger, claim.folder, claim.engine, claim.kind) == ("music@3", None, "biencoder", "tag")
    assert (claim.labels, claim.options, claim.chunk) == (LABELS, {"k": 1}, ranges(1, 2)[0])


def test_a_claim_says_where_its_tagger_lies(ledger: Ledger) -> None:
    # Given taggers of one name that two tenants made
    theirs, ours = (made_tagger(ledger, "music", tenant=tenant) for tenant in ("globex", "acme"))

    # When each tags with it
    for tenant in ("acme", "globex"):
        queued_job(ledger, chunks=1, tenant=tenant, tagger="music@1")
    first, second = claim_one(ledger), claim_one(ledger)

    # Then each works with its own
    assert (first.tenant, first.folder) == ("acme", ours.folder)
    assert (second.tenant, second.folder) == ("globex", theirs.folder)


def test_a_chunk_is_claimed_once(ledger: Ledger) -> None:
    queued_job(ledger)
    claim = claim_one(ledger)

    assert ledger.claim(claim.chunk_id, worker="w2", lease_s=60) is None


def test_nothing_is_claimed_that_is_not_there(ledger: Ledger) -> None:
    assert ledger.claim(4711, worker="w1", lease_s=60) is None


def test_the_first_claim_starts_the_job(ledger: Ledger) -> None:
    job_id = queued_job(ledger)

    claim_one(ledger)
    claim_one(ledger)

    assert ledger.job(job_id).state is JobState.RUNNING
    assert names(ledger, job_id) == ["created", "queued", "started"]


def test_the_last_commit_completes_the_job(ledger: Ledger) -> None:
    job_id = queued_job(ledger)

    finish(ledger, failed={2})

    job = ledger.job(job_id)
    assert (job.state, job.pending, job.completed, job.failed) == (JobState.COMPLETED, 0, 5, 1)
    assert None not in (job.running_at, job.finalizing_at, job.completed_at)
    assert names(ledger, job_id) == ["created", "queued", "started", "finalizing", "completed"]
    assert ledger.law(job_id) == ()


def test_results_and_escalations_come_with_the_commit(ledger: Ledger) -> None:
    job_id = queued_job(ledger)
    claim = claim_one(ledger)
    doubt = NewEscalation(line=2, document_id="d2", reasons=("low_confidence", "audit"), risk=0.25)

    assert ledger.commit(claim, results_of(claim), [doubt])

    assert [(each.line, each.ok) for each in ledger.results(job_id)] == [(1, True), (2, True)]
    (kept,) = ledger.escalations(job_id)
    assert (kept.line, kept.reasons, kept.risk) == (2, ["low_confidence", "audit"], 0.25)
    assert (ledger.job(job_id).completed, ledger.job(job_id).escalated) == (2, 1)


def test_a_commit_needs_one_result_for_each_document(ledger: Ledger) -> None:
    job_id = queued_job(ledger)
    claim = claim_one(ledger)

    with pytest.raises(ValueError, match="has 2 documents, 1 results were given"):
        ledger.commit(claim, results_of(claim)[:1])

    assert ledger.results(job_id) == []


def test_a_commit_is_whole_or_nothing(ledger: Ledger) -> None:
    job_id = queued_job(ledger)
    claim = claim_one(ledger)
    twice = [results_of(claim)[0]] * 2

    with pytest.raises(IntegrityError):
        ledger.commit(claim, twice)

    assert (ledger.results(job_id), ledger.job(job_id).pending, ledger.law(job_id)) == ([], 6, ())
    assert ledger.renew(claim, 60) is Renewal.HELD


def test_a_stale_commit_is_refused(ledger: Ledger) -> None:
    # Given a worker that slept past its lease
    job_id = queued_job(ledger, chunks=1)
    stale = claim_one(ledger, lease_s=-1)
    ledger.reap(max_crashes=3)
    fresh = claim_one(ledger, worker="w2")

    # When it wakes and commits, before and after the other
    assert not ledger.commit(stale, results_of(stale, failed={1}))
    assert ledger.commit(fresh, results_of(fresh))
    assert not ledger.commit(stale, results_of(stale, failed={1}))

    # Then only the other's work is there
    assert fresh.attempt == 2
    assert (ledger.job(job_id).completed, ledger.job(job_id).failed, ledger.law(job_id)) == (2, 0, ())


def test_a_commit_whose_answer_was_lost_may_be_sent_again(ledger: Ledger) -> None:
    job_id = queued_job(ledger, chunks=1)
    claim = claim_one(ledger)

    assert ledger.commit(claim, results_of(claim))
    assert not ledger.commit(claim, results_of(claim))

    assert len(ledger.results(job_id)) == 2


def test_a_lease_that_ran_out_holds_until_somebody_takes_it_away(ledger: Ledger) -> None:
    queued_job(ledger)
    claim = claim_one(ledger, lease_s=-1)

    assert ledger.renew(claim, 60) is Renewal.HELD
    assert ledger.reap(max_crashes=3).crashed == 0


def test_renewing_tells_of_a_lost_chunk(ledger: Ledger) -> None:
    queued_job(ledger)
    claim = claim_one(ledger, lease_s=-1)
    ledger.reap(max_crashes=3)

    assert ledger.renew(claim, 60) is Renewal.LOST


def test_renewing_tells_of_a_cancelled_job(ledger: Ledger) -> None:
    job_id = queued_job(ledger)
    claim = claim_one(ledger)
    ledger.cancel(job_id)

    assert ledger.renew(claim, 60) is Renewal.CANCELLING


def test_release_hands_back_without_a_crash(ledger: Ledger) -> None:
    job_id = queued_job(ledger, chunks=1)
    ledger.mark_rung(ledger.owed("tag", 1))
    (chunk_id,) = ledger.oldest_rung("tag", 1)
    claim = ledger.claim(chunk_id, worker="w1", lease_s=60)
    assert claim is not None

    assert ledger.release(claim)

    assert ledger.owed("tag", 10) == [chunk_id]
    assert claim_one(ledger).attempt == 2
    assert (ledger.reap(max_crashes=1).crashed, ledger.law(job_id)) == (0, ())


@pytest.mark.parametrize("attempt", [0, 2])
def test_release_of_another_attempt_is_refused(ledger: Ledger, attempt: int) -> None:
    queued_job(ledger, chunks=1)
    claim = claim_one(ledger)

    assert not ledger.release(replace(claim, attempt=attempt))
    assert ledger.renew(claim, 60) is Renewal.HELD
