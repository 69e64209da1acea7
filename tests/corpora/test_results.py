"""The result line: offsets, rounding, and what survives the way through JSON."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpora.results import Escalation, dump, error_line, result_line, utf16_offsets
from models.types import Document, Prediction, Span, TypeScore

TEXTS = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs"], exclude_characters="\x00"),
        st.sampled_from(["🎸", "é", "\u0301", "\u200d", "\u2028", "\x85", '"', "\\", "\n", "中"]),
    ),
    min_size=1,
)


@st.composite
def tagged(draw: st.DrawFn) -> tuple[Document, Prediction]:
    text = draw(TEXTS)
    cuts = sorted(draw(st.sets(st.integers(0, len(text)), min_size=2)))
    spans = tuple(Span(start=a, end=b, label="x", score=0.5) for a, b in pairwise(cuts))
    return Document(id="a", text=text), Prediction(spans=spans)


@given(tagged())
def test_an_entity_is_its_stretch_of_text_after_the_way_through_json(
    case: tuple[Document, Prediction],
) -> None:
    document, prediction = case
    written = dump(result_line(document, prediction, None, tagger="t@1", engine="biencoder"))
    assert "\n" not in written
    entities = json.loads(written.encode())["entities"]
    assert len(entities) == len(prediction.spans)
    assert all(document.text[entity["start"] : entity["end"]] == entity["text"] for entity in entities)


@given(tagged())
def test_utf16_offsets_cut_the_same_text_out_of_utf16(case: tuple[Document, Prediction]) -> None:
    document, prediction = case
    line = result_line(document, prediction, None, tagger="t@1", engine="biencoder")
    units = document.text.encode("utf-16-le")
    for entity in utf16_offsets(line, document.text)["entities"]:
        assert units[2 * entity["start"] : 2 * entity["end"]].decode("utf-16-le") == entity["text"]


def test_the_whole_line() -> None:
    document = Document(id="é", text="Low Tide play")
    prediction = Prediction(spans=(Span(start=0, end=8, label="band", score=0.876543),), windows=2)
    escalation = Escalation(reasons=("low_confidence", "audit"), risk=0.123456)
    line = result_line(document, prediction, escalation, tagger="music@3", engine="biencoder")
    assert dump(line) == (
        '{"id":"é","entities":[{"start":0,"end":8,"text":"Low Tide","label":"band","score":0.8765}],'
        '"escalation":{"reasons":["low_confidence","audit"],"risk":0.1235},'
        '"tagger":"music@3","engine":"biencoder","windows":2}'
    )


def test_a_line_without_entities_and_escalation() -> None:
    line = result_line(Document(id="a", text=""), Prediction(spans=()), None, tagger="t@1", engine="llm")
    expected: dict[str, Any] = {
        "id": "a",
        "entities": [],
        "escalation": None,
        "tagger": "t@1",
        "engine": "llm",
        "windows": 1,
    }
    assert line == expected


def test_an_error_line_passes_the_conversion_unchanged() -> None:
    line = error_line("a", "poison", "it broke")
    assert dump(line) == '{"id":"a","error":{"code":"poison","message":"it broke"}}'
    assert utf16_offsets(line, "🎸") == line


def test_the_conversion_leaves_its_argument_alone() -> None:
    document = Document(id="a", text="🎸 band")
    prediction = Prediction(spans=(Span(start=2, end=6, label="x"),))
    line = result_line(document, prediction, None, tagger="t@1", engine="biencoder")
    assert utf16_offsets(line, document.text)["entities"][0]["start"] == 3
    assert line["entities"][0]["start"] == 2


def test_a_score_that_is_no_number_is_not_written() -> None:
    document, spans = Document(id="a", text="x"), (Span(start=0, end=1, label="x", score=float("nan")),)
    line = result_line(document, Prediction(spans=spans), None, tagger="t@1", engine="biencoder")
    with pytest.raises(ValueError, match="Out of range"):
        dump(line)


def test_types_stand_behind_the_score_and_the_typer_at_the_end() -> None:
    types = (TypeScore(name="/person/singer", score=0.98765), TypeScore(name="/person", score=0.98765))
    spans = (Span(start=0, end=4, label="", types=types), Span(start=0, end=4, label="x", types=()))

    line = result_line(
        Document(id="a", text="Nina"),
        Prediction(spans=spans),
        None,
        tagger="default",
        engine="biencoder",
        typer="fine@1",
    )

    assert line["entities"][0] == {
        "start": 0,
        "end": 4,
        "text": "Nina",
        "label": None,
        "score": 1.0,
        "types": [{"name": "/person/singer", "score": 0.9877}, {"name": "/person", "score": 0.9877}],
    }
    assert line["entities"][1]["types"] == []
    assert list(line)[-1] == "typer"
    assert utf16_offsets(line, "Nina") == line
