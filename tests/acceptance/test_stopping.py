"""What is stopped is stopped in good order: jobs keep what is finished, workers hand back what is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.states import JobState
from tests.acceptance import corpus

if TYPE_CHECKING:
    from pathlib import Path

    from tests.acceptance.operations import Site

DOCUMENTS = 800
#: Batches of a few documents, so that a chunk has many places to stop at; leases that no test waits for.
SETTINGS = {"TAGWERK_BATCH_PIECES": "64", "TAGWERK_LEASE_SECONDS": "600"}
#: Seconds that a worker may take to end; most of it is for a machine that does something else besides.
ENDS_WITHIN = 15.0


def test_cancel_keeps_what_is_finished_and_retry_does_exactly_the_rest(site: Site, tmp_path: Path) -> None:
    # Given a job that both workers are in the middle of
    workers = site.start_all(**SETTINGS)
    given = corpus.write(tmp_path, DOCUMENTS)
    job_id = site.submit(given.path, given.labels)
    site.mid_job(job_id)
    site.catch(job_id, *workers)
    before = site.job(job_id).completed

    # When it is cancelled by command, and later retried by command
    cancelled = site.run("jobs", "cancel", job_id)
    for worker in workers:
        worker.thaw()
    parent = site.finished(job_id)
    retried = site.run("jobs", "retry", job_id)

    # Then it kept what was finished, and says of every other document that it was cancelled
    assert (cancelled.returncode, parent.state) == (0, JobState.CANCELLED), cancelled.stderr
    assert parent.completed >= before
    assert parent.failed == DOCUMENTS - parent.completed > 0
    lines = site.lines(job_id, tmp_path)
    assert [line["id"] for line in lines] == given.ids
    rest = [line["id"] for line in lines if "error" in line]
    assert {line["error"]["code"] for line in lines if "error" in line} == {"job_cancelled"}
    assert len(rest) == parent.failed
    # And the child has exactly these documents, and tagged them all
    assert retried.returncode == 0, retried.stderr
    child_id = retried.stdout.strip()
    child = site.job(child_id)
    assert (child.parent_id, child.state, child.total) == (job_id, JobState.COMPLETED, parent.failed)
    children = site.lines(child_id, tmp_path)
    assert [line["id"] for line in children if "error" not in line] == rest
    assert site.breaches(job_id) + site.breaches(child_id) == []


def test_a_worker_that_is_told_to_end_hands_its_chunk_back_at_once(site: Site, tmp_path: Path) -> None:
    # Given a worker, its model loaded, in the middle of a long chunk
    site.prepare()
    one = site.start_worker("one", **SETTINGS)
    given = corpus.write(tmp_path, DOCUMENTS)
    short = corpus.write(tmp_path / "short", 1)
    site.finished(site.submit(short.path, short.labels))
    job_id = site.submit(given.path, given.labels, TAGWERK_CHUNK_DOCUMENTS=str(DOCUMENTS))
    [held] = site.catch(job_id, one)

    # When it is told to end
    one.process.terminate()
    one.thaw()

    # Then it ends soon, in good order, and the chunk waits for another, without a crash
    assert one.process.wait(ENDS_WITHIN) == 0, one.said()
    assert site.attempts(job_id) == {held.id: (1, 0)}
    assert site.job(job_id).pending == DOCUMENTS
    assert site.held(job_id) == []
    # And another does it, at the second attempt
    site.start_worker("two", **SETTINGS)
    assert site.finished(job_id).completed == DOCUMENTS
    assert site.attempts(job_id) == {held.id: (2, 0)}
    assert site.breaches(job_id) == []
    assert [line["id"] for line in site.lines(job_id, tmp_path)] == given.ids
