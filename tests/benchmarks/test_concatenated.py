"""Sentences joined into documents: nothing is lost, every entity is where its words are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.concatenated import FEWEST, MOST, joined
from models.types import Document, Span

words = st.text(st.characters(exclude_categories=["Cs", "Z", "C"]), min_size=1, max_size=6)


@st.composite
def sentences(draw: st.DrawFn) -> Document:
    """A sentence whose entities are some of its words."""
    found = draw(st.lists(words, min_size=1, max_size=6))
    spans, start = [], 0
    for word in found:
        if draw(st.booleans()):
            spans.append(Span(start=start, end=start + len(word), label=word))  # the label says what stands there
        start += len(word) + 1
    return Document(id="x", text=" ".join(found), entities=tuple(spans))


@given(documents=st.lists(sentences(), max_size=40), seed=st.integers(0, 20))
def test_all_text_and_all_entities_are_there_in_order(documents: list[Document], seed: int) -> None:
    found = joined(documents, seed)

    assert " ".join(document.text for document in found) == " ".join(document.text for document in documents)
    for document in found:
        assert all(document.text[span.start : span.end] == span.label for span in document.entities or ())
    labels = [span.label for document in documents for span in document.entities or ()]
    assert [span.label for document in found for span in document.entities or ()] == labels


@given(count=st.integers(0, 60), seed=st.integers(0, 20))
def test_documents_have_two_to_ten_sentences_but_the_last(count: int, seed: int) -> None:
    sizes = [len(document.id.split("+")) for document in joined([Document(id="x", text="a")] * count, seed)]

    assert sum(sizes) == count
    assert all(FEWEST <= size <= MOST for size in sizes[:-1])
