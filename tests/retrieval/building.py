"""Example sets of random vectors, and what is nearest in them by plain arithmetic."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models.types import Document, Span
from models.words import split_words
from retrieval.encoding import pooled, unit
from retrieval.examples import ExampleSet, key_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

WIDTH = 16


def text_of(number: int, length: int) -> str:
    """So many words that no other number has."""
    return " ".join(f"w{number}x{place}" for place in range(length))


def example_set(
    lengths: Sequence[int], *, seed: int = 0, width: int = WIDTH, fingerprint: str = "f" * 64, name: str = "e"
) -> ExampleSet:
    """Examples of so many words each, as random vectors; the first word of each is a `thing`."""
    rng = np.random.default_rng(seed)
    documents = tuple(
        Document(id=f"{name}{i}", text=text_of(i, n), entities=(Span(start=0, end=len(f"w{i}x0"), label="thing"),))
        for i, n in enumerate(lengths)
    )
    vectors = unit(rng.normal(size=(sum(lengths), width)).astype(np.float32)).astype(np.float16)
    words = [(word.start, word.end) for document in documents for word in split_words(document.text)]
    return ExampleSet(
        documents=documents,
        bounds=np.cumsum([0, *lengths]),
        words=np.array(words, dtype=np.int32),
        vectors=vectors,
        fingerprint=fingerprint,
        key=key_of(documents),
    )


def queries(count: int, *, seed: int = 1, width: int = WIDTH) -> list[NDArray[np.float32]]:
    """Texts of 1 to 9 words as random unit vectors."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 10, count)
    return [unit(rng.normal(size=(size, width)).astype(np.float32)) for size in sizes]


def exact_maxsim(examples: ExampleSet, query: NDArray[np.float32]) -> list[float]:
    """Of every example, the sum over the query's words of the best cosine, in plain loops."""
    found = []
    for first, last in zip(examples.bounds[:-1], examples.bounds[1:], strict=True):
        words = examples.rows(first, last)
        found.append(float(sum(max(float(word @ other) for other in words) for word in query)))
    return found


def exact_pooled(examples: ExampleSet, query: NDArray[np.float32]) -> list[float]:
    """Of every example, the cosine of its words' mean with the query's."""
    bounds = zip(examples.bounds[:-1], examples.bounds[1:], strict=True)
    return [float(pooled(examples.rows(first, last)) @ pooled(query)) for first, last in bounds]


def exact_votes(examples: ExampleSet, query: NDArray[np.float32], n: int) -> dict[int, float]:
    """Of examples that a word voted for, the sum over words of the best cosine among its n nearest words."""
    owners = np.repeat(np.arange(len(examples.documents)), np.diff(examples.bounds))
    total: dict[int, float] = {}
    for word in query:
        cosines = examples.rows(0, len(owners)) @ word
        best: dict[int, float] = {}
        for row in np.argsort(-cosines)[:n]:
            owner = int(owners[row])
            best[owner] = max(best.get(owner, -1.0), float(cosines[row]))
        for owner, cosine in best.items():
            total[owner] = total.get(owner, 0.0) + cosine
    return total
