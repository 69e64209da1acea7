"""What examples are refused for, or warned of, before anything is learnt from them."""

from __future__ import annotations

import pytest

from models.examples import KEPT, check_examples
from models.types import Document, Label, Span

BAND, SONG = Label(name="band"), Label(name="song")


def document(text: str, *entities: tuple[int, int, str]) -> Document:
    spans = tuple(Span(start=start, end=end, label=label) for start, end, label in entities)
    return Document(id=text, text=text, entities=spans)


#: Five bands and five songs on five lines, so that nothing is scarce.
FINE = [(line, document(f"Queen{line} sang Bohemia", (0, 6, "band"), (12, 19, "song"))) for line in range(1, 6)]


def test_good_examples_meet_neither_error_nor_warning() -> None:
    found = check_examples(FINE, [BAND, SONG])

    assert (found.errors, found.warnings, found.total) == ((), (), 0)


@pytest.mark.parametrize(
    ("example", "code", "message"),
    [
        (
            document("Queen sang", (0, 5, "bnad")),
            "unknown_label",
            "line 9: entity 1 has the unknown label 'bnad'; the labels are band, song",
        ),
        (
            document("Queens sang", (0, 5, "band")),
            "misaligned_span",
            "line 9: entity 1 [0, 5) 'Queen' cuts the word 'Queens'; entities are whole words",
        ),
        (
            document("the Queen sang", (3, 9, "band")),
            "misaligned_span",
            "line 9: entity 1 [3, 9) ' Queen' begins or ends in white space; entities are whole words",
        ),
        (
            document("Queen2 sang Bohemia", (0, 6, "song")),
            "contradiction",
            "line 9: the text 'Queen2 sang Bohemia' has other entities on line 2; keep one of the two",
        ),
    ],
)
def test_an_error_names_line_and_value(example: Document, code: str, message: str) -> None:
    found = check_examples([*FINE, (9, example)], [BAND, SONG])

    assert [(each.line, each.code, each.message) for each in found.errors] == [(9, code, message)]


def test_a_label_without_an_example_is_an_error() -> None:
    found = check_examples(FINE, [BAND, SONG, Label(name="album")])

    assert [each.message for each in found.errors] == ["label 'album' has no example; give one or leave the label out"]
    assert found.errors[0].line is None


@pytest.mark.parametrize(
    ("example", "message"),
    [
        (
            document("Queen sang Queen", (0, 10, "band"), (6, 16, "song")),
            "line 9: entities [0, 10) and [6, 16) overlap; both are learnt, but answers never overlap",
        ),
        (FINE[1][1], "line 9: the text 'Queen2 sang Bohemia' is also on line 2"),
    ],
)
def test_a_warning_stands_in_no_ones_way(example: Document, message: str) -> None:
    found = check_examples([*FINE, (9, example)], [BAND, SONG])

    assert found.errors == ()
    assert [each.message for each in found.warnings] == [message]


def test_few_examples_are_warned_of() -> None:
    found = check_examples(FINE[:1], [BAND, SONG])

    assert [each.message for each in found.warnings] == [
        "label 'band' has 1 example; 5 or more make its score mean something",
        "label 'song' has 1 example; 5 or more make its score mean something",
    ]


def test_a_label_on_its_own_is_warned_of() -> None:
    found = check_examples([(1, document("Queen sang", (0, 5, "band")))], [BAND])

    assert [each.code for each in found.warnings] == ["one_label", "few_examples"]
    assert found.warnings[0].message == ("label 'band' is the only one; types that it is mistaken for would sharpen it")


def test_ten_thousand_examples_are_learnt_from_and_warned_of() -> None:
    many = [
        (line, document(f"Queen{line:05} sang Bohemia", (0, 10, "band"), (16, 23, "song"))) for line in range(10_000)
    ]

    found = check_examples(many, [BAND, SONG])

    assert found.errors == ()
    assert [each.message for each in found.warnings] == [
        "there are 10,000 examples; from 2,000 on each is seen less often than is best"
    ]


def test_of_many_errors_the_first_are_kept_and_all_are_counted() -> None:
    wrong = [(line, document(f"Queen{line}", (0, 8, "x"))) for line in range(100, 150)]

    found = check_examples([*FINE, *wrong], [BAND, SONG])

    assert (len(found.errors), found.total) == (KEPT, 50)


def test_long_values_are_cut() -> None:
    long = document("Queen " * 100, (0, 599, "band"))
    broken = document(long.text, (0, 598, "band"))

    [error] = check_examples([*FINE, (7, broken)], [BAND, SONG]).errors

    assert len(error.message) < 250
    assert "…" in error.message


def test_an_entity_without_a_label_teaches_none() -> None:
    document = Document(id="a", text="Abba", entities=(Span(start=0, end=4, label=""),))

    found = check_examples([(1, document)], [Label(name="band")])

    assert found.errors[0].message == "line 1: entity 1 has no label; the labels are band"
