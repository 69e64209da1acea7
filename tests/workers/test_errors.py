"""Every error of this room carries a machine word of its own, and says whether trying again helps."""

from __future__ import annotations

from pathlib import Path

import pytest

from workers import errors

ERRORS = [
    errors.UnknownTagger("jazz", ["default"]),
    errors.UnknownEngine("oracle"),
    errors.DamagedTagger(Path("taggers/jazz/tagger.json"), KeyError("engine")),
]


def test_every_error_has_a_code_of_its_own() -> None:
    assert set(errors.WorkerError.__subclasses__()) == {type(error) for error in ERRORS}
    assert len({error.code for error in ERRORS} | {errors.WorkerError.code}) == len(ERRORS) + 1


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.code)
def test_no_worker_can_mend_what_a_job_asks_for(error: errors.WorkerError) -> None:
    assert error.permanent


def test_messages_quote_the_value() -> None:
    values = ["'jazz'", "'oracle'", "taggers/jazz/tagger.json"]

    assert [value in str(error) for error, value in zip(ERRORS, values, strict=True)] == [True] * 3
