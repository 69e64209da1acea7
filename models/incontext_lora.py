"""LoRA on the in-context model: room for an adapter beside its layers, and the adapter on disk as peft keeps it.

Owns which parts of the model are adapted. A model with an adapter is a copy: the one it was made from is untouched.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, cast

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from models.errors import BadArtifact

if TYPE_CHECKING:
    from pathlib import Path

    from models.incontext import InContextModel

#: The linear maps of a layer.
ADAPTED = ("query", "key", "value", "mixed", "inner", "outer")
RANK, ALPHA, DROPOUT = 8, 16, 0.05
_WEIGHTS = "adapter_model.safetensors"


def with_adapter(network: InContextModel, start: Path | None = None) -> InContextModel:
    """A copy with an adapter, which alone asks for gradients: a fresh one, which changes nothing, or that of a folder.

    Raises BadArtifact as `load_adapter`.
    """
    from peft import LoraConfig

    if start is not None:
        adapted = load_adapter(network, start)
        for name, parameter in adapted.named_parameters():
            parameter.requires_grad_("lora_" in name)
        return adapted
    return _injected(network, LoraConfig(r=RANK, lora_alpha=ALPHA, lora_dropout=DROPOUT, target_modules=[*ADAPTED]))


def save_adapter(folder: Path, network: InContextModel) -> None:
    """Write the adapter of a model that has one as a new folder."""
    from peft import get_peft_model_state_dict

    folder.mkdir(parents=True)
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in get_peft_model_state_dict(network).items()}
    save_file(tensors, folder / _WEIGHTS)
    (folder / _WEIGHTS).chmod(0o644)  # safetensors lets its owner alone read what it writes
    configurations: Any = network.peft_config
    configurations["default"].save_pretrained(str(folder))


def load_adapter(network: InContextModel, folder: Path) -> InContextModel:
    """A copy of a model that wears the adapter in a folder. Raises BadArtifact where it does not fit."""
    from peft import PeftConfig, set_peft_model_state_dict

    try:
        adapted = _injected(network, PeftConfig.from_pretrained(str(folder)))
        tensors = load_file(folder / _WEIGHTS, device=str(next(network.parameters()).device))
        loaded: Any = set_peft_model_state_dict(adapted, tensors)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise BadArtifact(f"{folder}: not an adapter of the compact language model: {error}") from error
    if loaded.unexpected_keys:
        raise BadArtifact(f"{folder}: not an adapter of the compact language model: {loaded.unexpected_keys[0]}")
    return adapted.requires_grad_(requires_grad=False).eval()


def _injected(network: InContextModel, config: Any) -> InContextModel:  # noqa: ANN401 -- peft's own class
    from peft import inject_adapter_in_model

    adapted: Any = inject_adapter_in_model(config, copy.deepcopy(network))
    return cast("InContextModel", adapted)
