"""Words inside of labels: runs, the path through a sentence, and what spans follow from them."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.batching import collate
from models.inside import InsideBiEncoder, expanded, runs, viterbi
from models.memory import Memory, Recall
from models.passages import passages
from models.tagger import Calibration, Tagger
from models.tagging import network_of
from tests.models.building import PERSON, PLACE, tiny_tagger

if TYPE_CHECKING:
    from models.encoder import Encoder

CHANCES = (0.9, 0.1, 0.3, 0.6, 0.1)
TRANSITIONS = tuple(math.log(chance) for chance in CHANCES)


@pytest.fixture
def network(tiny: Encoder) -> InsideBiEncoder:
    base = tiny_tagger(tiny).network
    found = network_of(tiny, replace(base.config, scoring="io", initial_outside=-4.0))
    assert isinstance(found, InsideBiEncoder)
    return found.eval()


@given(st.lists(st.integers(0, 2), max_size=12))
def test_runs_are_all_words_of_labels_and_never_longer_than_they_may(path: list[int]) -> None:
    found = list(runs(path))

    rebuilt = [0] * len(path)
    for first, last, kind in found:
        rebuilt[first : last + 1] = [kind] * (last + 1 - first)
    assert rebuilt == path
    assert all(before[1] + 1 < after[0] or before[2] != after[2] for before, after in itertools.pairwise(found))


def test_transitions_are_shared_out_among_the_labels() -> None:
    steps = expanded(TRANSITIONS, 4).exp()

    assert steps.sum(1).tolist() == pytest.approx([1.0] * 4)
    assert steps[1].tolist() == pytest.approx([0.3, 0.6, 0.05, 0.05])
    assert steps[0].tolist() == pytest.approx([0.9, 0.1 / 3, 0.1 / 3, 0.1 / 3])


@given(st.integers(1, 5), st.integers(2, 3), st.integers(0, 50))
def test_the_path_is_the_likeliest_of_all(words: int, classes: int, seed: int) -> None:
    chances = torch.randn(words, classes, generator=torch.Generator().manual_seed(seed)).log_softmax(-1)
    steps = expanded(TRANSITIONS, classes)

    def worth(path: tuple[int, ...]) -> float:
        emitted = sum(float(chances[i, kind]) for i, kind in enumerate(path))
        return emitted + sum(float(steps[one, other]) for one, other in itertools.pairwise(path))

    best = max(itertools.product(range(classes), repeat=words), key=worth)
    assert worth(tuple(viterbi(chances, TRANSITIONS))) == pytest.approx(worth(best), abs=1e-5)


def test_no_words_have_no_path() -> None:
    assert viterbi(torch.zeros(0, 3), TRANSITIONS) == []


def test_entities_may_be_longer_than_the_longest_span(network: InsideBiEncoder, tiny: Encoder) -> None:
    text = " ".join(["Anna"] * 20)
    tagger = Tagger(tiny, network, Calibration(threshold=0.05))
    with torch.no_grad():
        network.outside.bias.fill_(-20.0)

    [prediction] = tagger.predict([text], [PERSON])

    assert [(span.start, span.end) for span in prediction.spans] == [(0, len(text))]


def test_a_passage_without_words_has_no_spans(network: InsideBiEncoder, tiny: Encoder) -> None:
    tagger = Tagger(tiny, network, Calibration(threshold=0.05))

    [nothing, _] = tagger.predict(["", "Anna"], [PERSON, PLACE])

    assert nothing.spans == ()


def test_the_nearest_remembered_word_decides(network: InsideBiEncoder, tiny: Encoder) -> None:
    """With nothing but neighbours, a word that is remembered is what it was remembered as."""
    text = "Anna Meier lives in Bern"
    [passage] = passages(text, tiny.tokenizer)
    batch = collate([passage], tiny.tokenizer)
    with torch.no_grad():
        vectors, _ = network.word_units(network.encode_pieces(batch), batch)
    recall = Recall(labels=("person", "place"), share=1.0, distance="euclidean")
    memory = Memory(recall=recall, vectors=vectors, owners=torch.tensor([0, 0, -1, -1, 1]))
    tagger = Tagger(tiny, network, Calibration(threshold=0.05), memory=memory)

    [both] = tagger.predict([text], [PERSON, PLACE])

    assert [(text[s.start : s.end], s.label) for s in both.spans] == [("Anna Meier", "person"), ("Bern", "place")]
