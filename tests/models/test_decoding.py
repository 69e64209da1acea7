"""Decoding: probabilities, each span's best label, flat spans."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.decoding import Candidate, candidates, flat, overlaps, probabilities
from models.tagger import Calibration
from models.types import Span

if TYPE_CHECKING:
    import random

logits = st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=6)


@st.composite
def spans(draw: st.DrawFn) -> Span:
    start = draw(st.integers(0, 30))
    return Span(
        start=start,
        end=start + draw(st.integers(1, 8)),
        label=draw(st.sampled_from("XYZ")),
        score=draw(st.sampled_from([0.2, 0.5, 0.5001, 0.9])),
    )


def rank(span: Span) -> tuple[float, int, int, str]:
    return (-span.score, span.start, -span.end, span.label)


@given(logits, st.sampled_from([0.5, 1.0, 2.0]), st.sampled_from([-3.0, 0.0, 3.0]))
def test_a_labels_chance_is_its_own(values: list[float], temperature: float, shift: float) -> None:
    found = probabilities(torch.tensor(values), temperature, shift)

    alone = [probabilities(torch.tensor([value]), temperature, shift).item() for value in values]
    assert found.tolist() == alone
    for value, chance in zip(values, alone, strict=True):
        against = torch.tensor([0.0, (value + shift) / temperature], dtype=torch.float64).softmax(-1)[1].item()
        assert chance == pytest.approx(against, abs=1e-6)


def test_huge_scores_do_not_overflow() -> None:
    assert probabilities(torch.tensor([3e38, -3e38, 0.0])).tolist() == [1, 0, 0.5]


def test_half_precision_scores_are_read_in_full_precision() -> None:
    assert probabilities(torch.tensor([100.0, 0.0], dtype=torch.bfloat16)).dtype is torch.float32


def one_span(probability: list[float], least: list[float], threshold: list[float]) -> list[tuple[int, float]]:
    found = candidates(
        torch.tensor([[0, 0, 0]]),
        torch.tensor([probability]).logit(),
        torch.tensor(least),
        torch.tensor(threshold),
        Calibration(),
    )
    return [(candidate.label, round(candidate.score, 6)) for candidate in found]


@pytest.mark.parametrize(
    ("probability", "found"),
    [
        ([0.6, 0.3], [(0, 0.6)]),
        ([0.3, 0.6], [(1, 0.6)]),
        ([0.45, 0.1], [(0, 0.45)]),
        ([0.2, 0.1], []),
        ([0.45, 0.35], [(1, 0.35)]),
        ([0.5, 0.5], [(0, 0.5)]),
    ],
    ids=["first", "second", "near miss", "neither", "a near miss hides no hit", "equal"],
)
def test_a_span_takes_its_best_label(probability: list[float], found: list[tuple[int, float]]) -> None:
    assert one_span(probability, least=[0.35, 0.15], threshold=[0.5, 0.3]) == found


def test_candidates_say_where_they_are() -> None:
    places = torch.tensor([[0, 0, 0], [0, 1, 1], [1, 1, 1], [1, 2, 0]])
    probability = torch.tensor([[0.1], [0.5], [0.3], [0.5]])

    found = candidates(places, probability.logit(), torch.tensor([0.4]), torch.tensor([0.4]), Calibration())

    assert found == [
        Candidate(row=0, first_word=1, last_word=2, label=0, score=0.5),
        Candidate(row=1, first_word=2, last_word=2, label=0, score=0.5),
    ]


@given(
    st.lists(st.lists(st.floats(-8, 8, width=32), min_size=3, max_size=3), min_size=1, max_size=6),
    st.sampled_from([0.7, 1.0, 2.0]),
    st.sampled_from([-1.0, 0.0, 1.7]),
)
def test_looking_where_there_may_be_something_misses_nothing(
    values: list[list[float]], temperature: float, shift: float
) -> None:
    scores = torch.tensor(values)
    places = torch.tensor([[0, word, 0] for word in range(len(values))])
    least, threshold = torch.tensor([0.3, 0.01, 0.5]), torch.tensor([0.5, 0.3, 0.6])
    calibration = Calibration(temperature=temperature, shift=shift)

    found = candidates(places, scores, least, threshold, calibration)

    expected = []
    for word, chances in enumerate(probabilities(scores, temperature, shift)):
        ranked = [
            (p.item() + bool(p >= t), -i)
            for i, (p, t) in enumerate(zip(chances, threshold, strict=True))
            if p >= least[i]
        ]
        expected += [(word, -max(ranked)[1])] if ranked else []
    assert [(each.first_word, each.label) for each in found] == expected


@given(st.lists(spans(), max_size=20))
@settings(max_examples=300)
def test_flat_spans_are_the_strongest_that_leave_each_other_room(found: list[Span]) -> None:
    kept = flat(found)

    assert set(kept) <= set(found)
    assert all(left.end <= right.start for left, right in pairwise(kept))
    for span in found:
        rivals = [other for other in kept if overlaps(span, [other])]
        assert span in kept or any(rank(other) < rank(span) for other in rivals)


@given(st.lists(spans(), max_size=20), st.randoms(use_true_random=False))
def test_flat_depends_neither_on_order_nor_on_repetition(found: list[Span], rng: random.Random) -> None:
    shuffled = [*found, *found]
    rng.shuffle(shuffled)

    assert flat(shuffled) == flat(found) == flat(flat(found))


@given(st.lists(spans(), max_size=20), st.sampled_from([0.3, 0.5, 0.6]))
def test_a_higher_threshold_only_takes_spans_away(found: list[Span], threshold: float) -> None:
    above = flat(span for span in found if span.score >= threshold)

    assert above == [span for span in flat(found) if span.score >= threshold]


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [((0, 4), (4, 8), False), ((0, 4), (3, 8), True), ((0, 9), (3, 4), True), ((5, 6), (0, 5), False)],
)
def test_spans_overlap_where_they_share_a_character(
    left: tuple[int, int], right: tuple[int, int], expected: bool
) -> None:
    one, other = (Span(start=start, end=end, label="X") for start, end in (left, right))

    assert overlaps(one, [other]) is overlaps(other, [one]) is expected
