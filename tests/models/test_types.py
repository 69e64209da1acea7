"""The shared vocabulary: frozen values with quiet defaults."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from models.types import Document, Label, Prediction, Span

VALUES = [Label(name="band"), Span(start=0, end=4, label="band"), Document(id="1", text="Blur"), Prediction(spans=())]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_values_cannot_be_changed(value: object) -> None:
    field = next(iter(value.__class__.__dataclass_fields__))  # type: ignore[attr-defined]

    with pytest.raises(FrozenInstanceError):
        setattr(value, field, "other")
    assert not hasattr(value, "__dict__")


def test_defaults_say_nothing() -> None:
    label, span, document, prediction = VALUES

    assert label == Label(name="band", description="", threshold=None)
    assert span == Span(start=0, end=4, label="band", score=1.0)
    assert document == Document(id="1", text="Blur", meta=None, entities=None)
    assert prediction == Prediction(spans=(), near_misses=(), windows=1, thresholds={})


def test_predictions_share_no_thresholds() -> None:
    Prediction(spans=()).thresholds["band"] = 0.4

    assert Prediction(spans=()).thresholds == {}
