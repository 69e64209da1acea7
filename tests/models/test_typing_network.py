"""The network of the typer: what is tuned, how types are made of words, and what their scores are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch

from models.mentions import collated, prompts
from models.shapes import Shape
from models.typer import type_pieces
from models.typing_network import TyperConfig, TypingNetwork
from tests.models.typing_sets import mention

if TYPE_CHECKING:
    from models.encoder import Encoder

CONFIG = TyperConfig(layers=1, heads=2)


@pytest.fixture(scope="module")
def network(tiny: Encoder) -> TypingNetwork:
    torch.manual_seed(5)
    return TypingNetwork(tiny.model, CONFIG).eval()


def test_a_type_begins_as_the_mean_of_its_words(network: TypingNetwork, tiny: Encoder) -> None:
    pieces, mask = type_pieces(["jazz band", "jazz", "band"], tiny)
    found = network.types(pieces, mask)
    embeddings = tiny.model.get_input_embeddings().weight
    assert isinstance(embeddings, torch.Tensor)
    mean = embeddings[pieces[0]].mean(0)
    expected = torch.nn.functional.layer_norm(mean, mean.shape) * embeddings.std()
    torch.testing.assert_close(found[0], expected, atol=1e-4, rtol=1e-3)


def test_padding_does_not_change_a_type(network: TypingNetwork, tiny: Encoder) -> None:
    with torch.no_grad():
        network.attention.query.normal_()
    alone = network.types(*type_pieces(["band"], tiny))
    among = network.types(*type_pieces(["band", "a very long name of a type"], tiny))
    torch.testing.assert_close(alone[0], among[0])


def test_only_the_last_layers_and_the_heads_are_tuned(packaged: Encoder, network: TypingNetwork, tiny: Encoder) -> None:
    names = {
        name for name, each in TypingNetwork(packaged.model, TyperConfig()).named_parameters() if each.requires_grad
    }
    assert {name.split(".")[3] for name in names if name.startswith("encoder.")} == {"4", "5"}
    assert {name.split(".")[0] for name in names} == {
        "encoder", "transform", "neighbour", "attention", "bias", "offset",
    }  # fmt: skip
    assert not [
        name for name in TypingNetwork(tiny.model, TyperConfig(layers=0)).tuned() if name.startswith("encoder.")
    ]
    assert network.encoder is not tiny.model
    assert all(each.requires_grad for each in tiny.model.parameters())


def test_a_mode_is_set_of_what_is_tuned_alone(packaged: Encoder) -> None:
    network = TypingNetwork(packaged.model, CONFIG).train()
    modes = {name: module.training for name, module in network.named_modules() if name.endswith("dropout")}
    assert {name for name, training in modes.items() if training} == {name for name in modes if ".layer.5." in name}
    assert any(modes.values())
    assert not any(module.training for module in network.eval().modules())


def test_capitals_count_where_the_base_knows_them(tiny: Encoder) -> None:
    shapes = torch.randn(len(Shape), tiny.width, generator=torch.Generator().manual_seed(2))
    told = []
    for text in ("The Band played in Ulm.", "the band played in Ulm."):
        batch = collated(prompts([mention(text, text[4:8])], tiny.tokenizer), 0)
        told += [
            TypingNetwork(tiny.model, replace(CONFIG, capitals=capitals), shapes if capitals else None)
            .eval()
            .states(batch)
            for capitals in (True, False)
        ]
    assert not torch.allclose(told[0], told[2])
    torch.testing.assert_close(told[1], told[3])


def test_what_is_shipped_fits_into_ten_megabytes(packaged: Encoder) -> None:
    tuned = TypingNetwork(packaged.model, TyperConfig()).tuned()
    assert not [name for name in tuned if name.startswith("neighbour.") or "embeddings" in name]
    assert sum(2 * each.numel() for each in tuned.values()) < 10e6


def test_scores_are_dot_products(network: TypingNetwork, tiny: Encoder) -> None:
    found = prompts([mention("The band played.", "The band"), mention("It rained in Ulm.", "Ulm")], tiny.tokenizer)
    vectors = network.mentions(collated(found, 0))
    types = network.types(*type_pieces(["band", "city", "rain"], tiny))
    scores = network.scores(vectors, types)
    assert scores.shape == (2, 3)
    torch.testing.assert_close(scores[1, 2], vectors[1] @ types[2] + CONFIG.initial_offset)


def test_words_are_decoded_by_their_embeddings(network: TypingNetwork, tiny: Encoder) -> None:
    states = torch.randn(4, tiny.width, generator=torch.Generator().manual_seed(1))
    assert network.words(states).shape == (4, 30522)
    assert not torch.equal(network.words(states), network.words(states, neighbour=True))
