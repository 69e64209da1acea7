"""Scores: the same as seqeval's strict ones, and what empty cases come to."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval.metrics import classification_report
from seqeval.scheme import IOB2

from models.scores import Score, Scorer, score
from models.types import Span

LENGTH = 12


@st.composite
def flat_spans(draw: st.DrawFn) -> list[Span]:
    """Spans that never overlap, over `LENGTH` words."""
    borders = sorted(draw(st.sets(st.integers(0, LENGTH), max_size=8)))
    ranges = zip(borders[::2], borders[1::2], strict=False)
    return [Span(start=a, end=b, label=draw(st.sampled_from("XYZ")), score=0.5) for a, b in ranges]


def tags(spans: list[Span]) -> list[str]:
    found = ["O"] * LENGTH
    for span in spans:
        found[span.start : span.end] = [f"B-{span.label}"] + [f"I-{span.label}"] * (span.end - span.start - 1)
    return found


@given(st.lists(st.tuples(flat_spans(), flat_spans()), min_size=1, max_size=5))
@settings(max_examples=100, deadline=None)
def test_scores_are_those_of_seqeval(documents: list[tuple[list[Span], list[Span]]]) -> None:
    # Given documents with the same spans as tags
    gold, predicted = [list(side) for side in zip(*documents, strict=True)]
    if not any(gold) and not any(predicted):
        return
    report = classification_report(
        [tags(spans) for spans in gold],
        [tags(spans) for spans in predicted],
        mode="strict",
        scheme=IOB2,
        output_dict=True,
        zero_division=0,
    )

    # When both score them
    scorer = Scorer()
    for expected, found in documents:
        scorer.add(expected, found)

    # Then precision, recall and F1 agree, overall and for each label
    ours = {"micro avg": scorer.total(), **scorer.by_label()}
    for name, theirs in report.items():
        if name in ours:
            figures = (ours[name].precision, ours[name].recall, ours[name].f1)
            assert figures == pytest.approx((theirs["precision"], theirs["recall"], theirs["f1-score"]))
    assert set(ours) == set(report) - {"macro avg", "weighted avg"}
    assert score(gold, predicted) == scorer.total()


def test_a_span_counts_only_with_the_right_borders_and_label() -> None:
    gold = [Span(start=0, end=4, label="X")]
    near = [Span(start=0, end=5, label="X"), Span(start=1, end=4, label="X"), Span(start=0, end=4, label="Y")]

    assert score([gold], [near]) == Score(correct=0, predicted=3, gold=1)
    assert score([gold], [[Span(start=0, end=4, label="X", score=0.1)]]) == Score(correct=1, predicted=1, gold=1)


def test_a_span_named_twice_counts_once() -> None:
    twice = [Span(start=0, end=4, label="X", score=0.9), Span(start=0, end=4, label="X", score=0.3)]

    assert score([twice], [twice]) == Score(correct=1, predicted=1, gold=1)


def test_the_same_span_of_another_document_is_not_found() -> None:
    spans = [Span(start=0, end=4, label="X")]

    assert score([spans, []], [[], spans]) == Score(correct=0, predicted=1, gold=1)


@pytest.mark.parametrize(
    ("counts", "figures"),
    [((0, 0, 0), (0, 0, 0)), ((0, 3, 0), (0, 0, 0)), ((0, 0, 3), (0, 0, 0)), ((1, 2, 4), (0.5, 0.25, 1 / 3))],
)
def test_figures_follow_from_the_counts(counts: tuple[int, int, int], figures: tuple[float, ...]) -> None:
    correct, predicted, gold = counts
    found = Score(correct=correct, predicted=predicted, gold=gold)

    assert (found.precision, found.recall, found.f1) == pytest.approx(figures)


def test_nothing_added_is_nothing_scored() -> None:
    assert score([], []) == Scorer().total() == Score(correct=0, predicted=0, gold=0)
    assert Scorer().by_label() == {}


def test_documents_must_be_parallel() -> None:
    with pytest.raises(ValueError, match="shorter"):
        score([[]], [])
