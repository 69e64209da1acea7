"""Which documents go to people, and why. Pure rules over a prediction; the policy's numbers come with the tagger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from corpora.results import Escalation

if TYPE_CHECKING:
    from models.types import Prediction, Span

#: A span scored near its threshold, on either side.
LOW_CONFIDENCE = "low_confidence"
#: The document could not be tagged.
FAILED = "failed"


def of_failure() -> Escalation:
    """A document that failed is certainly not right."""
    return Escalation(reasons=(FAILED,), risk=1.0)


def of_prediction(prediction: Prediction, margin: float) -> Escalation | None:
    """`low_confidence` where a reported or missed span lies within `margin` of its label's threshold.

    The risk is the chance that at least one of these close calls is wrong, taking scores as probabilities and
    calls as independent: a reported span is wrong with 1 - score, a missed one with its score.
    """
    close = [1 - span.score for span in prediction.spans if _distance(span, prediction) < margin]
    close += [span.score for span in prediction.near_misses if -_distance(span, prediction) <= margin]
    if not close:
        return None
    right = 1.0
    for wrong in close:
        right *= 1 - wrong
    return Escalation(reasons=(LOW_CONFIDENCE,), risk=round(1 - right, 4))


def _distance(span: Span, prediction: Prediction) -> float:
    return span.score - prediction.thresholds[span.label]
