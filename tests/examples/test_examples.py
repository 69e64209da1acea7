"""The corpora in examples/: well formed, and their gold entities exact.

Reads the files as they lie, with the json and yaml modules alone, so that a fault in our own reader cannot
hide a fault in the data. Says nothing about how well a tagger does on them.
"""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

EXAMPLES = Path(__file__).parents[2] / "examples"
TYPED = "typing/corpus.jsonl"
DOMAINS = {"music": 24, "clinical": 22, "support": 22}
FILES = [*(f"{domain}/corpus.jsonl" for domain in DOMAINS), "long/document.jsonl"]

every_file = pytest.mark.parametrize("name", FILES)


def documents(name: str) -> list[dict[str, Any]]:
    raw = (EXAMPLES / name).read_bytes().decode("utf-8")
    assert raw.endswith("\n")
    return [json.loads(line) for line in raw.removesuffix("\n").split("\n")]


def labels(name: str) -> list[dict[str, str]]:
    loaded = yaml.safe_load((EXAMPLES / name).with_name("labels.yaml").read_text(encoding="utf-8"))
    assert isinstance(loaded, list)
    return loaded


def surfaces(document: dict[str, Any]) -> list[tuple[str, str]]:
    text = document["text"]
    return [(text[entity["start"] : entity["end"]], entity["label"]) for entity in document["entities"]]


@every_file
def test_documents_have_the_fields_of_the_contract(name: str) -> None:
    for document in documents(name):
        assert set(document) == {"id", "text", "entities"}
        assert isinstance(document["text"], str)
        assert document["text"] == document["text"].strip() != ""
        assert "\r" not in document["text"]
        assert all(set(entity) == {"start", "end", "label"} for entity in document["entities"])


def test_typed_documents_have_mentions_with_listed_types() -> None:
    listed = yaml.safe_load((EXAMPLES / "typing/types.yaml").read_text(encoding="utf-8"))
    names = [each if isinstance(each, str) else each["name"] for each in listed]
    assert len(names) == len(set(names)) >= 30
    assert all(name.rpartition("/")[0] in {*names, ""} for name in names)
    told = set()
    for document in documents(TYPED):
        assert set(document) == {"id", "text", "entities"}
        for entity in document["entities"]:
            assert set(entity) == {"start", "end", "types"}
            told |= set(entity["types"])
    assert told <= set(names)
    assert len(told) >= 25


typed_too = pytest.mark.parametrize("name", [*FILES, TYPED])


@typed_too
def test_ids_name_the_domain_and_count_up(name: str) -> None:
    domain = name.partition("/")[0]
    ids = [document["id"] for document in documents(name)]
    assert ids == [f"{domain}-{number:02d}" for number in range(1, len(ids) + 1)]


@typed_too
def test_spans_lie_in_the_text_on_whole_words(name: str) -> None:
    for document in documents(name):
        text = document["text"]
        for start, end in ((entity["start"], entity["end"]) for entity in document["entities"]):
            assert 0 <= start < end <= len(text), document["id"]
            surface = text[start:end]
            assert surface == surface.strip(), document["id"]
            assert "\n" not in surface, document["id"]
            assert not re.search(r"\w$", text[:start]) or not re.match(r"\w", surface), surface
            assert not re.search(r"\w$", surface) or not re.match(r"\w", text[end:]), surface


@every_file
def test_spans_carry_no_article_and_no_stray_punctuation(name: str) -> None:
    found = [surface for document in documents(name) for surface, _ in surfaces(document)]
    assert [surface for surface in found if re.match(r"(?:the|a|an)\s", surface, re.IGNORECASE)] == []
    assert [surface for surface in found if not re.match(r"\w", surface)] == []
    assert [surface for surface in found if not re.search(r"[\w)]$", surface)] == []


@typed_too
def test_spans_are_in_order_and_never_overlap(name: str) -> None:
    for document in documents(name):
        for left, right in pairwise(document["entities"]):
            assert left["end"] <= right["start"], document["id"]


@every_file
def test_labels_are_described_known_and_used(name: str) -> None:
    declared = labels(name)
    names = [label["name"] for label in declared]
    assert 5 <= len(names) == len(set(names)) <= 7
    for label in declared:
        assert set(label) == {"name", "description"}
        assert label["description"].strip()
        assert "\n" not in label["description"]
    assert {label for document in documents(name) for _, label in surfaces(document)} == set(names)


@every_file
def test_the_same_name_is_labelled_wherever_it_stands(name: str) -> None:
    corpus = documents(name)
    gold = {pair for document in corpus for pair in surfaces(document)}
    assert len({surface for surface, _ in gold}) == len(gold), "one surface under two labels"
    for document in corpus:
        for surface, _ in gold:
            for match in re.finditer(rf"(?<!\w){re.escape(surface)}(?!\w)", document["text"]):
                covered = any(
                    entity["start"] <= match.start() and match.end() <= entity["end"] for entity in document["entities"]
                )
                assert covered, f"{document['id']}: {surface!r} at {match.start()} is not labelled"


@pytest.mark.parametrize(("domain", "least"), DOMAINS.items())
def test_a_domain_is_varied(domain: str, least: int) -> None:
    corpus = documents(f"{domain}/corpus.jsonl")
    texts = [document["text"] for document in corpus]
    assert len(set(texts)) == len(texts) >= least
    assert any(not document["entities"] for document in corpus), "a document without entities"
    assert any("\n" in text for text in texts), "a document of several lines"
    assert any(character.isalpha() and not character.isascii() for character in "".join(texts)), "an accent"
    assert any(ord(character) > 0xFFFF for character in "".join(texts)), "an emoji"


def test_there_are_sixty_short_documents_and_no_id_twice() -> None:
    ids = [document["id"] for name in FILES for document in documents(name)]
    assert len(ids) == len(set(ids)) >= 60 + 1


def test_some_span_follows_an_emoji_so_that_utf16_offsets_would_show() -> None:
    prefixes = [
        document["text"][: entity["start"]]
        for document in documents("music/corpus.jsonl")
        for entity in document["entities"]
    ]
    assert any(ord(character) > 0xFFFF for prefix in prefixes for character in prefix)


def test_the_long_document_has_entities_up_to_its_last_sentence() -> None:
    [document] = documents("long/document.jsonl")
    text = document["text"]
    assert abs(len(text) - 20_000) <= 300
    last_sentence = text.rindex(". ", 0, len(text) - 1) + 2
    inside = [entity["label"] for entity in document["entities"] if entity["start"] >= last_sentence]
    assert set(inside) == {"person", "organisation", "place", "date", "band"}
