"""Shapes: how a word is written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.shapes import Shape, shape, shapes
from tests.models.building import hostile

WRITTEN = [
    ("anna", Shape.LOWER),
    ("Anna", Shape.CAPITALISED),
    ("A", Shape.CAPITALISED),
    ("NATO", Shape.UPPER),
    ("iPhone", Shape.MIXED),
    ("McCoy", Shape.MIXED),
    ("B12", Shape.UPPER),
    ("b12", Shape.LOWER),
    ("1999", Shape.DIGITS),
    ("1,000.5", Shape.DIGITS),
    (",", Shape.OTHER),
    ("🚀", Shape.OTHER),
    ("中", Shape.LOWER),
    ("straße", Shape.LOWER),
    ("İstanbul", Shape.CAPITALISED),
    ("Ǆ", Shape.CAPITALISED),
]


@pytest.mark.parametrize(("word", "expected"), WRITTEN)
def test_shape_of(word: str, expected: Shape) -> None:
    assert shape(word) is expected


@given(hostile)
def test_a_word_of_its_own_always_has_a_shape(word: str) -> None:
    assert shape(word) is not Shape.NONE


def test_a_passage_keeps_the_shapes_of_its_words() -> None:
    assert shapes([word for word, _ in WRITTEN]) == [expected for _, expected in WRITTEN]


@pytest.mark.parametrize("words", [[], ["play", "some", "jazz", "at", "5", "!"], ["中", "文"]])
def test_without_capitals_case_has_no_say(words: list[str]) -> None:
    assert shapes(words) == [Shape.NONE] * len(words)


@given(st.lists(hostile))
def test_case_has_a_say_in_all_words_or_in_none(words: list[str]) -> None:
    assert {found is Shape.NONE for found in shapes(words)} != {True, False}


def test_one_capital_gives_every_word_its_shape() -> None:
    assert shapes(["play", "Jazz", "5"]) == [Shape.LOWER, Shape.CAPITALISED, Shape.DIGITS]


def test_numbers_stay_what_trained_weights_mean_by_them() -> None:
    assert {found.name: int(found) for found in Shape} == {
        "NONE": 0,
        "LOWER": 1,
        "CAPITALISED": 2,
        "UPPER": 3,
        "MIXED": 4,
        "DIGITS": 5,
        "OTHER": 6,
    }
