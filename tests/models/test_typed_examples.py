"""Mentions with types: which are theirs, and what is said of examples that a typer cannot learn from."""

from __future__ import annotations

from models.typed_examples import check_typed_examples, types_of
from models.types import Document, Span, TypeScore
from models.typing_hierarchy import tree_of

TREE = tree_of(["/person", "/person/singer", "/place", "band"])


def span(*types: str, label: str = "", end: int = 4) -> Span:
    return Span(start=0, end=end, label=label, types=tuple(TypeScore(name=each) for each in types) or None)


def document(*spans: Span, text: str = "Nina sang.") -> Document:
    return Document(id="d", text=text, entities=spans)


def told(*documents: Document) -> list[tuple[int | None, str, str]]:
    found = check_typed_examples(list(enumerate(documents, start=1)), TREE)
    assert found.total == len(found.errors)
    return [(each.line, each.code, each.message) for each in found.errors]


def test_a_mention_has_the_types_it_was_given_or_its_label() -> None:
    assert types_of(span("/person", "band", label="x")) == ("/person", "band")
    assert types_of(span(label="band")) == ("band",)
    assert types_of(span()) == ()


def test_good_examples_are_told_of_types_that_they_do_not_show() -> None:
    found = check_typed_examples([(1, document(span("/person/singer")))], TREE)

    assert found.errors == ()
    assert [each.message for each in found.warnings] == [
        "'/place', 'band' have no example and are known by words alone",
        "type '/person/singer' has 1 example; 5 or more make its score mean something",
    ]


def test_unknown_types_and_mentions_without_any_are_told_with_line_and_value() -> None:
    documents = [
        document(span("/person")),
        document(span("/persn", end=3), Span(start=5, end=9, label="")),
        document(span(label="MISC", end=2)),
    ]

    assert told(*documents) == [
        (2, "unknown_type", "line 2: entity 1 has the unknown type '/persn'; list it among the types"),
        (2, "no_types", "line 2: entity 2 [5, 9) has neither types nor a label that is one"),
        (3, "unknown_type", "line 3: entity 1 has the unknown type 'MISC'; list it among the types"),
    ]


def test_one_mention_with_two_annotations_is_a_contradiction() -> None:
    same, other = document(span("/person")), document(span("/place"))

    assert told(same, same) == []
    assert told(same, other) == [
        (2, "contradiction", "line 2: the mention 'Nina' has other types on line 1; keep one of the two")
    ]
    assert told(same, document(span("/place", end=5))) == []


def test_documents_without_mentions_teach_nothing() -> None:
    [(line, code, _)] = told(Document(id="d", text="x"))

    assert (line, code) == (None, "no_mentions")
