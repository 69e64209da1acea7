"""Every document is in the results once and in order, whatever happens in mid-job.

A database that restarts in mid-job is met in tests/acceptance/test_service.py, with the service in between.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from jobs.states import JobState
from tests.acceptance import corpus
from tests.acceptance.operations import read_lines

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.acceptance.operations import Running, Site

#: Enough for a fault to fall into the middle of.
DOCUMENTS = 1500


def kill_a_worker(site: Site, job_id: str, worker: Running) -> set[int]:
    """SIGKILL to the worker and its pool process, while it holds a chunk."""
    [held] = site.catch(job_id, worker)
    worker.kill()
    return {held.id}


def kill_a_pool_process(site: Site, job_id: str, worker: Running) -> set[int]:
    """SIGKILL to the pool process alone, as the kernel does when memory runs out."""
    [held] = site.catch(job_id, worker)
    os.kill(held.pid, signal.SIGKILL)
    worker.thaw()
    return {held.id}


def flush_the_broker(site: Site, _job_id: str, _worker: Running) -> set[int]:
    """FLUSHALL, with bells waiting."""
    assert site.flush_broker() > 0
    return set()


@pytest.mark.parametrize("fault", [kill_a_worker, kill_a_pool_process, flush_the_broker])
def test_a_fault_in_mid_job_changes_nothing_but_time(
    site: Site, tmp_path: Path, fault: Callable[[Site, str, Running], set[int]]
) -> None:
    # Given a command that waits for its job, which two workers are in the middle of
    one, _two = site.start_all()
    given = corpus.write(tmp_path, DOCUMENTS)
    command = site.start_tagging(given.path, given.labels, tmp_path / "results.jsonl")
    job_id = site.only_job()
    site.mid_job(job_id)

    # When the fault happens
    crashed = fault(site, job_id, one)

    # Then the job completes, every document once, in order, by the attempt that was committed
    job = site.finished(job_id)
    assert (job.state, job.completed, job.failed) == (JobState.COMPLETED, DOCUMENTS, 0)
    assert site.breaches(job_id) == []
    assert command.process.wait(30) == 0, command.said()
    assert [line["id"] for line in read_lines(tmp_path / "results.jsonl")] == given.ids
    # And what a dead worker held was done again
    attempts = site.attempts(job_id)
    assert all(attempts[chunk_id] >= (2, 1) for chunk_id in crashed)


def test_a_worker_that_wakes_after_its_lease_ran_out_writes_nothing(site: Site, tmp_path: Path) -> None:
    # Given a worker that hangs in mid-chunk until its chunk was done by the other
    one, _two = site.start_all()
    given = corpus.write(tmp_path, DOCUMENTS)
    job_id = site.submit(given.path, given.labels)
    site.mid_job(job_id)
    [held] = site.catch(job_id, one)
    assert site.finished(job_id).completed == DOCUMENTS

    # When it wakes
    one.thaw()

    # Then it sees that it is too late, and the results are as they were
    site.until(lambda: "lease_lost" in one.said() or "stale_commit_refused" in one.said(), "the worker gives up")
    assert site.attempts(job_id)[held.id] >= (2, 1)
    assert site.breaches(job_id) == []
    assert [line["id"] for line in site.lines(job_id, tmp_path)] == given.ids
