"""How patiently a command waits for a job, and what it says when it is stopped."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from jobs.errors import LedgerUnavailable
from jobs.states import JobState
from tagwerk import waiting
from tagwerk.connection import reading, working
from tagwerk.service import DirectService, Service
from tagwerk.waiting import wait
from tests.jobs.building import finish, queued_job

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from jobs.store import Ledger
    from tests import services as servers

ADDRESSES = ("TAGWERK_DATABASE_URL", "TAGWERK_BROKER_URL", "TAGWERK_BLOBS")


def test_waiting_shows_every_look_and_tends_in_between(services: Ledger) -> None:
    job_id = queued_job(services, chunks=1)
    seen: list[JobState] = []
    with reading() as found:
        assert found is not None

        job = wait(tended(found, lambda: finish(services)), job_id, lambda view: seen.append(view.state), every=0)

    assert seen == [JobState.QUEUED, JobState.COMPLETED]
    assert job.completed == 2


def test_an_interrupted_wait_says_how_to_go_on(services: Ledger, capsys: pytest.CaptureFixture[str]) -> None:
    job_id = queued_job(services)
    with reading() as found:
        assert found is not None
        with pytest.raises(KeyboardInterrupt):
            wait(tended(found, interrupted), job_id, lambda _view: None)

    advice = f"`tagwerk jobs watch {job_id}` goes on, `tagwerk jobs results {job_id}` gives what is there"
    assert capsys.readouterr().err == f"stopped; {advice}\n"


def test_waiting_outlasts_a_database_that_restarts(
    own_postgres: servers.Server, broker_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a job on a database of its own
    from jobs.store import Ledger
    from migrations.running import upgrade

    upgrade(own_postgres.url)
    for name, value in zip(ADDRESSES, (own_postgres.url, broker_url, tmp_path), strict=True):
        monkeypatch.setenv(name, str(value))
    ledger = Ledger.open(own_postgres.url)
    job_id = queued_job(ledger)
    steps: Iterator[Callable[[], None]] = iter([own_postgres.restart, lambda: finish(ledger)])

    # When the database goes away while a command waits
    with working() as found:
        job = wait(tended(found, lambda: next(steps)()), job_id, lambda _view: None, every=0)

    # Then the command only waits longer
    assert job.state is JobState.COMPLETED
    ledger.close()


def test_patience_with_a_database_has_an_end(
    own_postgres: servers.Server, broker_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from jobs.store import Ledger
    from migrations.running import upgrade

    monkeypatch.setattr(waiting, "PATIENCE", 0.1)
    upgrade(own_postgres.url)
    for name, value in zip(ADDRESSES, (own_postgres.url, broker_url, tmp_path), strict=True):
        monkeypatch.setenv(name, str(value))
    ledger = Ledger.open(own_postgres.url)
    job_id = queued_job(ledger)
    ledger.close()
    with working() as found, pytest.raises(LedgerUnavailable):
        wait(tended(found, own_postgres.kill), job_id, lambda _view: None, every=0)


def tended(found: Service, step: Callable[[], Any]) -> Service:
    """The same jobs, with something of the test's done at every tending."""
    assert isinstance(found, DirectService)
    return replace(found, tend=step)


def interrupted() -> None:
    raise KeyboardInterrupt
