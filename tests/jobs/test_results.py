"""The whole answer to a job: every document once, in order, whatever became of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from corpora.chunks import read_ids
from corpora.errors import UnknownBlob
from jobs.errors import UnknownJob
from jobs.results import MESSAGES, iter_lines
from jobs.states import DropReason, JobKind, JobState
from tests.jobs.building import make_due
from tests.jobs.corpora_building import answers, corpus, submit

if TYPE_CHECKING:
    from corpora.blobs import BlobStore
    from jobs.queue import Doorbell
    from jobs.store import Ledger


def commit_chunk(ledger: Ledger, blobs: BlobStore, number: int) -> None:
    """Commit one of the chunks that wait in the queue `tag`, counted from the front."""
    claim = ledger.claim(sorted(ledger.oldest_rung("tag", 100))[number], worker="w1", lease_s=60)
    assert claim is not None
    assert ledger.commit(claim, answers(claim, read_ids(blobs, claim.blob, claim.chunk)))


def test_stored_and_unreached_documents_come_in_the_order_of_the_corpus(
    ledger: Ledger, blobs: BlobStore, bell: Doorbell
) -> None:
    # Given a job of four chunks: the second is poison, the third and fourth are done, then it is cancelled
    job_id = submit(ledger, blobs, bell, corpus(8))
    first, second, *_rest = sorted(ledger.oldest_rung("tag", 10))
    assert ledger.claim(second, worker="w1", lease_s=-1)
    ledger.reap(max_crashes=1)
    commit_chunk(ledger, blobs, 2)
    commit_chunk(ledger, blobs, 1)
    ledger.cancel(job_id)

    # When all lines are read
    lines = [json.loads(line) for line in iter_lines(ledger, blobs, job_id)]

    # Then every document is there once, in order, with its result or its error
    assert [line["id"] for line in lines] == [f"d{number}" for number in range(1, 9)]
    codes = [line.get("error", {}).get("code") for line in lines]
    assert codes == ["job_cancelled"] * 2 + ["poison"] * 2 + [None] * 4
    assert lines[0]["error"]["message"] == MESSAGES[DropReason.JOB_CANCELLED]
    assert first not in ledger.owed("tag", 10)


def test_an_expired_job_gives_what_was_done_and_codes_the_rest(
    ledger: Ledger, ledger_url: str, blobs: BlobStore, bell: Doorbell
) -> None:
    job_id = submit(ledger, blobs, bell, corpus(4))
    commit_chunk(ledger, blobs, 0)
    make_due(ledger_url, job_id)
    ledger.expire_due()

    lines = [json.loads(line) for line in iter_lines(ledger, blobs, job_id)]

    assert ledger.job(job_id).state is JobState.EXPIRED
    assert [line.get("error", {}).get("code") for line in lines] == [None, None, "job_expired", "job_expired"]


def test_stored_lines_are_given_out_as_they_are(ledger: Ledger, blobs: BlobStore, bell: Doorbell) -> None:
    job_id = submit(ledger, blobs, bell, corpus(2))
    commit_chunk(ledger, blobs, 0)

    assert list(iter_lines(ledger, blobs, job_id)) == ['{"id": "d1", "by": 1}', '{"id": "d2", "by": 1}']


def test_an_unreached_adaptation_answers_with_one_line(ledger: Ledger, blobs: BlobStore, bell: Doorbell) -> None:
    job_id = submit(ledger, blobs, bell, corpus(5), kind=JobKind.ADAPT)
    ledger.cancel(job_id)

    (line,) = iter_lines(ledger, blobs, job_id)

    assert (json.loads(line)["id"], json.loads(line)["error"]["code"]) == (job_id, "job_cancelled")


def test_every_reason_has_a_message() -> None:
    assert set(MESSAGES) == set(DropReason)


def test_an_unknown_job_is_named_at_once(ledger: Ledger, blobs: BlobStore) -> None:
    with pytest.raises(UnknownJob, match="'job_nobody'"):
        iter_lines(ledger, blobs, "job_nobody")


def test_a_lost_corpus_is_told_only_where_it_is_needed(ledger: Ledger, blobs: BlobStore, bell: Doorbell) -> None:
    complete, cancelled = submit(ledger, blobs, bell, corpus(2)), submit(ledger, blobs, bell, corpus(3))
    commit_chunk(ledger, blobs, 0)
    ledger.cancel(cancelled)
    for job_id in (complete, cancelled):
        blobs.path(ledger.job(job_id).blob or "").unlink()

    assert len(list(iter_lines(ledger, blobs, complete))) == 2
    with pytest.raises(UnknownBlob):
        list(iter_lines(ledger, blobs, cancelled))
