"""Which spans and words are contrasted, and how the two objectives are weighed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch

from models.tagging import network_of
from models.training.contrasting import contrast, hard_spans, inside_of
from models.training.contrasts import ContrastConfig
from models.training.objectives import IGNORED, entropy
from models.training.support import SupportSampler, supported
from tests.models.building import tiny_tagger
from tests.models.training.support_set import PERSON, PLACE, documents

if TYPE_CHECKING:
    from models.biencoder import Batch, BiEncoder
    from models.encoder import Encoder

WIDTH = 3


@pytest.fixture(params=["span", "io"])
def network(request: pytest.FixtureRequest, tiny: Encoder) -> BiEncoder:
    config = replace(tiny_tagger(tiny).network.config, scoring=request.param, spread=True)
    return network_of(tiny, config).eval()


def shown(tiny: Encoder, network: BiEncoder) -> tuple[Batch, torch.Tensor, torch.Tensor, torch.Tensor]:
    names = [PERSON.name, PLACE.name]
    width = network.config.max_width
    sampler = SupportSampler(
        supported(documents(6), tiny.tokenizer), names, tiny.tokenizer, budget=256, max_width=width, seed=0
    )
    batch, targets = sampler.draw(0)
    pieces = network.encode_pieces(batch)
    labels = torch.nn.functional.normalize(torch.randn(2, network.config.dimension), dim=-1)
    return batch, targets, pieces, labels


def test_spans_that_share_a_word_with_an_entity_are_hard() -> None:
    # Given eight words, of which the fifth and sixth are an entity, and a seventh and eighth that are padding
    targets = torch.zeros(1, 8, WIDTH, dtype=torch.long)
    targets[0, 4, 1] = 2
    mask = torch.tensor([[True] * 6 + [False] * 2])

    places, classes = hard_spans(targets, mask, 100)

    found = {tuple(place): kind for place, kind in zip(places[:, 1:].tolist(), classes.tolist(), strict=True)}
    expected = {(i, k): 0 for i in range(6) for k in range(WIDTH) if i + k <= 5 and i + k >= 4}
    assert found == expected | {(4, 1): 2}


def test_spans_that_are_left_out_are_not_contrasted() -> None:
    targets = torch.zeros(1, 3, WIDTH, dtype=torch.long)
    targets[0, 0, 0], targets[0, 1, 0] = 1, IGNORED

    places, _ = hard_spans(targets, torch.ones(1, 3, dtype=torch.bool), 100)

    assert [0, 1, 0] not in places.tolist()
    assert [0, 0, 0] in places.tolist()


def test_of_nested_entities_the_longest_has_the_words() -> None:
    targets = torch.zeros(1, 4, WIDTH, dtype=torch.long)
    targets[0, 0, 2], targets[0, 1, 0] = 1, 2

    found = inside_of(targets, torch.ones(1, 4, dtype=torch.bool), WIDTH, 2)

    assert found.tolist() == [[1, 1, 1, 0]]


def test_both_objectives_are_weighed(network: BiEncoder, tiny: Encoder) -> None:
    batch, targets, pieces, labels = shown(tiny, network)

    def loss(alpha: float) -> float:
        config = ContrastConfig(alpha=alpha, outside=True, distance="js")
        return contrast(network, pieces, batch, labels, targets, config).item()

    assert loss(0.25) == pytest.approx(0.75 * loss(0.0) + 0.25 * loss(1.0), rel=1e-4)
    assert loss(0.0) != pytest.approx(loss(1.0), rel=0.01)


def test_without_context_spans_learn_by_their_cross_entropy_alone(tiny: Encoder) -> None:
    network = tiny_tagger(tiny).network
    batch, targets, pieces, labels = shown(tiny, network)

    found = contrast(network, pieces, batch, labels, targets, ContrastConfig(alpha=0.0))

    assert found.item() == pytest.approx(entropy(network, pieces, batch, labels, targets).item(), rel=1e-6)


@pytest.mark.parametrize("distance", ["kl", "js"])
def test_variances_learn(network: BiEncoder, tiny: Encoder, distance: str) -> None:
    batch, targets, pieces, labels = shown(tiny, network)
    config = ContrastConfig(alpha=1.0, outside=True, distance=distance)

    contrast(network, pieces, batch, labels, targets, config).backward()  # type: ignore[no-untyped-call]

    assert network.deviation.weight.grad is not None
    assert network.deviation.weight.grad.abs().sum() > 0
