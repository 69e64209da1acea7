"""Settings come from the environment under the product's prefix, and impossible ones are refused."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from retrieval.settings import Policy, RetrievalSettings


def test_defaults_need_no_server() -> None:
    settings = RetrievalSettings()

    assert (settings.qdrant_url, settings.qdrant_api_key) == (None, None)
    assert (settings.retrieval_timeout, settings.retrieval_policy) == (1.0, Policy.FLAG)


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAGWERK_QDRANT_URL", "https://qdrant.example:6333")
    monkeypatch.setenv("TAGWERK_QDRANT_API_KEY", "sesame")
    monkeypatch.setenv("TAGWERK_RETRIEVAL_TIMEOUT", "0.5")
    monkeypatch.setenv("TAGWERK_RETRIEVAL_POLICY", "wait")

    settings = RetrievalSettings()

    assert settings.qdrant_url == "https://qdrant.example:6333"
    assert settings.qdrant_api_key is not None
    assert settings.qdrant_api_key.get_secret_value() == "sesame"
    assert "sesame" not in repr(settings)
    assert (settings.retrieval_timeout, settings.retrieval_policy) == (0.5, Policy.WAIT)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("QDRANT_URL", "qdrant:6333"),
        ("RETRIEVAL_TIMEOUT", "0"),
        ("RETRIEVAL_FILL_TIMEOUT", "-1"),
        ("RETRIEVAL_RETRY_SECONDS", "0"),
        ("RETRIEVAL_POLICY", "hope"),
    ],
)
def test_what_cannot_be_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"TAGWERK_{name}", value)

    with pytest.raises(ValidationError, match=name.lower()):
        RetrievalSettings()
