"""Example sets: what they hold, what tells them apart, what is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from models.types import Document, Span
from retrieval.encoding import encode
from retrieval.errors import BadExampleSet
from retrieval.examples import build, document_of, key_of, line_of

if TYPE_CHECKING:
    from models.states import StateReader

VENN = Document(id="1", text="Doctor Venn slept", entities=(Span(start=7, end=11, label="person"),), meta={"a": 1})
RAIN = Document(id="2", text="It rained ❤ in Pellmoor.", entities=())


def test_every_word_has_its_vector(reader: StateReader) -> None:
    found = build([VENN, RAIN], reader)

    assert [document.id for document in found.documents] == ["1", "2"]
    assert found.fingerprint == reader.fingerprint
    assert (found.width, found.vectors.dtype.name) == (reader.width, "float16")
    for number, (document, read) in enumerate(zip([VENN, RAIN], encode(reader, [VENN.text, RAIN.text]), strict=True)):
        rows = slice(*found.bounds[number : number + 2])
        assert found.words[rows].tolist() == [[word.start, word.end] for word in read.words]
        assert found.vectors[rows] == pytest.approx(read.vectors, abs=1e-3)
        assert document.text[slice(*found.words[rows][0])] in {"Doctor", "It"}
    assert np.linalg.norm(found.rows(0, 3), axis=1) == pytest.approx(np.ones(3), abs=2e-3)


def test_documents_without_words_are_left_out_and_meta_is_not_kept(reader: StateReader) -> None:
    blank = Document(id="0", text=" \n", entities=())

    found = build([blank, VENN], reader)

    assert [(document.id, document.meta) for document in found.documents] == [("1", None)]
    assert found.bounds.tolist() == [0, 3]


def test_a_document_that_is_not_labelled_is_refused(reader: StateReader) -> None:
    with pytest.raises(BadExampleSet, match="'7' has no entities"):
        build([VENN, Document(id="7", text="Rain")], reader)


@pytest.mark.parametrize("documents", [[], [Document(id="0", text=" ", entities=())]])
def test_nothing_to_index_is_refused(reader: StateReader, documents: list[Document]) -> None:
    with pytest.raises(BadExampleSet, match=f"none of the {len(documents)} examples has a word"):
        build(documents, reader)


def test_the_key_tells_documents_apart_and_nothing_else() -> None:
    moved = Document(id="1", text=VENN.text, entities=(Span(start=0, end=11, label="person"),))
    renamed = Document(id="1", text=VENN.text, entities=(Span(start=7, end=11, label="doctor"),))
    same = Document(id="1", text=VENN.text, entities=VENN.entities)

    assert key_of([VENN]) == key_of([same])
    assert len({key_of(each) for each in ([VENN], [moved], [renamed], [VENN, RAIN], [RAIN, VENN], [VENN, VENN])}) == 6


@pytest.mark.parametrize("document", [VENN, RAIN, Document(id="\u2028", text="half \ud83c", entities=())])
def test_a_document_survives_its_line(document: Document) -> None:
    again = document_of(json.loads(line_of(document)))

    assert (again.id, again.text, again.entities) == (document.id, document.text, document.entities)
