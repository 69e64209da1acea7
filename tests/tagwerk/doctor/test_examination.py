"""The whole examination: what is looked at where services are named, where none is, and where some are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from jobs.keys import KeyScope
from tagwerk.doctor.examination import examine, flowers_auth, passed
from tagwerk.doctor.findings import Finding, Status, fail, ok, warn
from tagwerk.settings import FlowerSettings

if TYPE_CHECKING:
    from pathlib import Path

    from jobs.store import Ledger

OK, WARN, FAIL = Status
MACHINE = ["encoder", "tagger compact", "tagger default", "tagger typer", "language model", "device", "flower"]


def by_check() -> dict[str, Finding]:
    return {finding.check: finding for finding in examine()}


def test_services_are_looked_at_one_after_the_other(services: Ledger, tmp_path: Path) -> None:
    # Given services with a key, and a folder of corpora
    services.create_key("local", KeyScope.TENANT, None)
    (tmp_path / "blobs").mkdir()

    found = by_check()

    there = ["settings", "broker", "append-only file", "eviction", "database", "migrations", "clock", "keys"]
    assert list(found) == [*there, "blobs", "disk", *MACHINE]
    assert passed(list(found.values()))


def test_a_setting_that_is_missing_fails_and_the_others_are_looked_at(
    services: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TAGWERK_BLOBS")
    monkeypatch.delenv("TAGWERK_BROKER_URL")

    found = by_check()

    assert found["settings"].status is FAIL
    assert found["settings"].advice == "set TAGWERK_BROKER_URL and TAGWERK_BLOBS, as for the others"
    assert found["migrations"].status is OK


def test_without_services_the_embedded_home_is_looked_at(warm: Path) -> None:
    found = by_check()

    assert str(warm) in found["settings"].found
    there = ["settings", "home", "disk", "broker", "append-only file", "eviction", "ledger"]
    # Other tests may have made taggers in the home that they share with this one.
    assert [name for name in found if not name.startswith("tagger job_")] == [*there, *MACHINE]
    assert passed(list(found.values()))


def test_a_home_in_which_nothing_ran_is_well_and_stays_unmade(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAGWERK_HOME", str(tmp_path / "home"))

    found = by_check()

    assert "starts with the next command" in found["broker"].found
    assert passed(list(found.values()))
    assert not (tmp_path / "home").exists()


def test_a_home_with_a_name_that_cannot_be_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAGWERK_HOME", "/home/what?")

    assert by_check()["home"].status is FAIL


@pytest.mark.parametrize(
    ("name", "value"), [("TAGWERK_DTYPE", "float17"), ("TAGWERK_MAX_UPLOADS", "0"), ("TAGWERK_JOB_HOURS", "a day")]
)
def test_a_setting_that_cannot_be_is_all_that_is_found(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)

    [finding] = examine()

    assert finding.status is FAIL
    assert finding.found.startswith(f"{name} is '{value}'")


@pytest.mark.parametrize(
    ("told", "status"),
    [(None, OK), ("me:word", OK), ("me:word,you:word", OK), ("me", FAIL), ("me:se,cret", FAIL), (":secret", FAIL)],
)
def test_flowers_passwords_are_looked_at_and_not_told(told: str | None, status: Status) -> None:
    finding = flowers_auth(FlowerSettings(basic_auth=None if told is None else SecretStr(told)))

    assert finding.status is status
    assert "cret" not in str(finding)


def test_a_warning_passes_and_a_failure_does_not() -> None:
    assert passed([ok("a", "b"), warn("a", "b", "c")])
    assert not passed([ok("a", "b"), fail("a", "b", "c")])
