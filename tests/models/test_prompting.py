"""Prompts: nothing in a text, a label or an example breaks their lines, and they fit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.asking import Ask
from models.errors import WindowTooLong
from models.lines import one_line, shown_names, written
from models.prompting import answer_room, fit, render, window_words
from models.types import Document, Label, Span
from models.words import split_words
from tests.models.building import hostile
from tests.models.languages import example

BAND = Label(name="music_band", description="a group\nthat plays = together")
ASK = Ask(
    text="Blur  and\nOasis = rivals",
    labels=(BAND, Label(name="town")),
    examples=(
        example("I saw Blur in Camden", ("Blur", "music_band"), ("Camden", "town")),
        example("Oasis split", ("Oasis", "music_band"), ("split", "event")),
        example("nothing here"),
    ),
)


def test_a_prompt_shows_labels_examples_and_text() -> None:
    lines = render(ASK, 2).splitlines()

    assert "- music band: a group that plays \uff1d together" in lines
    assert "- town" in lines
    # The nearest example stands last; entities of labels that are not asked for are not shown.
    assert lines[-11:] == [
        "Text: Oasis split",
        "Entities:",
        "Oasis = music band",
        "",
        "Text: I saw Blur in Camden",
        "Entities:",
        "Blur = music band",
        "Camden = town",
        "",
        "Text: Blur and Oasis \uff1d rivals",
        "Entities:",
    ]


def test_a_text_without_entities_is_answered_with_a_dash() -> None:
    assert "Text: nothing here\nEntities:\n-\n" in render(ASK, 3)


def test_names_alone_are_shown_where_descriptions_are_not_wanted() -> None:
    prompt = render(ASK, 0, described=False)

    assert "- music band\n" in prompt
    assert "group" not in prompt
    assert "each with what it means" not in prompt


@given(
    text=hostile,
    names=st.lists(hostile, min_size=1, max_size=4, unique=True),
    description=hostile,
    shown=st.lists(hostile, max_size=2),
)
def test_nothing_adds_a_line_or_a_separator(text: str, names: list[str], description: str, shown: list[str]) -> None:
    # Given any text, labels and examples, and the same with plain words in their places
    labels = tuple(Label(name=name, description=description) for name in names)
    asked = Ask(text=text, labels=labels, examples=tuple(Document(id="", text=each, entities=()) for each in shown))
    plain = Ask(
        text="x",
        labels=tuple(Label(name=f"y{i}") for i in range(len(names))),
        examples=tuple(Document(id="", text="z", entities=()) for _ in shown),
    )

    # When both are rendered, then they have the same lines but for what was given
    one, other = render(asked, len(shown)), render(plain, len(shown))
    assert one.count("\n") == other.count("\n")
    assert one.count("=") == other.count("=")


@given(st.lists(hostile, min_size=1, max_size=6, unique=True))
def test_shown_names_differ_whatever_the_labels(names: list[str]) -> None:
    shown = shown_names([Label(name=name) for name in names])

    assert len({name.casefold() for name in shown}) == len(names)
    assert all(name == one_line(name) and name for name in shown)


@given(hostile)
def test_one_line_has_the_same_words(text: str) -> None:
    line = one_line(text)

    assert "\n" not in line
    assert "=" not in line
    assert [line[w.start : w.end] for w in split_words(line)] == [
        text[w.start : w.end].replace("=", "\uff1d") for w in split_words(text)
    ]


def test_of_overlapping_entities_the_surer_is_written() -> None:
    spans = [
        Span(start=0, end=8, label="a", score=0.9),
        Span(start=4, end=8, label="a"),
        Span(start=10, end=11, label="b"),
    ]

    assert written("New York, x", spans, {"a": "place", "b": "mark"}) == "York = place\nx = mark\n"


def test_the_prompt_that_fits_shows_as_many_examples_as_possible() -> None:
    # Given how many characters the prompts with each number of examples have
    sizes = [len(render(ASK, shown)) for shown in range(4)]
    room = answer_room(ASK.text)

    # When a context takes just so many, then so many are shown
    for shown, size in enumerate(sizes):
        prompt = fit(ASK, len, size + room)
        assert (prompt.shown, prompt.pieces, prompt.room) == (shown, size, room)
        assert prompt.text == render(ASK, shown)
    assert fit(ASK, len, sizes[3] + room - 1).shown == 2


def test_descriptions_go_before_the_text_does() -> None:
    context = len(render(ASK, 0, described=False)) + answer_room(ASK.text)

    assert fit(ASK, len, context).text == render(ASK, 0, described=False)
    with pytest.raises(WindowTooLong, match=r"2 labels and a window of 24 characters .* reads [0-9,]+; give fewer"):
        fit(ASK, len, context - 1)


def test_longer_texts_keep_more_room_up_to_a_bound() -> None:
    rooms = [answer_room("word " * n) for n in (0, 10, 100, 10_000)]

    assert rooms == sorted(rooms)
    assert rooms[0] > 0
    assert answer_room("word " * 10_000) == answer_room("word " * 20_000)


@pytest.mark.parametrize(("context", "words"), [(128, 24), (512, 32), (2048, 128), (100_000, 200)])
def test_windows_follow_the_context(context: int, words: int) -> None:
    assert window_words(context) == words
