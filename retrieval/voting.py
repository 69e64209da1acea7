"""Tagging without any language model: the nearest labelled words vote. The baseline that in-context engines must beat.

Owns how votes become spans. Needs the words of an example set in an index, and nothing learnt.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.types import Span
from retrieval.collection import Layout, plan
from retrieval.encoding import encode
from retrieval.keeping import Kept
from retrieval.overlap import near_duplicates, wording
from retrieval.settings import RetrievalSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from models.states import StateReader
    from models.words import Word
    from retrieval.examples import ExampleSet
    from retrieval.index import ExampleIndex
    from retrieval.ranking import Neighbours

#: Nearest words that vote on each word. This and the weights were chosen on dev splits of CrossNER, AI and politics.
VOTERS = 16
#: A vote weighs exp(cosine / SHARPNESS).
SHARPNESS = 0.05
#: More than are counted are asked for, as those of near-duplicates are left out.
_ASKED = 4 * VOTERS


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ballot:
    """What each indexed word was labelled as; tag 0 is outside, 1 + 2i begins label i, 2 + 2i goes on with it."""

    labels: tuple[str, ...]
    #: (rows,) of the example set.
    tags: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Voted:
    """The spans of one text; none and `degraded` where the index failed."""

    spans: tuple[Span, ...]
    degraded: bool = False


def ballot(examples: ExampleSet) -> Ballot:
    """The words' labels; of spans that overlap the later in the list wins."""
    labels = tuple(sorted({span.label for document in examples.documents for span in document.entities or ()}))
    tags = np.zeros(len(examples.words), dtype=np.int64)
    for number, document in enumerate(examples.documents):
        first, last = examples.bounds[number : number + 2]
        starts, ends = examples.words[first:last].T
        for span in document.entities or ():
            inside = first + np.flatnonzero((starts < span.end) & (ends > span.start))
            tags[inside] = 2 + 2 * labels.index(span.label)
            tags[inside[:1]] -= 1
    return Ballot(labels=labels, tags=tags)


def count_votes(near: Neighbours, counted: Ballot, allowed: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Shares of each tag for each word, (words, tags), from its first `VOTERS` neighbours among the `allowed` rows.

    A word without any neighbour is outside.
    """
    shares = np.zeros((len(near.rows), 1 + 2 * len(counted.labels)), dtype=np.float32)
    for share, rows, scores in zip(shares, near.rows, near.scores, strict=True):
        voters = np.flatnonzero((rows >= 0) & allowed[rows])[:VOTERS]
        weights = np.exp((scores[voters] - scores[voters].max(initial=-1.0)) / SHARPNESS)
        np.add.at(share, counted.tags[rows[voters]], weights)
    shares[shares.sum(axis=1) == 0, 0] = 1.0
    return np.asarray(shares / shares.sum(axis=1, keepdims=True), dtype=np.float32)


def spans_of(words: Sequence[Word], shares: NDArray[np.float32], labels: Sequence[str]) -> tuple[Span, ...]:
    """Spans from the shares of each word's tags: words in a row whose label, begun or gone on with, leads.

    A word that begins rather than goes on starts a new span. A span's score is the mean of its words' shares.
    """
    begin, inside = shares[:, 1::2], shares[:, 2::2]
    either = np.concatenate([shares[:, :1], begin + inside], axis=1)
    best = either.argmax(axis=1)
    runs: list[list[int]] = []
    for number, label in enumerate(best.tolist()):
        goes_on = runs and runs[-1][-1] == number - 1 and best[number - 1] == label
        if label and goes_on and inside[number, label - 1] >= begin[number, label - 1]:
            runs[-1].append(number)
        elif label:
            runs.append([number])
    return tuple(
        Span(
            start=words[run[0]].start,
            end=words[run[-1]].end,
            label=labels[best[run[0]] - 1],
            score=float(either[run, best[run[0]]].mean()),
        )
        for run in runs
    )


class LabelVote:
    """Tags texts by the vote of the nearest words of an example set; a text's near-duplicates have no vote."""

    def __init__(
        self,
        index: ExampleIndex,
        examples: ExampleSet,
        reader: StateReader,
        *,
        tenant: str,
        settings: RetrievalSettings | None = None,
    ) -> None:
        self._reader = reader
        self._ballot = ballot(examples)
        self._wordings = [wording(document.text) for document in examples.documents]
        collection = plan(examples, tenant=tenant, layout=Layout.WORDS)
        self._kept = Kept(index, collection, reader, settings or RetrievalSettings())

    def tag(self, texts: Sequence[str]) -> list[Voted]:
        """Spans of each text, flat and in its order.

        Where the index fails, by policy: all come back degraded, or a RetrievalError is raised.
        """
        read = encode(self._reader, texts)
        near = self._kept.ask(lambda: self._neighbours([each.vectors for each in read]))
        if near is None:
            return [Voted(spans=(), degraded=True)] * len(texts)
        return [
            Voted(spans=spans_of(each.words, self._shares(text, found), self._ballot.labels))
            for text, each, found in zip(texts, read, near, strict=True)
        ]

    def _neighbours(self, texts: Sequence[NDArray[np.float32]]) -> list[Neighbours]:
        collection = self._kept.collection
        return self._kept.index.words(collection, texts, limit=min(_ASKED, collection.size))

    def _shares(self, text: str, near: Neighbours) -> NDArray[np.float32]:
        """Votes without those of the text's near-duplicates."""
        mine, owners = wording(text), self._kept.collection.owners
        voting = np.unique(owners[near.rows[near.rows >= 0]]).tolist()
        repeating = [number for number in voting if near_duplicates(mine, self._wordings[number])]
        return count_votes(near, self._ballot, ~np.isin(owners, repeating))
