"""The label vote: BIO tags of indexed words, their counting, spans from them, and all of it on an index."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from models import artifact
from models.scores import score
from models.states import StateReader
from models.types import Document, Span
from models.words import split_words
from retrieval.examples import build
from retrieval.index import ExampleIndex
from retrieval.ranking import Neighbours
from retrieval.settings import RetrievalSettings
from retrieval.voting import Ballot, LabelVote, ballot, count_votes, spans_of
from tests.models.building import example

if TYPE_CHECKING:
    from collections.abc import Sequence

AB = ("a", "b")
#: Tags of a ballot with the labels a and b.
OUT, B_A, I_A, B_B, I_B = range(5)


def shares(*tags: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Shares of words that all agree on."""
    found = np.zeros((len(tags), 5), dtype=np.float32)
    found[np.arange(len(tags)), tags] = 1.0
    return found


def test_indexed_words_know_their_labels(reader: StateReader) -> None:
    text = "Anna Blum met Carl in Bad Venn."
    marks = (("Anna Blum", "person"), ("Carl", "person"), ("Bad Venn", "place"))
    entities = tuple(Span(start=text.index(x), end=text.index(x) + len(x), label=y) for x, y in marks)
    examples = build(
        [Document(id="0", text="No one", entities=()), Document(id="1", text=text, entities=entities)], reader
    )

    found = ballot(examples)

    assert found.labels == ("person", "place")
    assert found.tags.tolist() == [0, 0, 1, 2, 0, 1, 0, 3, 4, 0]


def test_near_words_weigh_more_and_some_have_no_vote() -> None:
    near = Neighbours(
        rows=np.array([[0, 1, 2], [0, 1, 2], [3, -1, -1]]),
        scores=np.array([[0.9, 0.8, 0.8], [0.8, 0.8, 0.8], [0.9, 0.0, 0.0]], dtype=np.float32),
    )
    counted = Ballot(labels=AB, tags=np.array([B_A, OUT, OUT, I_B]))

    found = count_votes(near, counted, np.array([True, True, True, False]))

    assert found[0, B_A] > found[0, OUT]
    assert found[1] == pytest.approx([2 / 3, 1 / 3, 0, 0, 0])
    assert found[2].tolist() == [1, 0, 0, 0, 0]
    assert found.sum(axis=1) == pytest.approx([1, 1, 1])


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ([OUT, B_A, I_A, OUT], [("two three", "a")]),
        ([B_A, B_A, I_B, OUT], [("one", "a"), ("two", "a"), ("three", "b")]),
        ([I_A, I_A, OUT, I_A], [("one two", "a"), ("four", "a")]),
        ([B_A, I_A, I_B, I_B], [("one two", "a"), ("three four", "b")]),
        ([OUT, OUT, OUT, OUT], []),
    ],
)
def test_words_in_a_row_make_a_span(tags: Sequence[int], expected: list[tuple[str, str]]) -> None:
    text = "one two three four"

    found = spans_of(split_words(text), shares(*tags), AB)

    assert [(text[span.start : span.end], span.label) for span in found] == expected
    assert all(span.score == 1.0 for span in found)


def test_beginning_and_going_on_are_one_label_and_the_score_is_their_mean() -> None:
    split = np.array([[0.4, 0.3, 0.3, 0, 0], [0.2, 0.1, 0.7, 0, 0]], dtype=np.float32)

    [span] = spans_of(split_words("one two"), split, AB)

    assert (span.start, span.end, span.label) == (0, 7, "a")
    assert span.score == pytest.approx((0.6 + 0.8) / 2)


def test_no_words_no_spans() -> None:
    assert spans_of([], np.zeros((0, 5), dtype=np.float32), AB) == ()


def test_a_text_that_is_in_the_index_has_no_vote_for_itself(index: ExampleIndex, reader: StateReader) -> None:
    text = "Anna Blum met Carl"
    known = build([Document(id="0", text=text, entities=(Span(start=0, end=9, label="person"),))], reader)
    vote = LabelVote(index, known, reader, tenant="ours")

    [itself, another, nothing] = vote.tag([text, "Anna Blum saw nobody at all", ""])

    assert (itself.spans, nothing.spans) == ((), ())
    assert (another.spans[0].start, another.spans[0].end, another.spans[0].label) == (0, 9, "person")
    assert not any(each.degraded for each in (itself, another, nothing))


def test_the_vote_finds_something_with_the_tagger_that_ships() -> None:
    reader = StateReader(artifact.load(artifact.shipped_folder()))
    documents, _ = example("music")
    vote = LabelVote(ExampleIndex(RetrievalSettings()), build(documents[8:], reader), reader, tenant="ours")
    voted = vote.tag([document.text for document in documents[:8]])

    found = score([document.entities or () for document in documents[:8]], [each.spans for each in voted])

    assert found.f1 > 0.2
