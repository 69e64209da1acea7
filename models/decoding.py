"""From span scores to entities: thresholds, near misses, flat spans.

Owns the rule by which candidates compete, and nothing of how they were scored: of spans that overlap, the
more probable stays; on equal scores the earlier, then the longer, then the label's name decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Iterable

    from models.types import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A span of words that scored near or above its label's threshold."""

    row: int
    first_word: int
    last_word: int
    label: int
    score: float


def probabilities(scores: Tensor, temperature: float = 1.0, shift: float = 0.0) -> Tensor:
    """Softmax of (..., l) log-odds, shifted and tempered, against an "outside" of zero, which has the rest."""
    scaled = (scores.float() + shift) / temperature
    top = scaled.amax(-1, keepdim=True).clamp_min(0)
    exponent = (scaled - top).exp()
    return exponent / (exponent.sum(-1, keepdim=True) + (-top).exp())


def candidates(probability: Tensor, mask: Tensor, least: Tensor, threshold: Tensor) -> list[Candidate]:
    """Each span's best label among those at or above `threshold` (l,), or else among those above `least` (l,).

    Shapes: probability (b, w, k, l), mask (b, w, k). A label that misses its own, higher threshold never hides
    one that reached its own.
    """
    eligible = (probability >= least) & mask.unsqueeze(-1)
    rank, label = torch.where(eligible, probability + (probability >= threshold).float(), -1.0).max(-1)
    rows, words, widths = (rank >= 0).nonzero(as_tuple=True)
    score = probability.gather(-1, label.unsqueeze(-1)).squeeze(-1)
    return [
        Candidate(row=row, first_word=word, last_word=word + width, label=which, score=value)
        for row, word, width, which, value in zip(
            rows.tolist(),
            words.tolist(),
            widths.tolist(),
            label[rows, words, widths].tolist(),
            score[rows, words, widths].tolist(),
            strict=True,
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
