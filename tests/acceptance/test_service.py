"""The service as its users meet it: the client uploads, waits and reads; Flower shows who did the work."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httpx
import pytest

from jobs.states import JobState
from tagwerk.errors import FaceError
from tests.acceptance import corpus

if TYPE_CHECKING:
    from pathlib import Path

    from tests.acceptance.operations import Site

#: Enough for the database to be restarted in the middle of.
DOCUMENTS = 1500


def test_ten_thousand_documents_through_the_service(site: Site, tmp_path: Path) -> None:
    # Given the front door, two workers, the reaper and Flower, each a process of its own
    workers = site.start_all()
    flower = site.start_flower()
    given = corpus.write(tmp_path, 10_000)
    with site.client(site.start_server()) as client:
        # When the client uploads 10,000 documents and waits
        job = client.submit(client.upload(given.path), given.labels)
        job = client.wait(job.id)

        # Then every result is read once, in order
        lines = list(client.results(job.id))
        assert (job.state, job.completed, job.failed) == (JobState.COMPLETED, 10_000, 0)
        assert [line["id"] for line in lines] == given.ids
        assert not any("error" in line for line in lines)
        assert list(client.errors(job.id)) == []
    assert site.breaches(job.id) == []

    # And Flower lists both workers, the task by name and the chunks by id
    assert all("tag.chunk" in worker.said() for worker in workers)
    names = httpx.get(f"{flower}/api/workers", params={"refresh": 1}, timeout=30).json()
    assert {name.partition("@")[0] for name in names} == {"one", "two"}
    tasks = httpx.get(f"{flower}/api/tasks", params={"limit": 1000}).json().values()
    assert {task["name"] for task in tasks} == {"tag.chunk"}
    shown = {int(task["args"].strip("()[],")) for task in tasks}
    assert shown
    assert shown <= set(site.attempts(job.id))


def test_a_database_that_restarts_in_mid_job_costs_time_alone(site: Site, tmp_path: Path) -> None:
    # Given a job in the middle of its work
    site.start_one()
    given = corpus.write(tmp_path, DOCUMENTS)
    server = site.start_server()
    with site.client(server) as client:
        job = client.tag(given.path, given.labels)
        site.mid_job(job.id)

        # When the database restarts at once, while the client waits
        site.restart_postgres()
        job = client.wait(job.id)

        # Then the job completes and the results are whole
        assert (job.state, job.completed) == (JobState.COMPLETED, DOCUMENTS)
        assert [line["id"] for line in client.results(job.id)] == given.ids
    assert site.breaches(job.id) == []
    said = server.running.said()
    assert "status=200" in said
    assert not re.search(r"status=5(?!03)", said)
    assert "Traceback" not in said


def test_without_a_database_the_service_asks_for_patience(site: Site, tmp_path: Path) -> None:
    # Given a service whose database is gone
    site.prepare()
    given = corpus.write(tmp_path, 10)
    server = site.start_server()
    with site.client(server, retries=0) as client:
        key = {"Authorization": f"Bearer {client.key}"}
        site.postgres.kill()

        # Then every answer is 503 with the seconds to wait, and the process itself is healthy
        for path in ("/v1/jobs", "/v1/taggers", "/v1/files/file_00000000000000000000"):
            answer = httpx.get(f"{server.url}{path}", headers=key, timeout=30)
            assert (answer.status_code, int(answer.headers["Retry-After"]) > 0) == (503, True)
        assert httpx.get(f"{server.url}/healthz").status_code == httpx.codes.OK
        assert httpx.get(f"{server.url}/readyz", timeout=30).status_code == httpx.codes.SERVICE_UNAVAILABLE
        with pytest.raises(FaceError, match="does not answer"):
            client.upload(given.path)

        # And it serves again, without a restart, when the database is back
        site.postgres.start()
        assert client.upload(given.path).documents == 10
