"""Strict entity scores: a prediction counts only with the right start, end and label.

Owns precision, recall and F1, micro-averaged over all documents as CoNLL does, and the same for each label.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from models.types import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Counts, and the fractions that follow from them (0 where nothing was there to find or said)."""

    correct: int
    predicted: int
    gold: int

    @property
    def precision(self) -> float:
        """Share of the predictions that are right."""
        return self.correct / self.predicted if self.predicted else 0.0

    @property
    def recall(self) -> float:
        """Share of the gold entities that were found."""
        return self.correct / self.gold if self.gold else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        total = self.predicted + self.gold
        return 2 * self.correct / total if total else 0.0


class Scorer:
    """Adds up documents; `total()` and `by_label()` may be asked at any time."""

    def __init__(self) -> None:
        self._correct: Counter[str] = Counter()
        self._predicted: Counter[str] = Counter()
        self._gold: Counter[str] = Counter()

    def add(self, gold: Iterable[Span], predicted: Iterable[Span]) -> None:
        """Count one document. A span named twice counts once."""
        expected = {(span.start, span.end, span.label) for span in gold}
        found = {(span.start, span.end, span.label) for span in predicted}
        self._gold.update(label for _, _, label in expected)
        self._predicted.update(label for _, _, label in found)
        self._correct.update(label for _, _, label in expected & found)

    def total(self) -> Score:
        """Micro average over everything added."""
        return Score(correct=self._correct.total(), predicted=self._predicted.total(), gold=self._gold.total())

    def by_label(self) -> dict[str, Score]:
        """The same for each label that was gold or predicted, by name."""
        return {
            label: Score(correct=self._correct[label], predicted=self._predicted[label], gold=self._gold[label])
            for label in sorted(self._gold.keys() | self._predicted.keys())
        }


def score(gold: Sequence[Iterable[Span]], predicted: Sequence[Iterable[Span]]) -> Score:
    """Micro score of parallel documents."""
    scorer = Scorer()
    for expected, found in zip(gold, predicted, strict=True):
        scorer.add(expected, found)
    return scorer.total()
