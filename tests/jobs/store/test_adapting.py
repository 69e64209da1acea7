"""What a worker says of an adaptation: its progress, the tagger it made, why there is none; and that no other can."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from jobs.errors import BadTaggerName
from jobs.records import NewTagger
from jobs.states import JobState, TaggerState
from tests.jobs.building import adapt_job, claim_adaptation, names, queued_job

if TYPE_CHECKING:
    from jobs.records import Claim
    from jobs.store import Ledger

RECEIPT = {"verdict": "better", "after": {"f1": 0.7}}
MUSIC = NewTagger(name="music", receipt=RECEIPT, promote=True)


def crashes(ledger: Ledger, times: int) -> None:
    """Let so many leases of the adaptation run out, one after the other."""
    for _ in range(times):
        claim = ledger.claim(ledger.owed("adapt", 1)[0], worker="w1", lease_s=-1)
        assert claim is not None
        assert ledger.reap(max_crashes=3).crashed == 1


def lost(ledger: Ledger) -> Claim:
    """The claim of a worker whose lease was taken away, and whose chunk another one holds."""
    claim = claim_adaptation(ledger)
    ledger.void_leases()
    claim_adaptation(ledger, worker="w2")
    return claim


def test_the_commit_of_a_tagger_ends_the_job_with_a_line_that_names_it(ledger: Ledger) -> None:
    job_id = adapt_job(ledger)

    made = ledger.commit_tagger(claim_adaptation(ledger), MUSIC)

    assert made is not None
    assert (made.full_name, made.folder, made.state) == ("music@1", job_id, TaggerState.PROMOTED)
    [line] = ledger.results(job_id)
    assert (line.line, line.document_id, line.ok) == (1, job_id, True)
    assert json.loads(line.body) == {"id": job_id, "tagger": "music@1", "promoted": True, "receipt": RECEIPT}
    job = ledger.job(job_id)
    assert (job.state, job.total, job.completed, job.failed) == (JobState.COMPLETED, 1, 1, 0)
    assert ledger.law(job_id) == ()


def test_a_tagger_that_is_not_to_be_promoted_is_a_candidate(ledger: Ledger) -> None:
    job_id = adapt_job(ledger)

    made = ledger.commit_tagger(claim_adaptation(ledger), NewTagger(name="music", receipt={}, promote=False))

    assert made is not None
    assert (made.state, made.promoted_at) == (TaggerState.CANDIDATE, None)
    assert json.loads(ledger.results(job_id)[0].body)["promoted"] is False


def test_a_job_that_is_being_cancelled_promotes_nothing(ledger: Ledger) -> None:
    # Given an adaptation that is cancelled when its tagger is made already
    job_id = adapt_job(ledger)
    claim = claim_adaptation(ledger)
    ledger.cancel(job_id)

    # When it is committed
    made = ledger.commit_tagger(claim, MUSIC)

    # Then finished work is kept, and no name changes its meaning
    assert made is not None
    assert (made.state, ledger.job(job_id).state) == (TaggerState.CANDIDATE, JobState.CANCELLED)
    assert json.loads(ledger.results(job_id)[0].body)["promoted"] is False


def test_a_stale_worker_registers_nothing(ledger: Ledger) -> None:
    adapt_job(ledger)

    assert ledger.commit_tagger(lost(ledger), MUSIC) is None

    assert ledger.tenant("local").taggers() == []


def test_a_second_commit_is_refused(ledger: Ledger) -> None:
    adapt_job(ledger)
    claim = claim_adaptation(ledger)

    assert ledger.commit_tagger(claim, MUSIC) is not None
    assert ledger.commit_tagger(claim, MUSIC) is None

    assert len(ledger.tenant("local").taggers()) == 1


def test_a_name_that_cannot_be_leaves_the_job_as_it_was(ledger: Ledger) -> None:
    job_id = adapt_job(ledger)
    claim = claim_adaptation(ledger)

    with pytest.raises(BadTaggerName):
        ledger.commit_tagger(claim, NewTagger(name="default", receipt={}, promote=True))

    assert (ledger.job(job_id).pending, ledger.results(job_id), ledger.law(job_id)) == (1, [], ())


def test_progress_is_an_event_that_moves_nothing(ledger: Ledger) -> None:
    job_id = adapt_job(ledger)

    assert ledger.progress(claim_adaptation(ledger), "learning", 0.12345)

    last = ledger.events(job_id)[-1]
    assert (last.name, last.from_state, last.to_state) == ("progress", JobState.RUNNING, JobState.RUNNING)
    assert last.data == {"stage": "learning", "share": 0.123}
    assert ledger.job(job_id).state is JobState.RUNNING


def test_a_job_tells_how_far_its_worker_was_when_it_last_told(ledger: Ledger) -> None:
    # Given adaptations, of which one is under way, and a job of another kind
    waiting, job_id, tagging = adapt_job(ledger), adapt_job(ledger), queued_job(ledger)
    claims = [claim_adaptation(ledger), claim_adaptation(ledger)]
    assert ledger.job(job_id).progress is None

    # When its worker tells twice
    for share in (0.75, 0.25):
        assert ledger.progress(claims[1], "learning", share)

    # Then the last is what is seen, one job at a time and in the list, and of no other
    told = {"stage": "learning", "share": 0.25}
    assert ledger.job(job_id).progress == told
    assert {job.id: job.progress for job in ledger.jobs()} == {waiting: None, job_id: told, tagging: None}


def test_work_that_goes_on_is_no_poison(ledger: Ledger) -> None:
    # Given an adaptation whose workers died twice
    job_id = adapt_job(ledger)
    crashes(ledger, 2)

    # When the third comes farther than they did, and dies, and two more after it
    assert ledger.progress(claim_adaptation(ledger), "judging", 0.1)
    ledger.void_leases()
    crashes(ledger, 2)

    # Then it is tried again; and one that comes no farther is the last
    assert ledger.progress(claim_adaptation(ledger), "judging", 0.1)
    ledger.void_leases()
    crashes(ledger, 1)
    assert [dropped.reason for dropped in ledger.dropped_chunks(job_id)] == ["poison"]


def test_another_stage_is_new_ground(ledger: Ledger) -> None:
    adapt_job(ledger)
    assert ledger.progress(claim_adaptation(ledger), "judging", 1.0)
    ledger.void_leases()
    crashes(ledger, 2)

    assert ledger.progress(claim_adaptation(ledger), "learning", 0.0)
    ledger.void_leases()
    crashes(ledger, 2)

    assert ledger.owed("adapt", 1)


def test_a_failed_adaptation_says_why(ledger: Ledger) -> None:
    job_id = adapt_job(ledger)
    error = {"code": "invalid_examples", "message": "line 1: no", "problems": [], "total": 1}

    assert ledger.fail(claim_adaptation(ledger), error)

    job = ledger.job(job_id)
    assert (job.state, job.error, job.failed) == (JobState.FAILED, error, 1)
    assert names(ledger, job_id)[-1] == "failed"
    assert ledger.law(job_id) == ()


def test_one_that_is_being_cancelled_does_not_fail(ledger: Ledger) -> None:
    job_id = adapt_job(ledger)
    claim = claim_adaptation(ledger)
    ledger.cancel(job_id)

    assert ledger.fail(claim, {"code": "x", "message": "y"})

    assert (ledger.job(job_id).state, ledger.job(job_id).error) == (JobState.CANCELLED, None)


def test_a_stale_worker_neither_tells_nor_fails(ledger: Ledger) -> None:
    job_id = adapt_job(ledger)
    claim = lost(ledger)

    assert not ledger.progress(claim, "judging", 0.5)
    assert not ledger.fail(claim, {"code": "x", "message": "y"})

    assert ledger.job(job_id).state is JobState.RUNNING
    assert "progress" not in names(ledger, job_id)
