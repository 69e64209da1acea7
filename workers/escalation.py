"""Which documents go to people, and why. Pure rules over a prediction; the policy's numbers come with the tagger."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from corpora.results import Escalation
from models.asking import RETRIEVAL_DEGRADED, UNPARSABLE, WINDOW_TOO_LONG

if TYPE_CHECKING:
    from models.types import Prediction, Span

#: A span scored near its threshold, on either side.
LOW_CONFIDENCE = "low_confidence"
#: The document could not be tagged.
FAILED = "failed"
#: What an engine may say of its own answer, most telling first, and how likely the document is wrong for that alone.
#: Where a part was not answered at all it certainly is; otherwise nobody can say.
UNKNOWN = 0.5
FLAGS = {WINDOW_TOO_LONG: 1.0, UNPARSABLE: UNKNOWN, RETRIEVAL_DEGRADED: UNKNOWN}


def of_failure() -> Escalation:
    """A document that failed is certainly not right."""
    return Escalation(reasons=(FAILED,), risk=1.0)


def of_prediction(prediction: Prediction, margin: float, doubtful: float = 0.0) -> Escalation | None:
    """What the engine flagged, and `low_confidence` where a reported or missed span lies near its label's threshold.

    Near is within `margin`. So it is where a span's likeliest type is less likely than `doubtful`. The risk is the
    chance that at least one of these is wrong, taking scores as probabilities and all as independent: a reported span
    is wrong with 1 - score, as is a type, a missed span with its score, a flagged document as `FLAGS` says.
    """
    flagged = sorted(set(prediction.flags), key=lambda flag: (-FLAGS.get(flag, UNKNOWN), flag))
    found = [span for span in prediction.spans if span.label in prediction.thresholds]
    close = [1 - span.score for span in found if _distance(span, prediction) < margin]
    close += [span.score for span in prediction.near_misses if -_distance(span, prediction) <= margin]
    close += [1 - span.types[0].score for span in prediction.spans if span.types and span.types[0].score < doubtful]
    reasons = (*flagged, *([LOW_CONFIDENCE] if close else ()))
    if not reasons:
        return None
    right = math.prod(1 - wrong for wrong in (*close, *(FLAGS.get(flag, UNKNOWN) for flag in flagged)))
    return Escalation(reasons=reasons, risk=round(1 - right, 4))


def _distance(span: Span, prediction: Prediction) -> float:
    return span.score - prediction.thresholds[span.label]
