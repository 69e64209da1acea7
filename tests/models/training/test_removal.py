"""Removal: which label goes, with examples and without, and how its mentions are counted."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.training.hypernyms import hypernyms
from models.training.removal import removed, violations, without
from models.types import Document, Span

if TYPE_CHECKING:
    from collections.abc import Collection

LABELS = ["person", "politician", "river", "year"]
likeness = hypernyms().likeness


def draws(asked: Collection[str], shown: Collection[str], share: float = 0.0, count: int = 400) -> list[list[str]]:
    return [removed(LABELS, asked, shown, likeness, share, random.Random(seed)) for seed in range(count)]


@given(
    st.lists(st.sampled_from([*LABELS, "town", "x"]), unique=True),
    st.sets(st.sampled_from(LABELS)),
    st.sets(st.sampled_from(LABELS)),
    st.floats(0, 1),
    st.integers(0, 99),
)
def test_some_labels_always_stay(labels: list[str], asked: set[str], shown: set[str], share: float, seed: int) -> None:
    gone = removed(labels, asked, shown, likeness, share, random.Random(seed))

    assert len(set(gone)) == len(gone)
    assert set(gone) <= set(labels)
    assert len(gone) < max(1, len(labels))
    if shown and len(labels) > 1:
        assert gone
        # The one on purpose is one that text and examples have, or else one that the text has.
        assert gone[0] in ((asked & shown & set(labels)) or (asked & set(labels)) or labels)


def test_a_label_that_text_and_examples_have_goes_first() -> None:
    assert {gone[0] for gone in draws({"river", "year"}, {"year", "person"})} == {"year"}
    assert {gone[0] for gone in draws({"river", "year"}, {"person"})} == {"river", "year"}
    assert {gone[0] for gone in draws(set(), {"person"})} == set(LABELS)


def test_a_label_goes_rather_where_one_of_near_meaning_stays() -> None:
    counts = Counter(gone[0] for gone in draws(LABELS, LABELS))

    assert counts["politician"] + counts["person"] > 4 * (counts["river"] + counts["year"])
    assert min(counts[label] for label in LABELS) > 0


def test_the_nearest_label_stays_and_others_go_by_their_share() -> None:
    found = draws({"politician"}, {"politician"}, share=0.5)

    assert all(gone[0] == "politician" and "person" not in gone for gone in found)
    assert sum("river" in gone for gone in found) == pytest.approx(200, abs=40)


def test_without_examples_any_go() -> None:
    found = draws({"politician"}, (), share=0.25)

    assert sum("politician" in gone for gone in found) == pytest.approx(100, abs=35)
    assert sum("person" in gone for gone in found) == pytest.approx(100, abs=35)


def test_mentions_that_come_back_under_another_label_are_counted() -> None:
    entities = (
        Span(start=0, end=3, label="politician"),
        Span(start=8, end=11, label="politician"),
        Span(start=15, end=19, label="river"),
    )
    document = Document(id="a", text="Ada met Bob at Isar.", entities=entities)
    answer = [Span(start=0, end=3, label="person"), Span(start=8, end=14, label="person"), entities[2]]

    assert without(document, "politician").entities == entities[2:]
    assert violations(document, "politician", answer) == (1, 2)
    assert violations(document, "year", answer) == (0, 0)
