"""The room's settings come from the environment."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from workers.settings import WorkerSettings


def test_nothing_needs_to_be_set() -> None:
    settings = WorkerSettings()

    assert (settings.device, settings.dtype, settings.encoder) == ("auto", "auto", None)
    assert settings.batch_pieces > 0


def test_every_setting_has_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"DEVICE": "cuda:1", "DTYPE": "float16", "BATCH_PIECES": "512", "ENCODER": "/models/base"}
    said |= {"ADAPT_MINUTES": "2.5", "ADAPT_STEPS": "9"}
    for name, value in said.items():
        monkeypatch.setenv(f"TAGWERK_{name}", value)

    settings = WorkerSettings()

    assert (settings.device, settings.dtype, settings.batch_pieces) == ("cuda:1", "float16", 512)
    assert (settings.encoder, settings.adapt_minutes, settings.adapt_steps) == ("/models/base", 2.5, 9)


def test_an_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAGWERK_ENCODER", "")

    assert WorkerSettings().encoder is None


@pytest.mark.parametrize(
    ("name", "value"), [("DTYPE", "float8"), ("BATCH_PIECES", "0"), ("BATCH_PIECES", "many"), ("ADAPT_STEPS", "0")]
)
def test_a_value_that_cannot_be_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"TAGWERK_{name}", value)

    with pytest.raises(ValidationError, match=name.lower()):
        WorkerSettings()
