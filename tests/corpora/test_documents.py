"""One line as a document: what is accepted, and each refusal with its code, line and value."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpora.documents import parse_document
from corpora.errors import InvalidCorpus, Problem
from models.types import Document, Span, TypeScore
from tests.corpora.corpus import line

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))


def refused(data: bytes, number: int = 17) -> Problem:
    with pytest.raises(InvalidCorpus) as caught:
        parse_document(data, number)
    assert caught.value.total == 1
    (problem,) = caught.value.problems
    assert problem.line == number
    assert problem.message.startswith(f"line {number}: ")
    return problem


def with_entity(**entity: object) -> bytes:
    return line(id="a", text="hello there", entities=[entity])


def test_a_document_with_everything() -> None:
    data = line(id="a", text="hello", meta={"n": [1, {"x": None}]}, entities=[{"start": 0, "end": 5, "label": "w"}])
    assert parse_document(data + b"\r\n", 1) == Document(
        id="a", text="hello", meta={"n": [1, {"x": None}]}, entities=(Span(start=0, end=5, label="w"),)
    )


def test_optional_fields_are_absent_unknown_keys_ignored_and_an_empty_text_allowed() -> None:
    expected = Document(id="a", text="")
    assert parse_document(line(id="a", text="", colour="red"), 1) == expected
    assert parse_document(line(id="a", text="", meta=None, entities=None), 1) == expected


def test_no_entities_differs_from_entities_not_given() -> None:
    assert parse_document(line(id="a", text="x", entities=[]), 1).entities == ()


def test_of_a_key_given_twice_the_last_counts() -> None:
    assert parse_document(b'{"id": "a", "text": "old", "text": "new"}', 1).text == "new"


@given(TEXTS, st.booleans())
def test_any_text_comes_back_as_it_was(text: str, ascii_only: bool) -> None:
    data = json.dumps({"id": "a", "text": text}, ensure_ascii=ascii_only).encode()
    assert parse_document(data, 1).text == text


@pytest.mark.parametrize(
    ("data", "code", "quotes"),
    [
        (b'{"id": "a" "text": "x"}', "bad_json", """'"text": "x"}'"""),
        (b'{"id": "a",', "bad_json", "the end of the line"),
        (b'{"id": "a", "text": "x"} {}', "bad_json", "'{}'"),
        (b'{"id": "a", "text": "x", "meta": {"n": NaN}}', "bad_json", "NaN"),
        (b'{"id": "a", "text": "x", "meta": {"n": -Infinity}}', "bad_json", "-Infinity"),
        (b'{"id": "a", "text": "x", "n": 1e999}', "bad_json", "'1e999'"),
        (b'{"id": "a", "text": "x", "n": ' + b"1" * 5000 + b"}", "bad_json", "too many digits"),
        (b"[" * 100_000, "bad_json", "nested more than 100 deep"),
        (b"[" * 101 + b"]" * 101, "bad_json", "nested more than 100 deep"),
        (b'["a"]', "not_an_object", "['a']"),
        (b"null", "not_an_object", "null"),
        (line(ID="a", text="x"), "missing_id", "'ID', 'text'"),
        (b"{}", "missing_id", "{}"),
        (line(id=17, text="x"), "id_not_a_string", "id is 17,"),
        (line(id=True, text="x"), "id_not_a_string", "id is true,"),
        (line(id="", text="x"), "id_not_a_string", "id is ''"),
        (line(id="i" * 513, text="x"), "id_too_long", "513 characters"),
        (line(id="a", body="x"), "missing_text", "'id', 'body'"),
        (line(id="a", text=["x"]), "text_not_a_string", "['x']"),
        (line(id="a", text=None), "text_not_a_string", "text is null"),
        (b'{"id": "a", "text": "ab\\u0000c"}', "nul_character", "position 2: 'ab\\x00c'"),
        (b'{"id": "a\\u0000", "text": ""}', "nul_character", "id has a NUL"),
        (b'{"id": "a", "text": "", "meta": {"k": ["\\u0000"]}}', "nul_character", "meta has a NUL"),
        (b'{"id": "a", "text": "x\x00y"}', "nul_character", "position 22"),
        (b'{"id": "a", "text": "x\\ud800"}', "lone_surrogate", "position 1: 'x\\ud800'"),
        (b'{"id": "\\udfff", "text": "x"}', "lone_surrogate", "'\\udfff'"),
        (b'{"id": "a", "text": "", "meta": {"\\ud800": 1}}', "lone_surrogate", "meta has half"),
        (b'{"id": "a", "text": "\xff"}', "invalid_utf8", "byte 0xff at position 21"),
        (b'{"id": "a", "text": "\xed\xa0\x80"}', "invalid_utf8", "byte 0xed"),
        ('{"id": "a", "text": "x"}'.encode("utf-16"), "invalid_utf8", "byte 0xff at position 0"),
        (line(id="a", text="x", meta=[1]), "bad_meta", "meta is [1],"),
        (line(id="a", text="x", meta="m"), "bad_meta", "meta is 'm',"),
    ],
)
def test_refusals_have_a_code_and_quote_the_value(data: bytes, code: str, quotes: str) -> None:
    problem = refused(data)
    assert problem.code == code
    assert quotes in problem.message


@pytest.mark.parametrize(
    ("entity", "says"),
    [
        ({"start": 9, "end": 12, "label": "w"}, "entity 1 [9, 12) lies outside the text (length 11)"),
        ({"start": -1, "end": 2, "label": "w"}, "entity 1 [-1, 2) lies outside"),
        ({"start": 5, "end": 2, "label": "w"}, "entity 1 [5, 2) lies outside"),
        ({"start": 5, "end": 5, "label": "w"}, "entity 1 [5, 5) is empty"),
        ({"start": True, "end": 2, "label": "w"}, "entity 1 has start true, not a whole number"),
        ({"start": 0, "end": 2.0, "label": "w"}, "entity 1 has end 2.0, not a whole number"),
        ({"start": "0", "end": 2, "label": "w"}, "entity 1 has start '0', not a whole number"),
        ({"start": 0, "label": "w"}, 'entity 1 has no "end"'),
        ({"start": 0, "label": "x"}, 'entity 1 has no "end"'),
        ({"start": 0, "end": 2, "types": "x"}, "entity 1 has types 'x', not a list of names"),
        ({"start": 0, "end": 2, "types": [7]}, "entity 1 has the type 7, not a name"),
        ({"start": 0, "end": 2, "types": [{"score": 1}]}, "entity 1 has the type null, not a name"),
        ({"start": 0, "end": 2, "types": [" "]}, "entity 1 has the type ' ', not a name"),
        ({"start": 0, "end": 2, "label": " "}, "entity 1 has label ' ', not a name"),
        ({"start": 0, "end": 2, "label": 3}, "entity 1 has label 3, not a name"),
    ],
)
def test_entities_that_cannot_be(entity: dict[str, Any], says: str) -> None:
    problem = refused(with_entity(**entity))
    assert problem.code == "bad_entity"
    assert says in problem.message


@pytest.mark.parametrize("entities", [{"start": 0}, "none", [[0, 2, "w"]], 3])
def test_entities_of_another_shape(entities: object) -> None:
    assert refused(line(id="a", text="hello", entities=entities)).code == "bad_entity"


def test_a_swapped_entity_says_which_one_of_several() -> None:
    good, bad = {"start": 0, "end": 1, "label": "w"}, {"start": 0, "end": 99, "label": "w"}
    assert "entity 2 [0, 99)" in refused(line(id="a", text="hello", entities=[good, bad])).message


def test_a_huge_value_is_cut_in_the_message() -> None:
    assert len(refused(line(id="a", text=["y" * 100_000] * 50)).message) < 200
    assert len(refused(line(id="z" * 100_000, text="x")).message) < 200


def test_offsets_count_code_points() -> None:
    data = line(id="a", text="🎸🎸", entities=[{"start": 1, "end": 2, "label": "w"}])
    assert parse_document(data, 1).entities == (Span(start=1, end=2, label="w"),)


def test_nesting_up_to_the_limit_is_read() -> None:
    deep = b"[" * 99 + b"]" * 99
    assert parse_document(b'{"id": "a", "text": "x", "other": ' + deep + b"}", 1).id == "a"


def test_a_mention_needs_no_label_and_may_have_types() -> None:
    entities = [
        {"start": 0, "end": 2},
        {"start": 0, "end": 2, "label": None, "types": None},
        {"start": 0, "end": 2, "label": "x", "types": ["/a", {"name": "/b", "score": 0.4}]},
    ]

    found = parse_document(json.dumps({"id": "a", "text": "hello", "entities": entities}).encode(), 1).entities

    assert found == (
        Span(start=0, end=2, label=""),
        Span(start=0, end=2, label=""),
        Span(start=0, end=2, label="x", types=(TypeScore(name="/a"), TypeScore(name="/b"))),
    )
