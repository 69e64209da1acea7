"""Errors: one machine word a cause."""

from __future__ import annotations

from models import errors


def below(error: type[errors.ModelError]) -> list[type[errors.ModelError]]:
    """Every class that stands under one, at any depth."""
    return [each for child in error.__subclasses__() for each in (child, *below(child))]


#: What only holds others together has no word of its own.
ALL: list[type[errors.ModelError]] = [errors.ModelError, *below(errors.ModelError)]
CLASSES = [each for each in ALL if "code" in vars(each)]


def test_every_cause_has_a_word_of_its_own() -> None:
    assert sorted(error.code for error in CLASSES) == [
        "adapter_mismatch",
        "bad_artifact",
        "bad_training_data",
        "device_unavailable",
        "encoder_not_found",
        "generator_not_found",
        "invalid_examples",
        "invalid_types",
        "llm_ask_refused",
        "llm_not_tunable",
        "llm_refused",
        "llm_unavailable",
        "mention_outside",
        "mention_too_long",
        "model_error",
        "training_diverged",
        "weights_mismatch",
        "window_too_long",
    ]


def test_nothing_but_an_endpoint_that_is_away_is_mended_by_trying_again() -> None:
    assert [error for error in CLASSES if not error.permanent] == [errors.EndpointUnavailable]
