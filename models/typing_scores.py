"""How good fine types are: strict accuracy, and micro- and macro-averaged precision, recall and F1.

The measures of Ling and Weld (AAAI 2012, section 5.2), as papers on entity typing report them. Owns counting alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence, Set


@dataclass(frozen=True, slots=True, kw_only=True)
class Average:
    """Precision and recall, in [0, 1]."""

    precision: float
    recall: float

    @property
    def f1(self) -> float:
        """Their harmonic mean."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TypingScore:
    """Scores over mentions, in [0, 1]."""

    #: Share of mentions whose types are exactly those wanted.
    accuracy: float
    #: Over all types of all mentions.
    micro: Average
    #: Over mentions: precision of those that were told a type, recall of those that have one.
    macro: Average


def score_types(wanted: Sequence[Set[Hashable]], told: Sequence[Set[Hashable]]) -> TypingScore:
    """Score the types told of each mention against those wanted; both in the same order."""
    pairs = list(zip(wanted, told, strict=True))
    right = [len(gold & found) for gold, found in pairs]
    precisions = [same / len(found) for same, (_, found) in zip(right, pairs, strict=True) if found]
    recalls = [same / len(gold) for same, (gold, _) in zip(right, pairs, strict=True) if gold]
    return TypingScore(
        accuracy=_mean([float(gold == found) for gold, found in pairs]),
        micro=Average(
            precision=sum(right) / max(1, sum(len(found) for _, found in pairs)),
            recall=sum(right) / max(1, sum(len(gold) for gold, _ in pairs)),
        ),
        macro=Average(precision=_mean(precisions), recall=_mean(recalls)),
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
