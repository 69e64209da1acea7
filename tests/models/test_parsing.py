"""Free answers: what holds is kept at its places, what does not is left out and flagged."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.asking import UNPARSABLE, Ask
from models.lines import shown_names, written
from models.parsing import parse
from models.types import Label, Span
from models.words import split_words
from tests.models.building import hostile
from tests.models.languages import ask, names


def read(text: str, answer: str, *labels: str, whole: bool = True) -> tuple[list[str], bool]:
    """Spans as `text@start=label`, and whether the answer was sound."""
    found = parse(answer, ask(text, *(labels or ("person", "place"))), 2, whole=whole)
    assert found.shown == 2
    assert found.flags in ((), (UNPARSABLE,))
    return [f"{text[span.start : span.end]}@{span.start}={span.label}" for span in found.spans], not found.flags


PARIS = "Paris met Paris in Paris, New York"


@pytest.mark.parametrize(
    ("answer", "spans"),
    [
        ("-", []),
        ("-\n", []),
        ("Paris = place\n", ["Paris@0=place", "Paris@10=place", "Paris@19=place"]),
        ("Paris = person\nParis = place", ["Paris@0=person", "Paris@10=place"]),
        ("Paris = person\nParis = person\nParis = place", ["Paris@0=person", "Paris@10=person", "Paris@19=place"]),
        ("New  York = place", ["New York@26=place"]),
        ("York = place\nNew York = place\nYork = place", ["New York@26=place"]),
        ("New York = PLACE", ["New York@26=place"]),
        ("```\nmet = place\n```\n\n", ["met@6=place"]),
        ("Paris , New = place", ["Paris, New@19=place"]),
    ],
)
def test_answers_are_read(answer: str, spans: list[str]) -> None:
    found, sound = read(PARIS, answer)

    assert found == spans
    assert sound == ("York = place\nNew" not in answer)


@pytest.mark.parametrize(
    ("answer", "spans"),
    [
        ("", []),
        ("There are no entities.", []),
        ("London = place\nmet = place", ["met@6=place"]),
        ("par = place\nmet = place", ["met@6=place"]),
        ("met = city\nin = place", ["in@16=place"]),
        ("met = place\nmet = place", ["met@6=place"]),
        ("met = place\n-", ["met@6=place"]),
        ("-\n-", []),
        ("= place\nmet = place", ["met@6=place"]),
        ('{"place": ["met"]}', []),
        ("paris = place", []),
    ],
)
def test_what_does_not_hold_is_left_out_and_flagged(answer: str, spans: list[str]) -> None:
    assert read(PARIS, answer) == (spans, False)


def test_the_last_line_of_a_truncated_answer_does_not_count() -> None:
    assert read(PARIS, "met = place\nNew York = person", whole=False) == (["met@6=place"], False)
    assert read(PARIS, "met = place\nNew York = person\n", whole=False)[0] == ["met@6=place", "New York@26=person"]


def test_labels_and_mentions_may_hold_the_separator() -> None:
    # Given a model that writes what it was shown, or the sign itself
    for answer in ("a \uff1d 1 = x\uff1dy", "a = 1 = x\uff1dy"):
        assert read("so a = 1", answer, "x=y") == (["a = 1@3=x=y"], True)


def test_lines_bring_their_scores() -> None:
    found = parse("met = place\n\nParis = person", ask(PARIS, "person", "place"), 0, scores=(0.5, 1.0, 0.25))

    assert [(span.start, span.score) for span in found.spans] == [(0, 0.25), (6, 0.5), (10, 0.25), (19, 0.25)]


@given(text=hostile, labels=st.lists(names, min_size=1, max_size=3, unique=True), answer=st.text(max_size=200))
def test_anything_may_be_answered(text: str, labels: list[str], answer: str) -> None:
    check(ask(text, *labels), answer)


@given(text=hostile, labels=st.lists(names, min_size=1, max_size=3, unique=True), data=st.data())
def test_likely_lines_may_be_answered(text: str, labels: list[str], data: st.DataObject) -> None:
    parts = [*text.split(), *shown_names([Label(name=name) for name in labels]), "=", "\n", "-", " = "]
    answer = " ".join(data.draw(st.lists(st.sampled_from(parts), max_size=20)))

    check(ask(text, *labels), answer)


def check(asked: Ask, answer: str) -> None:
    """Whatever was answered, what is read of it lies in the text."""
    words = split_words(asked.text)
    for whole in (True, False):
        found = parse(answer, asked, 0, whole=whole)
        for span in found.spans:
            assert span.start in {word.start for word in words}
            assert span.end in {word.end for word in words}
            assert span.label in {label.name for label in asked.labels}
        assert all(one.end <= two.start for one, two in pairwise(found.spans))
        assert whole or found.flags


@given(
    text=st.lists(st.sampled_from(["a", "b", "c", "=", "-", "d e", "\n", "f"]), unique=True).map(" ".join),
    data=st.data(),
)
def test_an_answer_in_full_is_read_as_it_was_meant(text: str, data: st.DataObject) -> None:
    """Where no word comes twice, reading undoes writing."""
    words = split_words(text)
    labels = [Label(name="person"), Label(name="a = b")]
    shown = dict(zip((label.name for label in labels), shown_names(labels), strict=True))
    meant = [
        Span(start=word.start, end=word.end, label=label.name)
        for word in words
        for label in [data.draw(st.sampled_from([*labels, None]))]
        if label is not None
    ]

    found = parse(written(text, meant, shown), ask(text, *shown), 0)

    assert (list(found.spans), found.flags) == (meant, ())
