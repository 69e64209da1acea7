"""The choice among ranked candidates: no repetition, and labels covered greedily."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.types import Document, Span
from retrieval.choosing import Chooser

NAMES = "abcdefghijklmnopqrst"


def documents(*labels: str) -> list[Document]:
    """A document for each string of one-letter labels."""
    return [
        Document(id=str(i), text=f"{NAMES[i]} says {i}", entities=tuple(Span(start=0, end=1, label=x) for x in found))
        for i, found in enumerate(labels)
    ]


def picked(labels: list[str], k: int, *, coverage: bool) -> list[int]:
    chooser = Chooser(documents(*labels), k=k, coverage=coverage)
    return [int(each.id) for each in chooser.chosen(chooser.candidates("something else", range(len(labels))))]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["x", "x", "y", "x"], [0, 2]),
        (["", "x", "", "y"], [0, 1]),
        (["xy", "x", "y"], [0, 1]),
        (["x", "x", "x"], [0, 1]),
        (["x"], [0]),
    ],
)
def test_a_label_not_yet_shown_comes_first(labels: list[str], expected: list[int]) -> None:
    assert picked(labels, 2, coverage=True) == expected


def test_only_what_is_near_is_looked_at() -> None:
    assert picked(["x"] * 10 + ["y"], 2, coverage=True) == [0, 1]
    assert picked(["x"] * 9 + ["y"], 2, coverage=True) == [0, 9]


def test_examples_that_repeat_one_another_are_shown_once() -> None:
    texts = ["Rain in Pellmoor", "rain in pellmoor!", "Sun in Aske", "RAIN IN PELLMOOR", "Fog at sea"]
    chooser = Chooser([Document(id=text, text=text, entities=()) for text in texts], k=3, coverage=False)

    assert chooser.candidates("Snow", [1, 0, 3, 2, 4]) == [1, 2, 4]
    assert chooser.candidates("rain in Pellmoor", range(5)) == [2, 4]


@given(st.lists(st.sampled_from(["", "x", "y", "xy", "z"]), min_size=1, max_size=20), st.integers(1, 6))
def test_coverage_keeps_the_nearest_the_number_and_the_order(labels: list[str], k: int) -> None:
    covering, plain = picked(labels, k, coverage=True), picked(labels, k, coverage=False)

    assert plain == list(range(min(k, len(labels))))
    assert len(covering) == len(plain)
    assert covering == sorted(set(covering))
    assert covering[0] == 0
    assert len(set("".join(labels[i] for i in covering))) >= len(set("".join(labels[i] for i in plain)))
