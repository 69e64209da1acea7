"""From span scores to entities: thresholds, near misses, flat spans.

Owns the rule by which candidates compete, and nothing of how they were scored: of spans that overlap, the
more probable stays; on equal scores the earlier, then the longer, then the label's name decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Iterable

    from models.types import Span


#: How far below its bound a score is still looked at, for what rounding takes.
_SLACK = 0.1


class Scale(Protocol):
    """How log-odds are read as chances."""

    @property
    def temperature(self) -> float:
        """What they are divided by."""

    @property
    def shift(self) -> float:
        """What is added to them first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A span of words that scored near or above its label's threshold."""

    row: int
    first_word: int
    last_word: int
    label: int
    score: float


def probabilities(scores: Tensor, temperature: float = 1.0, shift: float = 0.0) -> Tensor:
    """Each label's own chance against "outside" from log-odds (..., l), shifted and tempered.

    What else is asked for has no part in it: with hundreds of labels a share of one whole would leave none a chance.
    """
    return ((scores.float() + shift) / temperature).sigmoid()


def candidates(places: Tensor, scores: Tensor, least: Tensor, threshold: Tensor, calibration: Scale) -> list[Candidate]:
    """Each span's best label among those at or above `threshold` (l,), or else among those above `least` (l,).

    Shapes: places (n, 3), each a row, a first word and how many words follow it; log-odds (n, l). A label that misses
    its own, higher threshold never hides one that reached its own. Almost all spans are nothing, so chances are only
    worked out where there may be something.
    """
    floor = torch.logit(least.double()) * calibration.temperature - calibration.shift - _SLACK
    hopeful = (scores - floor.to(scores.dtype)).amax(-1) >= 0  # half the time that comparing every score takes
    probability = probabilities(scores[hopeful], calibration.temperature, calibration.shift)
    eligible = probability >= least
    rank, label = torch.where(eligible, probability + (probability >= threshold).float(), -1.0).max(-1)
    score = probability.gather(-1, label.unsqueeze(-1)).squeeze(-1)
    kept = rank >= 0
    return [
        Candidate(row=row, first_word=word, last_word=word + further, label=which, score=value)
        for (row, word, further), which, value in zip(
            places[hopeful][kept].tolist(), label[kept].tolist(), score[kept].tolist(), strict=True
        )
    ]


def flat(spans: Iterable[Span]) -> list[Span]:
    """The most probable spans that do not overlap, in the order of the text."""
    kept: list[Span] = []
    for span in sorted(spans, key=lambda s: (-s.score, s.start, -s.end, s.label)):
        if not overlaps(span, kept):
            kept.append(span)
    return sorted(kept, key=lambda s: s.start)


def overlaps(span: Span, others: Iterable[Span]) -> bool:
    """Whether `span` shares a character with any of `others`."""
    return any(span.start < other.end and other.start < span.end for other in others)
