"""Mentions in plain text: noun phrases by their last noun, pronouns, and what is said beside a name."""

from __future__ import annotations

import pytest

from models.training.nouns import beside, phrases, pronouns, singular


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The old bank was closed .", [("The old bank", "bank")]),
        ("She met the prime minister of France .", [("the prime minister", "prime minister")]),
        ("A jazz band and its singers , too", [("A jazz band", "band"), ("its singers", "singer")]),
        ("The general mood was good .", []),
        ("He ran .", []),
        ("The men", [("The men", "man")]),
        ("The bank closed .", []),
        ("the", []),
    ],
)
def test_noun_phrases_end_in_a_noun_that_the_table_knows(text: str, found: list[tuple[str, str]]) -> None:
    tokens = text.split()
    assert [(" ".join(tokens[first:last]), noun) for first, last, noun in phrases(tokens)] == found


def test_pronouns_are_told_in_small_letters() -> None:
    assert list(pronouns(["He", "saw", "her", ",", "it", "seems"])) == [(0, 1, "he"), (2, 3, "her")]


@pytest.mark.parametrize(
    ("text", "name", "found"),
    [
        ("Nina Simone , an American jazz singer , died .", "Nina Simone", ["singer"]),
        ("Ulm is a city in Germany .", "Ulm", ["city"]),
        ("He swam in the Mississippi River .", "Mississippi River", ["river"]),
        ("The University of Ulm grew .", "University of Ulm", ["university"]),
        ("It was said by singer Bob Dylan .", "Bob Dylan", ["singer"]),
        ("In the city of Ulm it rained .", "Ulm", ["city"]),
        ("Then Ulm was rebuilt .", "Ulm", []),
    ],
)
def test_what_is_said_beside_a_name(text: str, name: str, found: list[str]) -> None:
    tokens, named = text.split(), name.split()
    first = next(i for i in range(len(tokens)) if tokens[i : i + len(named)] == named)
    assert list(beside(tokens, first, first + len(named))) == found


def test_plurals_find_their_noun() -> None:
    assert [singular(word) for word in ("cities", "churches", "women", "children", "boss", "xyz")] == [
        "city", "church", "woman", "child", "boss", "",
    ]  # fmt: skip
