"""Errors: one machine word a cause, and whether trying again can help."""

from __future__ import annotations

from retrieval import errors

CLASSES: list[type[errors.RetrievalError]] = [errors.RetrievalError, *errors.RetrievalError.__subclasses__()]


def test_every_cause_has_a_word_of_its_own() -> None:
    assert {error.code: error.permanent for error in CLASSES} == {
        "retrieval_error": True,
        "bad_example_set": True,
        "encoder_mismatch": True,
        "foreign_vectors": False,
        "index_incomplete": False,
        "index_refused": True,
        "index_timeout": False,
        "index_unavailable": False,
    }
