"""Sets of labelled examples with their words' vectors: what an index is filled from, and can be rebuilt from.

Owns the value and what it is told apart by. Its files are retrieval.stored's, its index is retrieval.index's.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from models.types import Document, Span
from retrieval.encoding import encode
from retrieval.errors import BadExampleSet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from models.states import StateReader


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ExampleSet:
    """Labelled documents and a vector for each of their words; row by row in the order of the documents.

    Documents keep id, text and entities; every one has at least one word.
    """

    documents: tuple[Document, ...]
    #: (documents + 1,): rows `bounds[i]` to `bounds[i + 1]` are those of document i.
    bounds: NDArray[np.int64]
    #: (rows, 2): where each word starts and ends in its document's text, in code points.
    words: NDArray[np.int32]
    #: (rows, width), of unit length.
    vectors: NDArray[np.float16]
    #: Which encoder made the vectors.
    fingerprint: str
    #: SHA-256 of the documents.
    key: str

    @property
    def width(self) -> int:
        """Numbers in a vector."""
        return int(self.vectors.shape[1])

    def rows(self, first: int, last: int) -> NDArray[np.float32]:
        """Vectors of the rows [first, last), ready for arithmetic."""
        return self.vectors[first:last].astype(np.float32)


def build(documents: Sequence[Document], reader: StateReader) -> ExampleSet:
    """Read labelled documents; those without a word that the encoder sees are left out.

    Raises BadExampleSet where a document is not labelled (an empty tuple of entities is a label) or none is left.
    """
    for document in documents:
        if document.entities is None:
            raise BadExampleSet(f"the example {document.id!r} has no entities: give it a list, empty if it has none")
    read = zip(documents, encode(reader, [document.text for document in documents]), strict=True)
    kept = [(document, found) for document, found in read if found.words]
    if not kept:
        raise BadExampleSet(f"none of the {len(documents)} examples has a word")
    chosen = tuple(Document(id=each.id, text=each.text, entities=each.entities) for each, _ in kept)
    return ExampleSet(
        documents=chosen,
        bounds=np.cumsum([0, *(len(found.words) for _, found in kept)]),
        words=np.array([(word.start, word.end) for _, found in kept for word in found.words], dtype=np.int32),
        vectors=np.concatenate([found.vectors for _, found in kept]).astype(np.float16),
        fingerprint=reader.fingerprint,
        key=key_of(chosen),
    )


def key_of(documents: Sequence[Document]) -> str:
    """SHA-256 of what the documents say, in their order."""
    digest = hashlib.sha256()
    for document in documents:
        digest.update(line_of(document).encode() + b"\n")
    return digest.hexdigest()


def line_of(document: Document) -> str:
    """A document as one line of JSON, always the same for the same document; ASCII, so any string survives."""
    entities = [{"start": each.start, "end": each.end, "label": each.label} for each in document.entities or ()]
    return json.dumps({"id": document.id, "text": document.text, "entities": entities})


def document_of(raw: dict[str, Any]) -> Document:
    """The document that `line_of` wrote."""
    entities = tuple(Span(**entity) for entity in raw["entities"])
    return Document(id=raw["id"], text=raw["text"], entities=entities)
