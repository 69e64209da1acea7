"""Settings: the environment is read when asked, and sense is demanded of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from corpora.limits import Limits
from corpora.settings import CorporaSettings

NAMES = ("BLOBS", "MAX_LINE_BYTES", "MAX_CORPUS_BYTES", "CHUNK_DOCUMENTS", "CHUNK_BYTES")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(f"TAGWERK_{name}", raising=False)


def test_defaults() -> None:
    settings = CorporaSettings()
    assert settings.blobs is None
    assert settings.limits() == Limits(
        max_line_bytes=8 * 2**20, max_corpus_bytes=20 * 2**30, chunk_documents=64, chunk_bytes=128 * 2**10
    )


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for number, name in enumerate(NAMES):
        monkeypatch.setenv(f"TAGWERK_{name}", str(number))
    settings = CorporaSettings()
    assert settings.blobs == Path("0")
    assert settings.limits() == Limits(max_line_bytes=1, max_corpus_bytes=2, chunk_documents=3, chunk_bytes=4)


@pytest.mark.parametrize("value", ["0", "-1", "many"])
def test_a_limit_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("TAGWERK_CHUNK_DOCUMENTS", value)
    with pytest.raises(ValidationError):
        CorporaSettings()
