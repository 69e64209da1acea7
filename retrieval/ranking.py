"""How near texts are by their words: late interaction and votes. Arithmetic on arrays; knows no index."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """An example by its number in the set, and how near it is; scores of one way of searching compare."""

    example: int
    score: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Neighbours:
    """The nearest indexed words of each word of a text, the nearest first."""

    #: (words, n): rows of the example set; -1 where there were fewer.
    rows: NDArray[np.int64]
    #: (words, n): cosines.
    scores: NDArray[np.float32]


def late_interaction(
    query: NDArray[np.float32], words: NDArray[np.float32], starts: NDArray[np.int64]
) -> NDArray[np.float32]:
    """MaxSim of a text's (q, width) words with several others: (m,) sums of each query word's best cosine.

    `words` (n, width) are those of all the others, one after another; `starts` (m,) is where each begins.
    """
    best = np.maximum.reduceat(words @ query.T, starts, axis=0)
    return np.asarray(best.sum(axis=1), dtype=np.float32)


def best_of(scored: Iterable[tuple[int, float]]) -> list[Hit]:
    """Examples by the best of their scores, the highest first; equals in the order of the set."""
    best: dict[int, float] = {}
    for example, score in scored:
        best[example] = max(score, best.get(example, score))
    return in_order(best)


def votes(near: Neighbours, owners: NDArray[np.int64]) -> list[Hit]:
    """Each word of a text votes for the examples of its nearest words, once each, with the best cosine.

    `owners` (rows,) says which example a row belongs to.
    """
    total: dict[int, float] = {}
    for rows, scores in zip(near.rows, near.scores, strict=True):
        there = rows >= 0
        for hit in best_of(zip(owners[rows[there]].tolist(), scores[there].tolist(), strict=True)):
            total[hit.example] = total.get(hit.example, 0.0) + hit.score
    return in_order(total)


def in_order(scores: dict[int, float]) -> list[Hit]:
    """Hits, the highest score first; equals in the order of the set."""
    ranked = sorted(scores.items(), key=lambda item: (-item[1], item[0]))
    return [Hit(example=example, score=score) for example, score in ranked]
