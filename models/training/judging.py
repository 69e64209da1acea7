"""What an extension is worth: scores on examples it has not seen, before and after, and what it forgot.

Owns the estimate, its intervals and the calibration that follows from it. Every figure is of a tagger that was
taught without the documents it is measured on; the final tagger is taught by all of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from models.scores import Scorer
from models.training.extend import extend
from models.training.support import folds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from models.tagger import Calibration, Tagger
    from models.training.extend import ExtendConfig
    from models.types import Document, Label, Span

#: From so many examples on, one fifth is held out once; below, each is held out in turn.
SPLIT_FROM = 200
SPLIT_PARTS = 5
#: Parts of a cross-validation.
FOLDS = 3
#: Least score of spans that are looked at.
FAINT = 0.05
#: Temperatures tried, and the held-out spans that count as much as the belief that none is needed.
TEMPERATURES = (0.5, 0.6, 0.7, 0.85, 1.0, 1.2, 1.4, 1.7, 2.0)
PRIOR_SPANS = 500
#: Resamples behind an interval, and the share of them that it holds.
RESAMPLES = 1000
COVERED = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Held-out answers of two taggers on the same documents."""

    #: How they were held out, for people.
    how: str
    documents: tuple[Document, ...]
    before: tuple[tuple[Span, ...], ...]
    #: With scores from `FAINT` on, as the extended taggers gave them.
    after: tuple[tuple[Span, ...], ...]


def hold_out(
    config: ExtendConfig,
    base: Tagger,
    examples: Sequence[Document],
    labels: Sequence[Label],
    folder: Path,
    watch: Callable[[float], None],
) -> Judged | None:
    """Extend without a part of the examples and let that part judge; None for a single example.

    `folder` keeps the checkpoints of each training. `watch` is told the share of this work that is done.
    """
    parts, how = parts_of(examples, config.seed)
    documents: list[Document] = []
    after: list[tuple[Span, ...]] = []
    for number, part in enumerate(parts):
        unseen = [examples[i] for i in part]
        seen = [example for i, example in enumerate(examples) if i not in set(part)]

        def share(done: float, number: int = number) -> None:
            watch((number + done) / len(parts))

        tagger = extend(config, base, seen, labels, folder / f"part-{number}", watch=share)
        documents += unseen
        after += answers(tagger, unseen, labels, FAINT)
    if not documents:
        return None
    before = answers(base, documents, labels, None)
    return Judged(how=how, documents=tuple(documents), before=tuple(before), after=tuple(after))


def parts_of(examples: Sequence[Document], seed: int) -> tuple[list[list[int]], str]:
    """Positions of the examples that are held out together, none where there is one example; and how, for people."""
    number = len(examples)
    if number < 2:
        return [], "one example cannot be held out"
    if number >= SPLIT_FROM:
        part = folds(examples, SPLIT_PARTS, seed)[0]
        return [part], f"{len(part)} of {number} examples held out, stratified by label"
    parts = folds(examples, min(FOLDS, number), seed)
    return parts, f"{len(parts)}-fold cross-validation over {number} examples, stratified by label"


def answers(
    tagger: Tagger, documents: Sequence[Document], labels: Sequence[Label], threshold: float | None
) -> list[tuple[Span, ...]]:
    """Spans of each document, at the labels' own thresholds or all at one."""
    asked = labels if threshold is None else [replace(label, threshold=threshold) for label in labels]
    return [prediction.spans for prediction in tagger.predict([document.text for document in documents], asked)]


def calibrated(calibration: Calibration, judged: Judged | None) -> Calibration:
    """The temperature that makes held-out scores most truthful, drawn towards 1 where few spans speak for it."""
    if judged is None:
        return calibration
    scores, right = _truth(judged)
    if not len(scores):
        return calibration
    log_odds = np.log(scores) - np.log1p(-scores)
    best = min(TEMPERATURES, key=lambda t: _surprise(log_odds / t, right))
    weight = len(scores) / (len(scores) + PRIOR_SPANS)
    return replace(calibration, temperature=calibration.temperature * math.exp(weight * math.log(best)))


def _truth(judged: Judged) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Score and truth of every span that an extended tagger gave."""
    pairs = [
        (min(max(span.score, 1e-4), 1 - 1e-4), (span.start, span.end, span.label) in gold)
        for document, spans in zip(judged.documents, judged.after, strict=True)
        for gold in [{(s.start, s.end, s.label) for s in document.entities or ()}]
        for span in spans
    ]
    table = np.array(pairs, dtype=np.float64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def _surprise(log_odds: NDArray[np.float64], right: NDArray[np.float64]) -> float:
    """Mean negative log-likelihood of the truth."""
    signed = np.where(right > 0, log_odds, -log_odds)
    return float(np.logaddexp(0, -signed).mean())


def receipt(judged: Judged | None, labels: Sequence[Label], threshold: float) -> dict[str, Any]:
    """Strict scores before and after, in all and by label, each F1 with its interval; plain values.

    `threshold` is the extended tagger's own, for labels that name none.
    """
    if judged is None:
        return {"held_out": "nothing: there is one example", "documents": 0}
    limits = {label.name: threshold if label.threshold is None else label.threshold for label in labels}
    kept = [[span for span in spans if span.score >= limits[span.label]] for spans in judged.after]
    return {
        "held_out": judged.how,
        "documents": len(judged.documents),
        "before": _scores(judged.documents, judged.before),
        "after": _scores(judged.documents, kept),
        "labels": {
            label.name: {
                "before": _scores(judged.documents, judged.before, label.name),
                "after": _scores(judged.documents, kept, label.name),
            }
            for label in labels
        },
    }


def _scores(
    documents: Sequence[Document], found: Sequence[Sequence[Span]], label: str | None = None
) -> dict[str, float | int]:
    """Precision, recall and F1 over the documents, of one label or of all, with F1's bootstrap interval."""
    counts = np.array([_counts(d, spans, label) for d, spans in zip(documents, found, strict=True)], dtype=np.int64)
    correct, predicted, gold = (int(n) for n in counts.sum(axis=0))
    chosen = np.random.default_rng(0).integers(len(counts), size=(RESAMPLES, len(counts)))
    drawn = counts[chosen].sum(axis=1)
    f1 = 2 * drawn[:, 0] / np.maximum(1, drawn[:, 1] + drawn[:, 2])
    low, high = np.quantile(f1, [(1 - COVERED) / 2, (1 + COVERED) / 2])
    return {
        "precision": correct / predicted if predicted else 0.0,
        "recall": correct / gold if gold else 0.0,
        "f1": 2 * correct / (predicted + gold) if predicted + gold else 0.0,
        "f1_low": float(low),
        "f1_high": float(high),
        "gold": gold,
    }


def _counts(document: Document, spans: Sequence[Span], label: str | None) -> tuple[int, int, int]:
    scorer = Scorer()
    wanted = [span for span in document.entities or () if label in (None, span.label)]
    scorer.add(wanted, [span for span in spans if label in (None, span.label)])
    total = scorer.total()
    return total.correct, total.predicted, total.gold
