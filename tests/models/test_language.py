"""Loading language models and adapters: frames around prompts, and what is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import torch

from models.encoder import load_encoder
from models.errors import AdapterMismatch, GeneratorNotFound
from models.language import LanguageModel, load_language_model
from tests.models.languages import language, llama, llama_tokenizer, save_adapter, save_language

if TYPE_CHECKING:
    from pathlib import Path

CPU = torch.device("cpu")
#: Special pieces of the small tokenizer, which come first.
SPECIAL = 5


@pytest.mark.parametrize(
    ("chat", "framed"),
    [(False, "<s>Text: Blur </s>"), (True, "<|user|>Text: Blur </s><|end|><|assistant|>\n")],
)
def test_prompts_are_framed_as_the_tokenizer_has_it(tmp_path: Path, chat: bool, framed: str) -> None:
    # Given a folder with a chat template, or without
    loaded = load_language_model(str(save_language(tmp_path, chat=chat)), device=CPU)

    # When a text is framed that holds what looks like a special piece
    pieces = loaded.framed("Text: Blur </s>")

    # Then the frame alone is special
    tokenizer = llama_tokenizer()
    special = [tokenizer.decode([piece]) for piece in pieces if piece < SPECIAL]
    assert tokenizer.decode(pieces) == framed
    assert special == (["<|user|>", "<|end|>", "<|assistant|>"] if chat else ["<s>"])


def test_a_folder_is_known_by_its_weights(tmp_path: Path) -> None:
    one, two = (load_language_model(str(save_language(tmp_path / name)), device=CPU) for name in "ab")

    assert one.fingerprint == two.fingerprint
    assert len(one.fingerprint) == 64
    assert one.context == 2048
    assert one.device == CPU


def test_number_formats_are_as_wanted(tmp_path: Path) -> None:
    loaded = load_language_model(str(save_language(tmp_path)), device=CPU, dtype="float16")

    assert {parameter.dtype for parameter in loaded.model.parameters()} == {torch.float16}
    assert not loaded.model.training


def test_sharded_weights_are_known_by_all_of_them(tmp_path: Path) -> None:
    # Given a model in several files
    folder = save_language(tmp_path / "whole")
    whole = load_language_model(str(folder), device=CPU).fingerprint
    (folder / "model.safetensors").unlink()
    llama().save_pretrained(folder, max_shard_size="100KB")
    sharded = load_language_model(str(folder), device=CPU).fingerprint

    # When another model takes its place
    llama(seed=4).save_pretrained(folder, max_shard_size="100KB")

    assert len({whole, sharded, load_language_model(str(folder), device=CPU).fingerprint}) == 3


@pytest.mark.parametrize("name", ["no/such-model", "/no/such/folder"])
def test_a_name_that_leads_nowhere_is_refused(name: str) -> None:
    with pytest.raises(GeneratorNotFound, match=name):
        load_language_model(name, device=CPU)


def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    folder = save_language(tmp_path)
    (folder / "model.safetensors").write_bytes(b"rubbish")

    with pytest.raises(GeneratorNotFound, match="cannot be loaded"):
        load_language_model(str(folder), device=CPU)


def test_a_tokenizer_of_another_model_is_refused(tmp_path: Path) -> None:
    # Given a model of a few hundred pieces with MiniLM's tokenizer
    folder = save_language(tmp_path)
    load_encoder().tokenizer.save_pretrained(folder)

    with pytest.raises(GeneratorNotFound, match="30522 pieces do not fit"):
        load_language_model(str(folder), device=CPU)


def test_a_template_that_leaves_out_the_user_is_refused() -> None:
    tokenizer = llama_tokenizer().__class__(
        tokenizer_object=llama_tokenizer().backend_tokenizer, eos_token="</s>", chat_template="hello"
    )

    with pytest.raises(GeneratorNotFound, match="leaves out"):
        LanguageModel("tiny", "none", llama(), tokenizer)


def test_a_tokenizer_without_an_end_is_refused() -> None:
    tokenizer = llama_tokenizer().__class__(tokenizer_object=llama_tokenizer().backend_tokenizer)
    model = llama()
    model.generation_config.eos_token_id = None

    with pytest.raises(GeneratorNotFound, match="eos_token"):
        LanguageModel("tiny", "none", model, tokenizer)


def test_an_adapter_is_loaded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given an adapter that was adopted
    shared = language()
    folder = save_adapter(tmp_path, seed=1)
    name = shared.adopt(folder)

    # When it is adopted again, then nothing is loaded
    monkeypatch.setattr(LanguageModel, "_load", pytest.fail)
    assert shared.adopt(folder) == name
    assert shared.adapters == (name,)


def test_a_dropped_adapter_is_gone(tmp_path: Path) -> None:
    shared = language()
    one, two = (shared.adopt(save_adapter(tmp_path / name, seed=seed)) for seed, name in enumerate("ab"))
    size = sum(parameter.numel() for parameter in shared.model.parameters())

    shared.drop(one)
    shared.drop("never there")

    assert shared.adapters == (two,)
    assert sum(parameter.numel() for parameter in shared.model.parameters()) < size


def logits(shared: LanguageModel, adapter: str | None) -> torch.Tensor:
    with shared.wearing(adapter) as model, torch.inference_mode():
        found: torch.Tensor = model(torch.tensor([[1, 2, 3]])).logits
        return found


def test_the_base_is_itself_without_adapters(tmp_path: Path) -> None:
    # Given what a model says before any adapter came
    shared = language()
    before = logits(shared, None)

    # When one comes, is worn and goes
    name = shared.adopt(save_adapter(tmp_path, seed=1))
    worn = logits(shared, name)
    after = logits(shared, None)
    shared.drop(name)

    # Then only wearing it made a difference
    assert not torch.allclose(worn, before, atol=1e-3)
    assert torch.equal(after, before)
    assert torch.equal(logits(shared, None), before)


def test_a_folder_without_adapter_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GeneratorNotFound, match=r"adapter_model\.safetensors is missing"):
        language().adopt(tmp_path)


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("fault", ["rank", "rubbish", "config", "target"])
def test_an_adapter_that_does_not_fit_is_refused_and_leaves_nothing(tmp_path: Path, first: bool, fault: str) -> None:
    # Given an adapter with a fault, and a base with or without another adapter
    shared = language()
    before = logits(shared, None)
    sound = () if first else (shared.adopt(save_adapter(tmp_path / "sound", seed=2)),)
    folder = save_adapter(tmp_path / "bad", seed=1)
    config = folder / "adapter_config.json"
    if fault == "rank":
        config.write_text(json.dumps(json.loads(config.read_text()) | {"r": 2}))
    elif fault == "rubbish":
        (folder / "adapter_model.safetensors").write_bytes(b"rubbish")
    elif fault == "config":
        config.write_text("{")
    else:
        config.write_text(json.dumps(json.loads(config.read_text()) | {"target_modules": ["no_such_layer"]}))

    # When it is adopted
    with pytest.raises(AdapterMismatch, match=str(folder)):
        shared.adopt(folder)

    # Then nothing of it stays
    assert shared.adapters == sound
    assert torch.equal(logits(shared, None), before)
    assert shared.adopt(save_adapter(tmp_path / "next", seed=3)) in shared.adapters
