"""Errors: one machine word a cause."""

from __future__ import annotations

from models import errors

CLASSES: list[type[errors.ModelError]] = [errors.ModelError, *errors.ModelError.__subclasses__()]


def test_every_cause_has_a_word_of_its_own() -> None:
    assert sorted(error.code for error in CLASSES) == [
        "bad_artifact",
        "bad_training_data",
        "device_unavailable",
        "encoder_not_found",
        "invalid_examples",
        "model_error",
        "weights_mismatch",
    ]


def test_none_is_mended_by_trying_again() -> None:
    assert all(error.permanent for error in CLASSES)
