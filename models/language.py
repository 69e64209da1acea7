"""A causal language model, loaded once, with the LoRA adapters that it may wear.

Owns finding and loading both, and switching between adapters without loading anything again; what is asked of the
model is not its business. Any Hugging Face causal LM with a fast tokenizer serves, by name or by folder.
"""

from __future__ import annotations

import hashlib
import os
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError

from models.devices import best_device, working_dtype
from models.encoder import file_sha256
from models.errors import AdapterMismatch, GeneratorNotFound
from models.spelling import Speller

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch
    from peft import PeftConfig, PeftModel
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

#: Most pieces of prompt and answer together, however many the model could read: they cost memory.
CONTEXT = 8192
#: Stands for the prompt while its frame is worked out.
_PROMPT = "\u27eaprompt\u27eb"


class LanguageModel:
    """A loaded base and its adapters; for one thread at a time."""

    def __init__(
        self,
        name: str,
        fingerprint: str,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerFast,
        *,
        context: int = CONTEXT,
    ) -> None:
        self.name, self.fingerprint, self.model, self.tokenizer = name, fingerprint, model, tokenizer
        self.context = min(context, _positions(model))
        self.speller = Speller(tokenizer, _ends(model))
        self._head, self._tail = _frame(tokenizer)
        self._adapted: PeftModel | None = None

    @property
    def device(self) -> torch.device:
        """Where the model computes."""
        return self.model.device

    @property
    def adapters(self) -> tuple[str, ...]:
        """Names of the adapters that are loaded."""
        return tuple(self._adapted.peft_config) if self._adapted is not None else ()

    def framed(self, prompt: str) -> list[int]:
        """Pieces of a prompt as the model is shown it: through its chat template, if it has one."""
        return [*self._head, *self.speller.ids(prompt), *self._tail]

    def adopt(self, folder: Path) -> str:
        """Load an adapter, unless it is there already; returns its name, which its weights decide.

        Raises GeneratorNotFound where there is none in the folder, and AdapterMismatch where it fits another model.
        """
        weights = folder / "adapter_model.safetensors"
        if not weights.is_file():
            raise GeneratorNotFound(f"{folder} holds no adapter: {weights.name} is missing")
        name = file_sha256(weights)[:16]
        if name not in self.adapters:
            self._load(folder, name)
        return name

    def drop(self, adapter: str) -> None:
        """Free an adapter's memory; nothing happens where it is not loaded."""
        if self._adapted is None or adapter not in self.adapters:
            return
        others = [name for name in self.adapters if name != adapter]
        if others:
            # peft warns where the one that is worn goes.
            self._adapted.set_adapter(others[0], inference_mode=True)
            self._adapted.delete_adapter(adapter)
        else:
            tuner: Any = self._adapted.base_model
            tuner.unload()
            self._adapted = None

    @contextmanager
    def wearing(self, adapter: str | None) -> Iterator[PreTrainedModel]:
        """The model with an adapter, or as it was loaded; only in the block's own thread."""
        if self._adapted is None:
            yield self.model
        elif adapter is None:
            with self._adapted.disable_adapter():
                yield self.model
        else:
            self._adapted.set_adapter(adapter, inference_mode=True)
            yield self.model

    def _load(self, folder: Path, name: str) -> None:
        from peft import PeftConfig, load_peft_weights, set_peft_model_state_dict

        try:
            config = PeftConfig.from_pretrained(str(folder))
            config.inference_mode = True
            if self._adapted is None:
                self._adapted = attached(self.model, config, name)
            else:
                self._adapted.add_adapter(name, config)
            tensors = load_peft_weights(str(folder), device=str(self.device))
            loaded: Any = set_peft_model_state_dict(self._adapted, tensors, adapter_name=name)
        except (OSError, ValueError, TypeError, RuntimeError, SafetensorError) as error:
            self.drop(name)
            raise AdapterMismatch(f"the adapter in {folder} cannot be used with {self.name}: {error}") from error
        if loaded.unexpected_keys:
            self.drop(name)
            raise AdapterMismatch(f"{folder} holds no adapter of {self.name}: it has {loaded.unexpected_keys[0]}")
        self._adapted.eval()


def attached(model: PreTrainedModel, config: PeftConfig, name: str) -> PeftModel:
    """The model with room for an adapter, which changes nothing yet."""
    from peft import PeftModel

    with warnings.catch_warnings():
        # peft asks transformers a question by the name that it used to have.
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)
        return PeftModel(model, config, adapter_name=name)


def load_language_model(name: str, *, device: torch.device | None = None, dtype: str = "auto") -> LanguageModel:
    """Load a causal LM by folder, or by its Hugging Face name from the local cache.

    Raises GeneratorNotFound where the name leads nowhere or to something that cannot be used. Nothing is downloaded
    unless HF_HUB_OFFLINE=0 says so.
    """
    # Before the import, which reads it: without it the hub is asked for more than the model's files.
    offline = os.environ.setdefault("HF_HUB_OFFLINE", "1") != "0"
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    device = device or best_device()
    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(name, local_files_only=offline, use_fast=True)
        model: Any = AutoModelForCausalLM.from_pretrained(
            name, local_files_only=offline, dtype=working_dtype(device, dtype)
        )
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise GeneratorNotFound(f"language model {name!r} cannot be loaded: {error}") from error
    if not hasattr(tokenizer, "backend_tokenizer"):
        raise GeneratorNotFound(f"language model {name!r} has no fast tokenizer: add its tokenizer.json")
    if not len(tokenizer.all_special_ids) < len(tokenizer) <= model.get_input_embeddings().num_embeddings:
        raise GeneratorNotFound(f"language model {name!r} and its tokenizer of {len(tokenizer)} pieces do not fit")
    return LanguageModel(name, _fingerprint(name), model.to(device).eval(), tokenizer)


def _fingerprint(name: str) -> str:
    weights = sorted(Path(name).glob("*.safetensors"))
    if not weights:
        return f"hub:{name}"
    if len(weights) == 1:
        return file_sha256(weights[0])
    return hashlib.sha256("".join(file_sha256(each) for each in weights).encode()).hexdigest()


def _positions(model: PreTrainedModel) -> int:
    return int(getattr(model.config.get_text_config(), "max_position_embeddings", None) or CONTEXT)


def _ends(model: PreTrainedModel) -> list[int]:
    settings = getattr(model, "generation_config", None)
    ends = getattr(settings, "eos_token_id", None)
    return [ends] if isinstance(ends, int) else list(ends or ())


def _frame(tokenizer: PreTrainedTokenizerFast) -> tuple[list[int], list[int]]:
    """Pieces before and after every prompt. Apart from it, so that nothing in a prompt passes for one of them."""
    if tokenizer.chat_template is None:
        return _opening(tokenizer), []
    # Templates that know no thinking ignore the switch.
    text = tokenizer.apply_chat_template(
        [{"role": "user", "content": _PROMPT}], tokenize=False, add_generation_prompt=True, enable_thinking=False
    )
    head, found, tail = str(text).partition(_PROMPT)
    if not found:
        raise GeneratorNotFound("the tokenizer's chat template leaves out what the user says")
    return [list(tokenizer(part, add_special_tokens=False)["input_ids"]) for part in (head, tail)]  # type: ignore[return-value]


def _opening(tokenizer: PreTrainedTokenizerFast) -> list[int]:
    bare = tokenizer("a", add_special_tokens=False)["input_ids"]
    whole = tokenizer("a")["input_ids"]
    return list(whole[: whole.index(bare[0])]) if bare and bare[0] in whole else []
