"""A broker that is away costs time and nothing else: a job is accepted without it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jobs.states import JobState
from tests.acceptance import corpus

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.acceptance.corpus import Corpus
    from tests.acceptance.operations import Site

DOCUMENTS = 200


def by_command(site: Site, given: Corpus) -> str:
    """Submit by a command that speaks to the ledger itself."""
    return site.submit(given.path, given.labels)


def by_service(site: Site, given: Corpus) -> str:
    """Submit over HTTP."""
    with site.client(site.start_server()) as client:
        return client.tag(given.path, given.labels).id


@pytest.mark.parametrize("submit", [by_command, by_service])
def test_a_job_submitted_without_a_broker_runs_once_it_is_back(
    site: Site, tmp_path: Path, submit: Callable[[Site, Corpus], str]
) -> None:
    # Given a worker that waits for work, and a broker that goes away
    site.start_one()
    site.redis.kill()

    # When a job is submitted
    given = corpus.write(tmp_path, DOCUMENTS)
    job_id = submit(site, given)

    # Then it is accepted, and waits
    job = site.job(job_id)
    assert (job.state, job.total, job.pending) == (JobState.QUEUED, DOCUMENTS, DOCUMENTS)
    # And once the broker is back it is done
    site.redis.start()
    job = site.finished(job_id)
    assert (job.state, job.completed) == (JobState.COMPLETED, DOCUMENTS)
    assert site.breaches(job_id) == []
    assert [line["id"] for line in site.lines(job_id, tmp_path)] == given.ids
