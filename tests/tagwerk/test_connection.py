"""Which jobs a command speaks of, and how patiently it waits for one."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from jobs.errors import BadLedgerUrl, LedgerUnavailable
from jobs.states import JobState
from tagwerk import connection
from tagwerk.connection import Connection, reading, require_answer, require_tables, wait, working
from tagwerk.errors import LedgerNotReady, MissingSettings
from tests.jobs.building import finish, queued_job

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jobs.store import Ledger
    from tests import services as servers

ADDRESSES = {
    "TAGWERK_DATABASE_URL": "sqlite:////nowhere/ledger.db",
    "TAGWERK_BROKER_URL": "redis://127.0.0.1:1/0",
    "TAGWERK_BLOBS": "/nowhere",
}
PARTS = [set(chosen) for count in (1, 2) for chosen in itertools.combinations(ADDRESSES, count)]


@pytest.mark.parametrize("present", PARTS, ids=lambda names: "+".join(sorted(names)))
def test_some_services_without_the_others_are_refused(monkeypatch: pytest.MonkeyPatch, present: set[str]) -> None:
    for name in present:
        monkeypatch.setenv(name, ADDRESSES[name])

    with pytest.raises(MissingSettings) as caught, working():
        pass

    before, after = str(caught.value).split(" set but ")
    assert {name for name in ADDRESSES if name in before} == present
    assert {name for name in ADDRESSES if name in after} == ADDRESSES.keys() - present


def test_with_all_services_nothing_is_embedded(services: Ledger) -> None:
    job_id = queued_job(services)

    for way in (working, reading):
        with way() as found:
            assert found is not None
            assert found.ledger.job(job_id).state is JobState.QUEUED
            assert found.blobs.root == Path(os.environ["TAGWERK_BLOBS"])
            assert found.bell.depth("tag") == 0
    assert not Path(os.environ["TAGWERK_HOME"]).exists()


def test_reading_starts_nothing_and_makes_nothing() -> None:
    with reading() as found:
        assert found is None
    assert not Path(os.environ["TAGWERK_HOME"]).exists()


def test_reading_a_home_whose_making_was_cut_short_is_reading_nothing() -> None:
    home = Path(os.environ["TAGWERK_HOME"])
    home.mkdir(parents=True)
    (home / "ledger.db").touch()

    with reading() as found:
        assert found is None


def test_a_ledger_without_tables_is_not_used(bare_url: str) -> None:
    with pytest.raises(LedgerNotReady, match="run `tagwerk migrate`"):
        require_tables(bare_url)


def test_a_ledger_with_tables_is_used(ledger_url: str) -> None:
    require_tables(ledger_url)


def test_a_database_that_is_away_is_told_from_one_that_cannot_be() -> None:
    with pytest.raises(LedgerUnavailable):
        require_answer("postgresql://me@127.0.0.1:1/x")
    with pytest.raises(BadLedgerUrl):
        require_answer("oracle://me@127.0.0.1:1/x")


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

    assert capsys.readouterr().err == f"stopped; `tagwerk jobs watch {job_id}` goes on\n"


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

    monkeypatch.setattr(connection, "PATIENCE", 0.1)
    upgrade(own_postgres.url)
    for name, value in zip(ADDRESSES, (own_postgres.url, broker_url, tmp_path), strict=True):
        monkeypatch.setenv(name, str(value))
    ledger = Ledger.open(own_postgres.url)
    job_id = queued_job(ledger)
    ledger.close()
    with working() as found, pytest.raises(LedgerUnavailable):
        wait(tended(found, own_postgres.kill), job_id, lambda _view: None, every=0)


def tended(found: Connection, step: Callable[[], Any]) -> Connection:
    """The same connection, with something of the test's done at every tending."""
    return Connection(ledger=found.ledger, blobs=found.blobs, bell=found.bell, tend=step)


def interrupted() -> None:
    raise KeyboardInterrupt
