"""Settings: what they are called and where they end."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from api.settings import ApiSettings
from jobs.settings import JobsSettings


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAGWERK_MAX_REQUEST_BYTES", "1000")
    monkeypatch.setenv("TAGWERK_MAX_UPLOADS", "")

    assert (ApiSettings().max_request_bytes, ApiSettings().max_uploads) == (1000, 16)


@pytest.mark.parametrize("name", ["MAX_REQUEST_BYTES", "MAX_UPLOADS", "UPLOAD_WAIT_SECONDS", "UPLOAD_STALL_SECONDS"])
def test_no_setting_may_be_nothing(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(f"TAGWERK_{name}", "0")

    with pytest.raises(ValidationError):
        ApiSettings()


def test_a_json_body_is_small_where_nothing_is_said() -> None:
    assert ApiSettings().max_request_bytes == 8 * 2**20


def test_jobs_have_at_least_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAGWERK_JOB_HOURS", "0.016")

    with pytest.raises(ValidationError, match="greater than or equal to"):
        JobsSettings()
