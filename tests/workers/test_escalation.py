"""Which predictions go to people: those with a call close to its threshold, and how likely that is wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpora.results import Escalation
from models.asking import RETRIEVAL_DEGRADED, UNPARSABLE, WINDOW_TOO_LONG
from models.types import Prediction, Span, TypeScore
from workers.escalation import of_failure, of_prediction

if TYPE_CHECKING:
    from collections.abc import Sequence

LABELS = ("band", "city")
#: Kept from a distance where rounding decides.
NEAR, FAR = 0.99, 1.01

fractions = st.floats(0, 1)
margins = st.floats(0.01, 0.4)


def prediction(thresholds: dict[str, float], reported: Sequence[Span], missed: Sequence[Span]) -> Prediction:
    return Prediction(spans=tuple(reported), near_misses=tuple(missed), thresholds=thresholds)


def spans(least: dict[str, float], most: dict[str, float]) -> st.SearchStrategy[list[Span]]:
    """Spans whose scores lie between two bounds of their label, if these leave room."""
    room = [label for label in LABELS if least[label] <= most[label]]
    if not room:
        return st.just([])
    scored = st.sampled_from(room).flatmap(
        lambda label: st.builds(
            Span, start=st.just(0), end=st.just(4), label=st.just(label), score=st.floats(least[label], most[label])
        )
    )
    return st.lists(scored, max_size=5)


@st.composite
def predictions(draw: st.DrawFn, near: float, far: float) -> tuple[Prediction, float]:
    """A prediction whose scores are `near` to `far` margins away from their thresholds, and the margin."""
    margin = draw(margins)
    at = {label: draw(fractions) for label in LABELS}
    above = draw(
        spans({k: v + near * margin for k, v in at.items()}, {k: min(1, v + far * margin) for k, v in at.items()})
    )
    below = draw(
        spans({k: max(0, v - far * margin) for k, v in at.items()}, {k: v - near * margin for k, v in at.items()})
    )
    return prediction(at, above, below), margin


@settings(deadline=None)
@given(predictions(0, NEAR))
def test_a_call_within_the_margin_goes_to_people_and_nothing_else_does(drawn: tuple[Prediction, float]) -> None:
    made, margin = drawn

    doubt = of_prediction(made, margin)

    assert (doubt is not None) == bool(made.spans or made.near_misses)
    if doubt is not None:
        assert doubt.reasons == ("low_confidence",)
        assert 0 <= doubt.risk <= 1


@settings(deadline=None)
@given(predictions(FAR, 100))
def test_calls_far_from_their_thresholds_do_not(drawn: tuple[Prediction, float]) -> None:
    assert of_prediction(*drawn) is None


@settings(deadline=None)
@given(predictions(0, NEAR), fractions)
def test_one_more_close_call_never_makes_it_safer(drawn: tuple[Prediction, float], score: float) -> None:
    made, margin = drawn
    closer = Prediction(
        spans=(*made.spans, Span(start=5, end=6, label="more", score=score)),
        near_misses=made.near_misses,
        thresholds=made.thresholds | {"more": score},
    )

    before, after = of_prediction(made, margin), of_prediction(closer, margin)

    assert after is not None
    assert before is None or after.risk >= before.risk


@pytest.mark.parametrize(
    ("reported", "missed", "risk"),
    [
        ([0.6], [], 0.4),
        ([], [0.45], 0.45),
        ([0.6], [0.45], 0.67),
        ([0.6, 0.99], [], 0.4),
        ([0.5], [], 0.5),
    ],
)
def test_risk_is_the_chance_that_a_close_call_is_wrong(reported: list[float], missed: list[float], risk: float) -> None:
    near, far = ([Span(start=0, end=4, label="band", score=score) for score in scores] for scores in (reported, missed))

    doubt = of_prediction(prediction({"band": 0.5}, near, far), 0.15)

    assert doubt is not None
    assert doubt.risk == pytest.approx(risk)


def test_each_label_has_its_own_threshold() -> None:
    sure, close = (Span(start=0, end=4, label=label, score=0.6) for label in LABELS)

    assert of_prediction(prediction({"band": 0.2, "city": 0.55}, [sure], []), 0.15) is None
    assert of_prediction(prediction({"band": 0.2, "city": 0.55}, [close], []), 0.15) is not None


def test_a_document_that_failed_is_certainly_not_right() -> None:
    assert (of_failure().reasons, of_failure().risk) == (("failed",), 1.0)


def test_what_an_engine_flags_is_a_reason_before_close_calls() -> None:
    sure, close = (Span(start=0, end=4, label="band", score=score) for score in (0.99, 0.6))

    def flagged(*flags: str, span: Span = sure) -> Prediction:
        return Prediction(spans=(span,), thresholds={"band": 0.5}, flags=flags)

    assert of_prediction(flagged(), 0.15) is None
    for flag, risk in ((RETRIEVAL_DEGRADED, 0.5), (UNPARSABLE, 0.5), (WINDOW_TOO_LONG, 1.0), ("never heard of", 0.5)):
        assert of_prediction(flagged(flag), 0.15) == Escalation(reasons=(flag,), risk=risk)
    both = of_prediction(flagged(RETRIEVAL_DEGRADED, UNPARSABLE, span=close), 0.15)
    assert both == Escalation(reasons=(RETRIEVAL_DEGRADED, UNPARSABLE, "low_confidence"), risk=0.85)
    whole = of_prediction(flagged(UNPARSABLE, WINDOW_TOO_LONG), 0.15)
    assert whole == Escalation(reasons=(WINDOW_TOO_LONG, UNPARSABLE), risk=1.0)


def typed(*scores: float, label: str = "") -> Span:
    return Span(start=0, end=4, label=label, types=tuple(TypeScore(name=f"/t{s}", score=s) for s in scores))


def test_a_mention_whose_likeliest_type_is_doubtful_goes_to_people() -> None:
    sure, unsure = typed(0.8, 0.1), typed(0.3, 0.2)

    assert of_prediction(prediction({}, [sure], []), 0.0, 0.5) is None
    assert of_prediction(prediction({}, [sure, unsure, typed(0.1)], []), 0.0, 0.5) == Escalation(
        reasons=("low_confidence",), risk=round(1 - 0.3 * 0.1, 4)
    )


def test_doubts_about_a_label_and_about_its_types_add_up() -> None:
    both = replace(typed(0.3, label="band"), score=0.6)

    found = of_prediction(prediction({"band": 0.5}, [both], []), 0.15, 0.5)

    assert found == Escalation(reasons=("low_confidence",), risk=round(1 - 0.6 * 0.3, 4))
