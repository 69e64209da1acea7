"""From a stream to a queued job, and from a finished job to one over what failed in it."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corpora.chunks import read_chunk, read_ids
from corpora.errors import CorpusTooLarge, DamagedBlob, InvalidCorpus, UnknownBlob
from corpora.limits import Limits
from jobs.errors import IllegalTransition, JobUnfinished, NothingToRetry, UnknownJob
from jobs.reaper import Reaper
from jobs.settings import JobsSettings
from jobs.states import JobKind, JobState
from jobs.submitting import retry, ring
from tests.jobs.building import LABELS, make_due, queued_job
from tests.jobs.corpora_building import answers, corpus, submit

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from corpora.blobs import BlobStore
    from jobs.queue import Doorbell
    from jobs.records import JobView
    from jobs.store import Ledger


def work(
    ledger: Ledger, blobs: BlobStore, chunks: int = 1000, failed: Collection[str] = (), queue: str = "tag"
) -> list[str]:
    """Commit at most so many chunks, in order; return the ids of their documents."""
    seen = []
    for chunk_id in sorted(ledger.owed(queue, 1000) + ledger.oldest_rung(queue, 1000))[:chunks]:
        claim = ledger.claim(chunk_id, worker="w1", lease_s=60)
        assert claim is not None
        ids = read_ids(blobs, claim.blob, claim.chunk)
        assert ledger.commit(claim, answers(claim, ids, failed))
        seen += [document_id for _line, document_id in ids]
    return seen


def failed_jobs(ledger: Ledger) -> list[JobView]:
    return [job for job in ledger.jobs() if job.state is JobState.FAILED]


def test_submit_queues_every_document_and_rings(ledger: Ledger, blobs: BlobStore, bell: Doorbell) -> None:
    told: list[int] = []

    job_id = submit(ledger, blobs, bell, corpus(5), name="gigs", tenant="acme", progress=told.append)

    job = ledger.job(job_id)
    assert (job.state, job.total, job.queue, job.tenant) == (JobState.QUEUED, 5, "tag", "acme")
    assert (bell.depth("tag"), ledger.rung_unclaimed("tag")) == (3, 3)
    assert told[-1] == 5
    assert work(ledger, blobs) == ["d1", "d2", "d3", "d4", "d5"]
    assert (ledger.job(job_id).state, ledger.law(job_id)) == (JobState.COMPLETED, ())


def test_a_bad_corpus_fails_its_job_and_says_why(ledger: Ledger, blobs: BlobStore, bell: Doorbell) -> None:
    with pytest.raises(InvalidCorpus):
        submit(ledger, blobs, bell, corpus(2) + b"\nnot json\n")

    (job,) = failed_jobs(ledger)
    assert job.error is not None
    assert (job.error["code"], job.error["total"]) == ("invalid_corpus", 1)
    assert job.error["problems"][0]["line"] == 3
    assert (ledger.owed("tag", 10), bell.depth("tag")) == ([], 0)


def test_a_corpus_that_is_too_large_fails_its_job(ledger: Ledger, blobs: BlobStore, bell: Doorbell) -> None:
    with pytest.raises(CorpusTooLarge):
        submit(ledger, blobs, bell, corpus(5), limits=Limits(max_corpus_bytes=50))

    (job,) = failed_jobs(ledger)
    assert job.error is not None
    assert job.error["code"] == "corpus_too_large"


class Torn(io.BytesIO):
    """A stream that breaks off."""

    def read(self, size: int | None = -1) -> bytes:
        raise ConnectionResetError("the client hung up")

    def readinto(self, buffer: object) -> int:
        raise ConnectionResetError("the client hung up")

    read1 = read


def test_a_stream_that_breaks_off_fails_its_job(
    ledger: Ledger, blobs: BlobStore, bell: Doorbell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.jobs.corpora_building.io.BytesIO", Torn)

    with pytest.raises(ConnectionResetError):
        submit(ledger, blobs, bell, b"")

    (job,) = failed_jobs(ledger)
    assert job.error is not None
    assert job.error["code"] == "ingest_failed"
    assert "submit it again" in job.error["message"]


def test_a_job_is_told_nothing_of_the_inside(ledger: Ledger, bell: Doorbell, blobs: BlobStore) -> None:
    blobs.root.write_text("a file where the folder should be")

    with pytest.raises(FileExistsError, match="blobs"):
        submit(ledger, blobs, bell, corpus(2))

    (job,) = failed_jobs(ledger)
    assert job.error is not None
    assert job.error["code"] == "ingest_failed"
    assert not any(word in job.error["message"] for word in ("Errno", "blobs", "/"))


def test_a_job_cancelled_while_it_is_read_stays_cancelled(ledger: Ledger, blobs: BlobStore, bell: Doorbell) -> None:
    def cancel(_documents: int) -> None:
        (job,) = ledger.jobs()
        if job.state is JobState.VALIDATING:
            ledger.cancel(job.id)

    with pytest.raises(IllegalTransition, match="'cancelled' to 'queued'"):
        submit(ledger, blobs, bell, corpus(3), progress=cancel)
    with pytest.raises(InvalidCorpus):
        submit(ledger, blobs, bell, b"not json")

    assert {job.state for job in ledger.jobs()} == {JobState.CANCELLED, JobState.FAILED}


def test_a_submit_survives_a_broker_that_is_down(
    ledger: Ledger, blobs: BlobStore, bell: Doorbell, dead_bell: Doorbell
) -> None:
    # Given a broker that does not answer, when a corpus is submitted
    job_id = submit(ledger, blobs, dead_bell, corpus(5))

    # Then the job is queued, and the reaper's first tick after the outage rings for it
    assert (ledger.job(job_id).state, len(ledger.owed("tag", 10))) == (JobState.QUEUED, 3)
    assert Reaper(ledger, bell, JobsSettings()).tick().rung == 3
    assert work(ledger, blobs) == ["d1", "d2", "d3", "d4", "d5"]


def test_an_adaptation_is_one_chunk_of_total_one(ledger: Ledger, blobs: BlobStore, bell: Doorbell) -> None:
    data = corpus(7)

    job_id = submit(ledger, blobs, bell, data, kind=JobKind.ADAPT)

    assert (ledger.job(job_id).total, bell.depth("adapt")) == (1, 1)
    claim = ledger.claim(ledger.oldest_rung("adapt", 1)[0], worker="w1", lease_s=60)
    assert claim is not None
    assert blobs.open_range(claim.blob, claim.chunk.byte_start, claim.chunk.byte_end) == data


def test_retry_covers_exactly_what_failed(ledger: Ledger, ledger_url: str, blobs: BlobStore, bell: Doorbell) -> None:
    # Given an expired job: d1 to d4 reached, of which d2 and d3 failed, d5 to d7 not reached
    job_id = submit(ledger, blobs, bell, corpus(7), name="gigs", tenant="acme")
    work(ledger, blobs, chunks=2, failed={"d2", "d3"})
    make_due(ledger_url, job_id)
    ledger.expire_due()

    # When it is retried
    child_id = retry(ledger, blobs, bell, job_id)

    # Then the child has these documents, in order and byte by byte, and the parent's orders
    child, parent = ledger.job(child_id), ledger.job(job_id)
    assert (child.state, child.total, child.parent_id) == (JobState.QUEUED, 5, job_id)
    assert (child.name, child.tenant, child.labels, child.options) == ("gigs", "acme", LABELS, {"k": 1})
    assert child.expires_at - child.created_at == parent.expires_at - parent.created_at
    assert child.blob is not None
    wanted = {"d2", "d3", "d5", "d6", "d7"}
    kept = [line for line in corpus(7).splitlines() if line and json.loads(line)["id"] in wanted]
    assert blobs.path(child.blob).read_bytes().splitlines() == kept
    assert work(ledger, blobs) == ["d2", "d3", "d5", "d6", "d7"]
    assert (ledger.law(job_id), ledger.law(child_id)) == ((), ())


def test_a_retry_can_be_retried(ledger: Ledger, blobs: BlobStore, bell: Doorbell) -> None:
    job_id = submit(ledger, blobs, bell, corpus(3))
    work(ledger, blobs, failed={"d1", "d3"})
    child_id = retry(ledger, blobs, bell, job_id)
    work(ledger, blobs, failed={"d3"})

    grandchild_id = retry(ledger, blobs, bell, child_id)

    assert work(ledger, blobs) == ["d3"]
    with pytest.raises(NothingToRetry, match=grandchild_id):
        retry(ledger, blobs, bell, grandchild_id)


@given(data=st.data())
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_parent_and_child_together_answer_every_document_once(
    ledger: Ledger, blobs: BlobStore, dead_bell: Doorbell, data: st.DataObject
) -> None:
    size = data.draw(st.integers(1, 9))
    ids = [f"d{number}" for number in range(1, size + 1)]
    failed = data.draw(st.sets(st.sampled_from(ids)))
    # All is drawn before anything is submitted: a drawing that hypothesis breaks off must leave no job behind.
    chunks = data.draw(st.integers(0, 5))
    job_id = submit(ledger, blobs, dead_bell, corpus(size))
    reached = work(ledger, blobs, chunks, failed)
    if ledger.job(job_id).pending:
        ledger.cancel(job_id)
    good = [each for each in reached if each not in failed]

    rest = [] if good == ids else read_all(ledger, blobs, retry(ledger, blobs, dead_bell, job_id))

    assert sorted(good + rest) == sorted(ids)
    assert rest == sorted(rest)
    for job in ledger.jobs():
        if job.pending:
            ledger.cancel(job.id)


def read_all(ledger: Ledger, blobs: BlobStore, job_id: str) -> list[str]:
    """The ids of all documents of a queued job, read by claiming its chunks."""
    ids = []
    for chunk_id in ledger.owed("tag", 1000):
        claim = ledger.claim(chunk_id, worker="w1", lease_s=60)
        assert claim is not None
        assert claim.job_id == job_id
        ids += [numbered.document.id for numbered in read_chunk(blobs, claim.blob, claim.chunk)]
        assert ledger.release(claim)
    return ids


def test_a_tenant_retries_its_own_jobs_alone(ledger: Ledger, blobs: BlobStore, bell: Doorbell) -> None:
    job_id = submit(ledger, blobs, bell, corpus(3), tenant="acme")
    ledger.cancel(job_id)

    with pytest.raises(UnknownJob):
        retry(ledger, blobs, bell, job_id, tenant="globex")
    child = ledger.job(retry(ledger, blobs, bell, job_id, tenant="acme"))

    assert (child.tenant, child.parent_id) == ("acme", job_id)
    assert len(ledger.jobs("acme")) == 2


def test_ringing_is_no_reason_to_fail(ledger: Ledger, bell: Doorbell, dead_bell: Doorbell) -> None:
    queued_job(ledger, chunks=3)

    ring(ledger, dead_bell, "tag")
    assert len(ledger.owed("tag", 10)) == 3
    ring(ledger, bell, "tag")
    assert (ledger.owed("tag", 10), bell.depth("tag")) == ([], 3)


def test_an_adaptation_is_retried_whole(ledger: Ledger, blobs: BlobStore, bell: Doorbell) -> None:
    job_id = submit(ledger, blobs, bell, corpus(5), kind=JobKind.ADAPT)
    ledger.cancel(job_id)

    child = ledger.job(retry(ledger, blobs, bell, job_id))

    assert (child.total, child.kind, child.blob) == (1, JobKind.ADAPT, ledger.job(job_id).blob)


def _remove(blob: Path) -> None:
    blob.unlink()


def _cut(blob: Path) -> None:
    blob.write_bytes(blob.read_bytes()[:-5])


def _block(blob: Path) -> None:
    blob.unlink()
    blob.mkdir()


@pytest.mark.parametrize(("harm", "error"), [(_remove, UnknownBlob), (_cut, DamagedBlob), (_block, IsADirectoryError)])
def test_a_retry_over_a_corpus_that_cannot_be_read_leaves_no_child(
    ledger: Ledger, blobs: BlobStore, bell: Doorbell, harm: Callable[[Path], None], error: type[Exception]
) -> None:
    job_id = submit(ledger, blobs, bell, corpus(5))
    ledger.cancel(job_id)
    harm(blobs.path(ledger.job(job_id).blob or ""))

    with pytest.raises(error):
        retry(ledger, blobs, bell, job_id)

    assert [job.id for job in ledger.jobs()] == [job_id]


def test_a_retry_without_a_bell_leaves_its_bells_owed(ledger: Ledger, blobs: BlobStore, bell: Doorbell) -> None:
    job_id = submit(ledger, blobs, bell, corpus(3))
    ledger.cancel(job_id)
    rung = bell.depth("tag")

    child = ledger.job(retry(ledger, blobs, None, job_id))

    assert (child.state, child.queue) == (JobState.QUEUED, "tag")
    assert (bell.depth("tag"), len(ledger.owed("tag", 10))) == (rung, 1)


def test_an_unfinished_job_is_not_retried(ledger: Ledger, blobs: BlobStore, bell: Doorbell) -> None:
    job_id = submit(ledger, blobs, bell, corpus(3))

    with pytest.raises(JobUnfinished, match="still 'queued'"):
        retry(ledger, blobs, bell, job_id)


def test_a_job_without_failures_is_not_retried(ledger: Ledger, blobs: BlobStore, bell: Doorbell) -> None:
    done = submit(ledger, blobs, bell, corpus(3))
    work(ledger, blobs)
    with pytest.raises(InvalidCorpus):
        submit(ledger, blobs, bell, b"not json")

    for job_id in (done, failed_jobs(ledger)[0].id):
        with pytest.raises(NothingToRetry, match=job_id):
            retry(ledger, blobs, bell, job_id)
    assert len(ledger.jobs()) == 2
