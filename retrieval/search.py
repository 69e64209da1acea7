"""The search for labelled examples near a text, as engines that read in context ask for it.

Owns how texts become questions and what is made of a search that failed: a text without its examples says so.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from models.asking import Retrieved
from retrieval.choosing import Chooser
from retrieval.collection import Layout, plan
from retrieval.encoding import encode
from retrieval.keeping import Kept
from retrieval.ranking import votes
from retrieval.settings import RetrievalSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from models.states import StateReader
    from retrieval.examples import ExampleSet
    from retrieval.index import ExampleIndex
    from retrieval.ranking import Hit

#: Nearest words that each word of a text votes with, at first.
VOTES = 10


class Mode(StrEnum):
    """What "near" means."""

    #: Each word of the text against its best counterpart in the example, summed (MaxSim).
    MAXSIM = "maxsim"
    #: Each word of the text votes for the examples of its nearest words.
    VOTE = "vote"
    #: One vector for the whole text.
    SENTENCE = "sentence"


class ExampleSearch:
    """Labelled examples near a text: a `models.asking.Retriever`.

    Raises EncoderMismatch where `reader` is not the encoder that read the examples. The text itself, its
    near-duplicates (`retrieval.overlap`) and examples that repeat one another are left out.
    """

    def __init__(
        self,
        index: ExampleIndex,
        examples: ExampleSet,
        reader: StateReader,
        *,
        tenant: str,
        k: int = 5,
        coverage: bool = False,
        mode: Mode = Mode.MAXSIM,
        settings: RetrievalSettings | None = None,
    ) -> None:
        self._reader = reader
        self._mode = mode
        self._chooser = Chooser(examples.documents, k=k, coverage=coverage)
        layout = Layout.WORDS if mode is Mode.VOTE else Layout.TEXTS
        collection = plan(examples, tenant=tenant, layout=layout)
        self._kept = Kept(index, collection, reader, settings or RetrievalSettings())

    def near(self, texts: Sequence[str]) -> list[Retrieved]:
        """The nearest examples of each text, the nearest first; none, and not degraded, for a text without words.

        Where the index fails, by policy: all come back degraded, or a RetrievalError is raised.
        """
        vectors = [each.vectors for each in encode(self._reader, texts)]
        found = self._kept.ask(lambda: self._found(texts, vectors))
        return found if found is not None else [Retrieved(examples=(), degraded=True)] * len(texts)

    def release(self) -> None:
        """Give back the memory of an index in this process, to be filled when asked again; a server keeps its copy."""
        if self._kept.index.in_memory:
            self._kept.forget()

    def _found(self, texts: Sequence[str], vectors: Sequence[NDArray[np.float32]]) -> list[Retrieved]:
        """Looks further where too much of what is nearest repeats the text or itself."""
        found = [Retrieved(examples=())] * len(texts)
        left = [number for number, words in enumerate(vectors) if len(words)]
        limit = VOTES if self._mode is Mode.VOTE else 2 * self._chooser.pool
        while left:
            ranked = self._ranked([vectors[number] for number in left], limit)
            short = []
            for number, hits in zip(left, ranked, strict=True):
                candidates = self._chooser.candidates(texts[number], (hit.example for hit in hits))
                found[number] = Retrieved(examples=self._chooser.chosen(candidates))
                if len(candidates) < self._chooser.pool:
                    short.append(number)
            left = short if limit < self._kept.collection.size else []
            limit *= 8
        return found

    def _ranked(self, vectors: Sequence[NDArray[np.float32]], limit: int) -> list[list[Hit]]:
        index, collection = self._kept.index, self._kept.collection
        limit = min(limit, collection.size)
        if self._mode is Mode.VOTE:
            near = index.words(collection, vectors, limit=limit)
            return [votes(each, collection.owners) for each in near]
        return index.nearest(collection, vectors, limit=limit, by_words=self._mode is Mode.MAXSIM)
