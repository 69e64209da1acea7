"""Errors: their words, their class facts, and that they survive the way between processes."""

from __future__ import annotations

import pickle

import pytest

from corpora.errors import (
    CorpusError,
    CorpusTooLarge,
    DamagedBlob,
    InvalidCorpus,
    InvalidLabels,
    Problem,
    UnknownBlob,
)
from corpora.quoting import quoted

ERRORS = [
    InvalidCorpus([Problem.at(3, "bad_json", "not JSON")], 7),
    InvalidLabels([Problem.at(None, "no_labels", "there are no labels")]),
    CorpusTooLarge(1000),
    UnknownBlob("0" * 64),
    DamagedBlob("0" * 64, "it is short"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.code)
def test_errors_pickle_and_are_permanent(error: CorpusError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))
    assert error.permanent


def test_each_cause_has_its_own_word() -> None:
    assert len({error.code for error in ERRORS}) == len(ERRORS)


def test_an_error_lists_what_it_kept_and_counts_the_rest() -> None:
    error = InvalidCorpus([Problem.at(number, "bad_json", "no") for number in range(1, 31)])
    assert (len(error.problems), error.total) == (20, 30)
    assert str(error).splitlines()[0] == "line 1: no"
    assert str(error).splitlines()[-1] == "and 10 more"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("a", "'a'"),
        ("it's", '"it\'s"'),
        ("x" * 60, repr("x" * 60)),
        ("x" * 61, "'" + "x" * 58 + "…"),
        (None, "null"),
        (False, "false"),
        (0, "0"),
        ([1, "a"], "[1, 'a']"),
        ([[[[1]]]], "[[[[...]]]]"),
        (list(range(9)), "[0, 1, 2, 3, ...]"),
        ("\ud800", "'\\ud800'"),
    ],
)
def test_values_are_shown_printable_and_short(value: object, shown: str) -> None:
    assert quoted(value) == shown
