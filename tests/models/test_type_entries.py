"""Entries of type files and of parsed lists: what each may say, and where it stands."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.examples import Finding
from models.type_entries import Entry, entries_in, entries_of


def only(values: list[Any]) -> Entry | Finding:
    [found] = entries_of(values)
    return found


def test_an_entry_knows_its_line_or_its_number() -> None:
    in_file = list(entries_in("# types\n- /person\n- name: /person/singer\n  words: singer of songs\n"))
    parsed = list(entries_of(["/person", {"name": "/person/singer", "words": "singer of songs"}]))

    assert [each.place.line for each in in_file if isinstance(each, Entry)] == [2, 3]
    assert [str(each.place) for each in parsed if isinstance(each, Entry)] == ["type 1", "type 2"]
    assert isinstance(parsed[1], Entry)
    assert (parsed[1].words, parsed[1].parent) == ("singer of songs", None)


def test_json_that_yaml_does_not_read_is_read_as_json() -> None:
    [one, two] = entries_in('[\n\t"/person",\n\t{"name": "/place", "description": "\\ud83c\\udf0d"}\n]')

    assert isinstance(one, Entry)
    assert isinstance(two, Entry)
    assert (one.name, two.description) == ("/person", "🌍")


def test_pairs_that_json_escapes_are_one_character() -> None:
    [one] = entries_in('["\\ud83c\\udf0d place"]')

    assert isinstance(one, Entry)
    assert one.name == "🌍 place"


@pytest.mark.parametrize(
    ("value", "code", "message"),
    [
        (7, "not_a_type", "type 1: a type is a name, a path, or a mapping with a name"),
        ({"name": 7}, "not_text", "type 1: the name of a type must be text"),
        ({"nane": "x"}, "unknown_key", "type 1: 'nane' says nothing of a type; use description, name, parent, words"),
        ({"description": "x"}, "no_name", "type 1: a type has no name: ''"),
        ("a\x00b", "bad_character", "type 1: the name 'a\\x00b' has a character that no text has"),
        ({"name": "a", "words": "\ud83c"}, "bad_character", "type 1: the words '\\ud83c' has a character that no text"),
    ],
)
def test_a_bad_entry_is_told_with_its_number(value: Any, code: str, message: str) -> None:  # noqa: ANN401
    found = only([value])

    assert isinstance(found, Finding)
    assert (found.line, found.code) == (None, code)
    assert found.message.startswith(message)


def test_a_key_that_is_null_says_nothing() -> None:
    found = only([{"name": "band", "parent": None, "words": None, "description": None}])

    assert isinstance(found, Entry)
    assert (found.parent, found.words, found.description) == (None, None, "")


@pytest.mark.parametrize(
    "text", ['[{"name": "band", "parent": null}]', "- {name: band, parent: ~}", "- name: band\n  words:"]
)
def test_a_key_of_a_file_that_is_null_says_nothing_either(text: str) -> None:
    [found] = entries_in(text)

    assert isinstance(found, Entry)
    assert (found.name, found.parent, found.words) == ("band", None, None)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=8), inside, max_size=3),
    max_leaves=6,
)


@given(st.lists(json_values, max_size=5))
def test_whatever_is_listed_is_an_entry_or_a_complaint(values: list[Any]) -> None:
    assert len(list(entries_of(values))) == len(values)
