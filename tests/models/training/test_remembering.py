"""What is remembered of a support set: entities, the hardest of the rest, and what follows what."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch

from models.memory import OUTSIDE, Recall
from models.tagger import Tagger
from models.tagging import network_of
from models.training import remembering as remembered
from models.training.remembering import remembering, transitions
from models.training.support import supported
from tests.models.building import tiny_tagger
from tests.models.training.support_set import PERSON, PLACE, documents

if TYPE_CHECKING:
    from models.encoder import Encoder

LABELS = [PERSON, PLACE]
RECALL = Recall(labels=("person", "place"), share=0.5, distance="euclidean")


def test_every_entity_is_remembered_and_the_likest_others(tiny: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "HARD", 4)
    support = supported(documents(10), tiny.tokenizer)

    memory = remembering(tiny_tagger(tiny), support, LABELS, RECALL).memory

    assert memory is not None
    assert [int((memory.owners == owner).sum()) for owner in (0, 1, OUTSIDE)] == [10, 10, 40]
    assert torch.allclose(memory.vectors.norm(dim=-1), torch.ones(60), atol=1e-5)


def test_entities_are_the_last_to_be_left_out(tiny: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "MOST", 21)
    support = supported(documents(10), tiny.tokenizer)

    memory = remembering(tiny_tagger(tiny), support, LABELS, RECALL).memory

    assert memory is not None
    assert sorted(memory.owners.tolist()) == [OUTSIDE] + [0] * 10 + [1] * 10


def test_of_many_passages_each_is_remembered_less_well(tiny: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "MOST", 50)
    # One passage a batch: none can take what is another's.
    monkeypatch.setattr(remembered, "_BUDGET", 1)
    support = supported(documents(10), tiny.tokenizer)

    memory = remembering(tiny_tagger(tiny), support, LABELS, RECALL).memory

    assert memory is not None
    assert [int((memory.owners == owner).sum()) for owner in (0, 1, OUTSIDE)] == [10, 10, 30]


def test_of_words_all_are_remembered(tiny: Encoder) -> None:
    base = tiny_tagger(tiny)
    network = network_of(tiny, replace(base.network.config, scoring="io"))
    support = supported(documents(5), tiny.tokenizer)

    memory = remembering(Tagger(tiny, network, base.calibration), support, LABELS, RECALL).memory

    assert memory is not None
    assert len(memory.owners) == sum(len(each.passage.words) for each in support)
    assert [int((memory.owners == owner).sum()) for owner in (0, 1)] == [5, 5]


def test_transitions_are_counted_with_one_added(tiny: Encoder) -> None:
    # "Anna lives in Bern ." three times over: a person to outside, outside to outside, to a place, and back.
    support = supported([documents(1)[0]] * 3, tiny.tokenizer)

    found = [math.exp(each) for each in transitions(support)]

    assert found == pytest.approx([(3 + 1) / 8, (3 + 1) / 8, (6 + 1) / 9, 1 / 9, 1 / 9])
