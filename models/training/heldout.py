"""Scores on held-out label groups: what checkpoints, thresholds and recipes are chosen by.

Owns the measuring; the groups are data (mix.yaml). Nothing here ever sees a test split.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from models.scores import score
from models.tagger import Calibration
from models.training.sets import load_documents
from models.types import Label
from models.verbalise import as_label, verbalisations

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from models.tagger import Tagger
    from models.training.sets import HeldOut, Mix
    from models.types import Document, Span

#: Thresholds tried.
GRID = (0.01, 0.02, 0.03, *(round(0.05 * i, 2) for i in range(1, 18)))
#: Shifts and temperatures tried.
SHIFTS = tuple(round(0.2 * i - 2, 1) for i in range(31))
TEMPERATURES = (0.7, 1.0, 1.4, 2.0, 2.8)
#: Margins tried, and the largest share of documents that may have a score within the margin of its threshold.
MARGINS = tuple(round(0.02 * i, 2) for i in range(1, 13))
FLAGGED = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A held-out group with its sentences; labels carry the set's own type names."""

    name: str
    labels: tuple[Label, ...]
    documents: tuple[Document, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOutScore:
    """Mean strict F1 over the groups at the best single threshold, and what it is made of."""

    f1: float
    threshold: float
    groups: dict[str, float]


def load_groups(data: Path, mix: Mix, limit: int = 150) -> list[Group]:
    """The mix's held-out groups, at most `limit` sentences each."""
    return [_group(data, group, limit) for group in mix.held_out]


def load_familiar(data: Path, mix: Mix, limit: int = 150) -> list[Group]:
    """The mix's familiar groups, at most `limit` sentences each."""
    return [_group(data, group, limit) for group in mix.familiar]


def _group(data: Path, held_out: HeldOut, limit: int) -> Group:
    wording = verbalisations(held_out.data_set)
    names = sorted(held_out.labels or wording)
    labels = [as_label(wording[name]) for name in names]
    plain = dict(zip(names, (label.name for label in labels), strict=True))
    documents = load_documents(data, held_out, limit)
    return Group(name=held_out.name, labels=tuple(labels), documents=tuple(_renamed(d, plain) for d in documents))


def _renamed(document: Document, plain: dict[str, str]) -> Document:
    spans = tuple(replace(span, label=plain[span.label]) for span in document.entities or ())
    return replace(document, entities=spans)


def evaluate(tagger: Tagger, groups: Sequence[Group]) -> HeldOutScore:
    """Tag every group once at the lowest threshold and find the best one from the scores."""
    predicted = [spans_of(tagger, group) for group in groups]
    curves = {threshold: _at(groups, predicted, threshold) for threshold in GRID}
    best = max(GRID, key=lambda threshold: sum(curves[threshold].values()))
    return HeldOutScore(f1=sum(curves[best].values()) / len(groups), threshold=best, groups=curves[best])


def calibrate(tagger: Tagger, groups: Sequence[Group]) -> Calibration:
    """The shift and the temperature that make scores most truthful, then the threshold with the best mean F1.

    Platt scaling (Platt, Advances in Large Margin Classifiers, 1999) with the squared error as its loss. Held-out types
    are asked for in sentences that hold them, as users do, while training mostly offers types that are not there; the
    shift makes up for that. The margin comes last.
    """
    log_odds, right = _truth(tagger.recalibrated(Calibration()), groups)

    def error(scale: tuple[float, float]) -> float:
        chances = 1 / (1 + np.exp(-(log_odds + scale[0]) / scale[1]))
        return float(np.square(chances - right).mean())

    shift, temperature = min(((shift, t) for shift in SHIFTS for t in TEMPERATURES), key=error)
    scaled = tagger.recalibrated(Calibration(shift=shift, temperature=temperature))
    threshold = evaluate(scaled, groups).threshold
    return replace(scaled.calibration, threshold=threshold, margin=_margin(scaled, groups, threshold))


def _truth(tagger: Tagger, groups: Sequence[Group]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Log-odds of every span but the faintest, and whether it is right."""
    pairs = [
        (min(max(span.score, 1e-4), 1 - 1e-4), (span.start, span.end, span.label) in gold)
        for group in groups
        for document, spans in zip(group.documents, spans_of(tagger, group), strict=True)
        for gold in [{(s.start, s.end, s.label) for s in document.entities or ()}]
        for span in spans
    ]
    scores, right = np.array(pairs, dtype=np.float64).reshape(-1, 2).T
    return np.log(scores) - np.log1p(-scores), right


def _margin(tagger: Tagger, groups: Sequence[Group], threshold: float) -> float:
    """The widest margin that flags no more than the wanted share of the documents."""
    nearest = [
        min((abs(span.score - threshold) for span in spans), default=1.0)
        for group in groups
        for spans in spans_of(tagger, group)
    ]
    flagged = {margin: sum(distance < margin for distance in nearest) / len(nearest) for margin in MARGINS}
    return max((margin for margin in MARGINS if flagged[margin] <= FLAGGED), default=MARGINS[0])


def spans_of(tagger: Tagger, group: Group) -> list[tuple[Span, ...]]:
    """Flat spans at the grid's lowest threshold; dropping the low ones gives those of any higher threshold."""
    labels = [Label(name=label.name, description=label.description, threshold=GRID[0]) for label in group.labels]
    texts = [document.text for document in group.documents]
    return [prediction.spans for prediction in tagger.predict(texts, labels)]


def _at(groups: Sequence[Group], predicted: list[list[tuple[Span, ...]]], threshold: float) -> dict[str, float]:
    return {
        group.name: score(
            [document.entities or () for document in group.documents],
            [[span for span in spans if span.score >= threshold] for spans in found],
        ).f1
        for group, found in zip(groups, predicted, strict=True)
    }
