"""Which jobs a command speaks of: a server's, those of services, or the embedded stack's."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from jobs.errors import BadLedgerUrl, LedgerUnavailable
from jobs.states import JobState
from tagwerk.connection import (
    reading,
    require_answer,
    require_tables,
    taggers_folder,
    taggers_made_here,
    working,
)
from tagwerk.errors import LedgerNotReady, MissingKey, MissingSettings
from tagwerk.remote import RemoteService
from tagwerk.service import DirectService, Service
from tests.jobs.building import made_tagger, queued_job

if TYPE_CHECKING:
    from jobs.store import Ledger

Way = Callable[[str | None], AbstractContextManager[Service | None]]
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
            assert isinstance(found, DirectService)
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


@pytest.mark.parametrize("way", [working, reading])
@pytest.mark.parametrize(
    ("given", "environment", "option"),
    [
        ("https://a.example", None, " --server https://a.example"),
        ("https://a.example/", "https://b.example", " --server https://a.example"),
        (None, "https://b.example", ""),
    ],
)
def test_a_server_goes_before_services(
    monkeypatch: pytest.MonkeyPatch, way: Way, given: str | None, environment: str | None, option: str
) -> None:
    for name, value in {**ADDRESSES, "TAGWERK_KEY": "tw_x", "TAGWERK_URL": environment or ""}.items():
        monkeypatch.setenv(name, value)

    with way(given) as found:
        assert isinstance(found, RemoteService)
        assert found.option == option


def test_a_server_without_a_key_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAGWERK_URL", "https://a.example")

    with pytest.raises(MissingKey, match="TAGWERK_KEY is not set"), working():
        pass


@pytest.mark.usefixtures("services")
def test_where_services_keep_their_taggers_is_known_if_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert taggers_folder() is None
    monkeypatch.setenv("TAGWERK_TAGGERS", "/srv/taggers")
    assert taggers_folder() == Path("/srv/taggers")


def test_the_embedded_stack_keeps_its_taggers_at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    assert taggers_folder() == Path(os.environ["TAGWERK_HOME"]) / "taggers"
    monkeypatch.setenv("TAGWERK_TAGGERS", "/srv/taggers")
    assert taggers_folder() == Path("/srv/taggers")


def test_the_taggers_made_here_are_those_of_the_local_tenant(services: Ledger) -> None:
    for tenant in ("local", "acme"):
        made_tagger(services, f"by-{tenant}", tenant=tenant)

    with taggers_made_here() as found:
        assert found is not None
        assert [each.name for each in found.taggers()] == ["by-local"]


def test_where_there_never_was_a_ledger_nobody_made_a_tagger() -> None:
    with taggers_made_here() as found:
        assert found is None
