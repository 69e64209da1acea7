"""What is seen of a job while somebody waits: an adaptation step by step, other kinds by their documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tagwerk.connection import working_directly
from tagwerk.progress import AdaptationProgress, AnyProgress
from tagwerk.remote import RemoteService
from tests.jobs.building import adapt_job, claim_adaptation, queued_job
from tests.tagwerk.views import view

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.records import StoredEvent
    from jobs.store import Ledger
    from tagwerk.service import Service
    from tests.tagwerk.server import Server


class Asked:
    """A service that counts how often it was asked for events."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.times = 0

    def events(self, job_id: str, after: int = 0) -> list[StoredEvent]:
        self.times += 1
        return self._service.events(job_id, after)


@pytest.fixture(params=["directly", "remotely"])
def reached(request: pytest.FixtureRequest) -> Iterator[tuple[Service, Ledger, str]]:
    """A service by either way, its ledger, and the tenant that it is."""
    if request.param == "directly":
        ledger: Ledger = request.getfixturevalue("services")
        with working_directly() as service:
            yield service, ledger, "local"
        return
    server: Server = request.getfixturevalue("server")
    key = server.ledger.authenticate(server.key)
    assert key is not None
    with server.client() as client:
        yield RemoteService(client, option=""), server.ledger, key.tenant


def test_each_step_is_said_once_and_asked_for_only_where_there_is_one(
    reached: tuple[Service, Ledger, str], capsys: pytest.CaptureFixture[str]
) -> None:
    # Given an adaptation that is under way
    service, ledger, tenant = reached
    job_id = adapt_job(ledger, tenant=tenant)
    claim = claim_adaptation(ledger)
    asked = Asked(service)

    # When somebody looks more often than it tells, and it tells more often than somebody looks
    with AdaptationProgress(asked) as progress:
        progress(service.job(job_id))
        ledger.progress(claim, "judging", 0.5)
        progress(service.job(job_id))
        progress(service.job(job_id))
        ledger.progress(claim, "judging", 1.0)
        ledger.progress(claim, "learning", 0.0)
        progress(service.job(job_id))

    # Then each step is one line
    assert capsys.readouterr().err == f"{job_id} judging: 50 %\n{job_id} judging: 100 %\n{job_id} learning: 0 %\n"
    assert asked.times == 2


def test_a_job_of_documents_is_shown_by_its_counts(
    services: Ledger, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tagwerk.console.PLAIN_EVERY", -1.0)
    job_id = queued_job(services)

    with working_directly() as direct, AnyProgress(direct) as progress:
        progress(direct.job(job_id))

    assert capsys.readouterr().err == f"{job_id} queued: 0 of 6 documents\n"


def test_the_kind_of_the_job_decides_what_is_shown(services: Ledger, capsys: pytest.CaptureFixture[str]) -> None:
    job_id = adapt_job(services)
    services.progress(claim_adaptation(services), "judging", 0.25)

    with working_directly() as direct, AnyProgress(direct) as progress:
        progress(direct.job(job_id))

    assert capsys.readouterr().err == f"{job_id} judging: 25 %\n"


def test_nobody_looked_and_nothing_is_left_open(services: Ledger, capsys: pytest.CaptureFixture[str]) -> None:
    assert services.jobs() == []
    with working_directly() as direct, AnyProgress(direct):
        pass

    assert capsys.readouterr().err == ""
    assert view().progress is None
