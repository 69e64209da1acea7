"""The whole answer to a job: every document once, in order, whatever became of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from corpora.chunks import read_ids
from corpora.errors import UnknownBlob
from jobs.errors import UnknownJob
from jobs.results import MESSAGES, error_lines, iter_lines, numbered_lines
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


@pytest.fixture
def mixed(ledger: Ledger, blobs: BlobStore, bell: Doorbell) -> str:
    """Eight documents in four chunks: the first and third done, of which d2 and d5 failed; the rest cancelled."""
    job_id = submit(ledger, blobs, bell, corpus(8), tenant="acme")
    for chunk_id in sorted(ledger.oldest_rung("tag", 10))[::2]:
        claim = ledger.claim(chunk_id, worker="w1", lease_s=60)
        assert claim is not None
        ids = read_ids(blobs, claim.blob, claim.chunk)
        assert ledger.commit(claim, answers(claim, ids, failed={"d2", "d5"}))
    ledger.cancel(job_id)
    return job_id


def test_lines_can_be_read_on_from_any_line(ledger: Ledger, blobs: BlobStore, mixed: str) -> None:
    lines = list(numbered_lines(ledger, blobs, mixed))

    # Blank lines of the corpus count, so line numbers have gaps.
    assert [line for line, _ in lines] == [1, 2, 4, 5, 6, 8, 9, 10]
    assert [body for _, body in lines] == list(iter_lines(ledger, blobs, mixed))
    for after in range(12):
        assert list(numbered_lines(ledger, blobs, mixed, after)) == [pair for pair in lines if pair[0] > after]


def test_errors_are_the_documents_that_failed(ledger: Ledger, blobs: BlobStore, mixed: str) -> None:
    failed = list(error_lines(ledger, blobs, mixed))

    told = [json.loads(body) for _, body in failed]
    assert [each["line"] for each in told] == [line for line, _ in failed]
    assert [each["id"] for each in told] == ["d2", "d3", "d4", "d5", "d7", "d8"]
    assert [each.get("error", {}).get("code") for each in told] == [
        None,
        *["job_cancelled"] * 2,
        None,
        *["job_cancelled"] * 2,
    ]
    for after in range(12):
        assert list(error_lines(ledger, blobs, mixed, after)) == [pair for pair in failed if pair[0] > after]


def test_a_tenant_reads_its_own_lines_alone(ledger: Ledger, blobs: BlobStore, mixed: str) -> None:
    assert len(list(iter_lines(ledger.tenant("acme"), blobs, mixed))) == 8
    assert len(list(error_lines(ledger.tenant("acme"), blobs, mixed))) == 6
    for read in (iter_lines, numbered_lines, error_lines):
        with pytest.raises(UnknownJob):
            read(ledger.tenant("globex"), blobs, mixed)


def test_dropped_chunks_before_the_line_are_not_read(ledger: Ledger, blobs: BlobStore, mixed: str) -> None:
    """A reader of pages would otherwise read the corpus again for each."""
    assert [dropped.chunk.seq for dropped in ledger.dropped_chunks(mixed, after=6)] == [3]
    assert [dropped.chunk.seq for dropped in ledger.dropped_chunks(mixed, after=5)] == [3]
    assert [dropped.chunk.seq for dropped in ledger.dropped_chunks(mixed, after=4)] == [1, 3]
    assert list(error_lines(ledger, blobs, mixed, after=10)) == []


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
