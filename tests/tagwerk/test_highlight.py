"""Entities on their text: coloured, named, nothing lost, and no document that steers the terminal."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from tagwerk.highlight import COLOURS, Palette

LINE: dict[str, Any] = {"id": "a", "entities": [], "escalation": None}
ABBA = {"start": 0, "end": 4, "text": "Abba", "label": "band", "score": 0.914}
PARIS = {"start": 15, "end": 20, "text": "Paris", "label": "venue", "score": 0.5}


def shown(text: str, line: dict[str, Any], labels: tuple[str, ...] = ("band", "venue")) -> str:
    """What a terminal of sixteen colours gets."""
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, color_system="standard", soft_wrap=True)
    console.print(Palette(labels).shown(text, line))
    return stream.getvalue()


def test_entities_are_coloured_and_named_in_their_text() -> None:
    found = shown("Abba played in Paris.", LINE | {"entities": [ABBA, PARIS]})

    assert found == (
        "\x1b[2ma  \x1b[0m\x1b[1;36m[Abba\x1b[0m\x1b[36m|band 0.91]\x1b[0m played in "
        "\x1b[1;32m[Paris\x1b[0m\x1b[32m|venue 0.50]\x1b[0m.\n"
    )


def test_without_a_terminal_there_are_no_colours() -> None:
    plain = Palette(["band"]).shown("Abba!", LINE | {"entities": [ABBA]}).plain

    assert plain == "a  [Abba|band 0.91]!"


def test_a_label_has_one_colour_and_neighbours_have_others() -> None:
    palette = Palette(f"label {number}" for number in range(len(COLOURS) + 1))

    assert [palette.colour(f"label {number}") for number in range(len(COLOURS))] == list(COLOURS)
    assert palette.colour(f"label {len(COLOURS)}") == COLOURS[0]
    assert palette.colour("of no file") == "white"


def test_a_document_for_a_person_says_why() -> None:
    doubt = {"reasons": ["low_confidence", "label_conflict"], "risk": 0.256}

    assert shown("Abba", LINE | {"escalation": doubt}).splitlines()[1] == (
        "\x1b[1;33m    for a person: low_confidence, label_conflict, risk 0.26\x1b[0m"
    )


def test_a_document_that_failed_says_why() -> None:
    found = shown("Abba", {"id": "a", "error": {"code": "poison", "message": "workers died"}})

    assert found.splitlines()[1] == "\x1b[1;31m    failed (poison): workers died\x1b[0m"


@pytest.mark.parametrize("control", ["\x1b]0;title\x07", "\x1b[2J", "\r", "\x08", "\x9b2J", "\x7f"], ids=repr)
def test_a_text_cannot_steer_the_terminal(control: str) -> None:
    line = {"id": f"a{control}", "entities": [ABBA | {"text": f"A{control}"}], "escalation": None}
    text = f"Abba {control} plays"

    plain = Palette(["band"]).shown(text, line).plain

    assert not [character for character in plain if ord(character) < 32 or 0x7F <= ord(character) < 0xA0]


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1), st.data())
def test_no_character_of_a_text_is_lost(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    entity = {"start": start, "end": end, "text": text[start:end], "label": "band", "score": 0.5}

    plain = Palette(["band"]).shown(text, LINE | {"entities": [entity]}).plain

    assert plain == f"a  {text[:start]}[{text[start:end]}|band 0.50]{text[end:]}"


def test_types_are_told_after_the_label_the_likeliest_alone() -> None:
    types = [{"name": f"/kind{number}", "score": 0.9 - number / 10} for number in range(6)]

    labelled = Palette(["band"]).shown("Abba!", LINE | {"entities": [ABBA | {"types": types[:2]}]}).plain
    given = Palette([]).shown("Abba!", LINE | {"entities": [ABBA | {"label": None, "types": types}]}).plain

    assert labelled == "a  [Abba|band 0.91, /kind0 0.90, /kind1 0.80]!"
    assert given == "a  [Abba|/kind0 0.90, /kind1 0.80, /kind2 0.70, /kind3 0.60, 2 more]!"
    assert Palette(["/kind1"]).colour("band", "/kind1") == COLOURS[0]


def test_mentions_that_overlap_repeat_no_text() -> None:
    inner = {"start": 5, "end": 6, "text": "b", "label": None, "score": 1.0, "types": []}
    outer = {"start": 0, "end": 8, "text": "Abba b c", "label": None, "score": 1.0, "types": []}

    assert Palette([]).shown("Abba b c!", LINE | {"entities": [outer, inner]}).plain == "a  [Abba b c|][b|]!"
