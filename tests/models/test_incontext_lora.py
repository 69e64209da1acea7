"""LoRA on the in-context model: a copy that begins as the model itself, and its adapter on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from models.errors import BadArtifact
from models.incontext import InContextConfig, InContextModel
from models.incontext_lora import ADAPTED, load_adapter, save_adapter, with_adapter
from models.incontext_prompts import Prompt, Tagged, collated, tags_of

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = InContextConfig(width=24, layers=2, heads=3, inner=48, positions=16)


@pytest.fixture
def network() -> InContextModel:
    torch.manual_seed(0)
    return InContextModel(CONFIG).eval()


@torch.inference_mode()
def said(network: InContextModel) -> torch.Tensor:
    torch.manual_seed(1)
    shown = Tagged(states=torch.randn(4, CONFIG.width), spans=((0, 1, 0),))
    asked = Prompt(labels=torch.randn(2, CONFIG.width), examples=(shown,), text=torch.randn(5, CONFIG.width))
    batch = collated([asked])
    tags, owners = (each.unsqueeze(0) for each in tags_of(((1, 2, 1),), 5))
    told, _ = network.eval().write(batch, network.read(batch), tags, owners)
    return told


def taught(network: InContextModel) -> InContextModel:
    """The model with an adapter that changes its mind."""
    adapted = with_adapter(network)
    torch.manual_seed(2)
    for parameter in adapted.parameters():
        if parameter.requires_grad:
            torch.nn.init.normal_(parameter, std=0.3)
    return adapted


def test_a_fresh_adapter_changes_nothing_and_alone_learns(network: InContextModel) -> None:
    adapted = with_adapter(network)

    torch.testing.assert_close(said(adapted), said(network))
    trained = [name for name, parameter in adapted.named_parameters() if parameter.requires_grad]
    assert len(trained) == 2 * len(ADAPTED) * CONFIG.layers
    assert all("lora_" in name for name in trained)
    assert all("lora_" not in name for name, _ in network.named_parameters())


def test_an_adapter_comes_back_from_its_folder(network: InContextModel, tmp_path: Path) -> None:
    before, adapted = said(network), taught(network)

    save_adapter(tmp_path / "adapter", adapted)
    loaded = load_adapter(network, tmp_path / "adapter")

    torch.testing.assert_close(said(loaded), said(adapted))
    assert not torch.allclose(said(loaded), before)
    assert torch.equal(said(network), before)
    assert not any(parameter.requires_grad for parameter in loaded.parameters())


def test_learning_goes_on_from_an_adapter(network: InContextModel, tmp_path: Path) -> None:
    adapted = taught(network)
    save_adapter(tmp_path / "adapter", adapted)

    again = with_adapter(network, tmp_path / "adapter")

    torch.testing.assert_close(said(again), said(adapted))
    assert all(parameter.requires_grad == ("lora_" in name) for name, parameter in again.named_parameters())


@pytest.mark.parametrize("harm", ["gone", "broken", "other"])
def test_what_is_no_adapter_of_it_is_refused(network: InContextModel, tmp_path: Path, harm: str) -> None:
    save_adapter(tmp_path / "adapter", taught(network))
    weights = tmp_path / "adapter" / "adapter_model.safetensors"
    if harm == "gone":
        weights.unlink()
    elif harm == "broken":
        weights.write_bytes(b"{")
    else:
        network = InContextModel(InContextConfig(width=12, layers=1, heads=2, inner=8, positions=16))

    with pytest.raises(BadArtifact, match="not an adapter of the compact language model"):
        load_adapter(network, tmp_path / "adapter")
