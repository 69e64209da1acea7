"""The tagger's promise that a prediction depends on its text and labels alone, not on the batch."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.batching import padded
from models.passages import passages
from tests.models.building import example as examples_of
from tests.models.building import hostile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.tagger import Tagger
    from models.types import Label, Prediction

TOLERANCE = 1e-3
DOCUMENTS, LABELS = examples_of("music")
#: The last is of several windows.
TEXTS = [*(document.text for document in DOCUMENTS[:7]), "\n".join(document.text for document in DOCUMENTS[7:15])]


@pytest.fixture(scope="module")
def expected(shipped: Tagger) -> list[Prediction]:
    found = shipped.predict(TEXTS, LABELS)
    assert sum(len(prediction.spans) for prediction in found) > 10
    assert any(prediction.near_misses for prediction in found)
    assert found[-1].windows > 1
    return found


def assert_same(found: Sequence[Prediction], expected: Sequence[Prediction]) -> None:
    for one, other in zip(found, expected, strict=True):
        assert (one.windows, one.thresholds) == (other.windows, other.thresholds)
        for ours, theirs in ((one.spans, other.spans), (one.near_misses, other.near_misses)):
            assert [(s.start, s.end, s.label) for s in ours] == [(s.start, s.end, s.label) for s in theirs]
            assert [s.score for s in ours] == pytest.approx([s.score for s in theirs], abs=TOLERANCE)


@pytest.mark.parametrize("budget", [256, 1024, 8192])
def test_the_budget_changes_nothing(shipped: Tagger, expected: list[Prediction], budget: int) -> None:
    assert_same(shipped.predict(TEXTS, LABELS, budget=budget), expected)


@pytest.mark.parametrize("size", [1, 7, 64])
def test_the_chunk_changes_nothing(shipped: Tagger, expected: list[Prediction], size: int) -> None:
    chunks = [TEXTS[i : i + size] for i in range(0, len(TEXTS), size)]

    assert_same([prediction for chunk in chunks for prediction in shipped.predict(chunk, LABELS)], expected)


def test_the_order_of_texts_changes_nothing(shipped: Tagger, expected: list[Prediction]) -> None:
    order = random.Random(0).sample(range(len(TEXTS)), len(TEXTS))

    found = shipped.predict([TEXTS[i] for i in order], LABELS)

    assert_same(found, [expected[i] for i in order])


@pytest.mark.parametrize("seed", [1, 2])
def test_the_order_of_labels_changes_nothing(shipped: Tagger, expected: list[Prediction], seed: int) -> None:
    labels: list[Label] = random.Random(seed).sample(LABELS, len(LABELS))

    assert_same(shipped.predict(TEXTS, labels), expected)


@given(st.lists(hostile, max_size=8), st.sampled_from([64, 256, 4096]))
@settings(max_examples=10, deadline=None)
def test_hostile_neighbours_change_nothing(
    shipped: Tagger, expected: list[Prediction], texts: list[str], budget: int
) -> None:
    found = shipped.predict([*texts, TEXTS[0], *texts], LABELS, budget=budget)

    assert_same([found[len(texts)]], expected[:1])
    assert_same(found[: len(texts)], found[len(texts) + 1 :])


def test_every_text_comes_back_once_after_the_batch_that_finished_it(eager: Tagger) -> None:
    # Given texts of one to several windows
    sizes = [len(passages(text, eager.encoder.tokenizer)) for text in TEXTS]

    # When they are tagged in batches of one window or so
    batches = list(eager.tag(TEXTS, LABELS, budget=padded(192)))

    # Then there is a step for every batch, the first without any, and each text is in one of them
    assert batches[0] == []
    assert len(batches) > 3
    outcomes = [outcome for batch in batches for outcome in batch]
    assert sorted(outcome.index for outcome in outcomes) == list(range(len(TEXTS)))
    assert {o.index: o.prediction.windows for o in outcomes if o.prediction} == dict(enumerate(sizes))


def test_a_caller_may_stop_between_batches(eager: Tagger) -> None:
    batches = eager.tag(TEXTS, LABELS, budget=256)

    next(batches)
    some = next(batches)
    assert len(some) < len(TEXTS)
