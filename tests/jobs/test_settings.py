"""The settings come from the environment under the product's prefix, and impossible ones are refused."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from jobs.settings import JobsSettings


def test_defaults_suit_a_machine_without_services() -> None:
    settings = JobsSettings()

    assert (settings.database_url, settings.broker_url) == (None, None)
    assert (settings.lease_seconds, settings.reaper_tick_seconds) == (60, 10)
    assert (settings.job_hours, settings.max_crashes) == (24, 3)


def test_environment_overrides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAGWERK_DATABASE_URL", "postgresql://db/ledger")
    monkeypatch.setenv("TAGWERK_LEASE_SECONDS", "2.5")

    settings = JobsSettings()

    assert (settings.database_url, settings.lease_seconds) == ("postgresql://db/ledger", 2.5)


@pytest.mark.parametrize("name", ["LEASE_SECONDS", "REAPER_TICK_SECONDS", "JOB_HOURS", "MAX_CRASHES"])
def test_zero_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(f"TAGWERK_{name}", "0")

    with pytest.raises(ValidationError, match=name.lower()):
        JobsSettings()
