"""Small causal language models with tokenizers of their own, as the tests of generators need them.

What is tested of grammars, batches and adapters does not depend on what the weights know, so the models are random:
two layers, and a tokenizer that is trained in a moment on a few sentences.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import torch
from hypothesis import strategies as st
from peft import LoraConfig
from tokenizers import Tokenizer, decoders, normalizers, pre_tokenizers, processors, trainers
from tokenizers.models import BPE, Unigram
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from models.asking import Ask
from models.language import LanguageModel, attached
from models.types import Document, Label, Span
from tests.models.building import hostile

if TYPE_CHECKING:
    from pathlib import Path

#: A chat template that marks who speaks, as those of instructed models do.
CHAT = (
    "{% for message in messages %}<|user|>{{ message.content | trim }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
SENTENCES = (
    "Find the entities in the last text. Text: Entities: - = label",
    "Blur and Oasis played in Camden, New York and Paris.",
    "the name of a human being, a town, a country or a river; person = place",
    "2 + 2 = 4, don't you think? \u4e2d\u6587 caf\u00e9",
)
#: Names of labels, with what could break a line among them.
names = st.one_of(st.sampled_from(["person", "place", "a = b", "x\ny", "-", "New York", "per_son"]), hostile)


@cache
def llama_tokenizer() -> PreTrainedTokenizerFast:
    """Byte-level pieces, split before training as Llama 3 and Qwen split; `<s>` opens a text and `</s>` ends it."""
    backend = Tokenizer(BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<s>", "</s>", "<|user|>", "<|end|>", "<|assistant|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(SENTENCES * 4, trainer)
    backend.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    return _tokenizer(backend)


@cache
def sentencepiece_tokenizer() -> PreTrainedTokenizerFast:
    """Pieces that mark words by what stands before them, as Llama 2 has them, with bytes for what is unknown."""
    backend = Tokenizer(BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    backend.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    steps = [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    backend.decoder = decoders.Sequence(steps)
    known = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    trainer = trainers.BpeTrainer(vocab_size=700, special_tokens=known, show_progress=False)
    backend.train_from_iterator(SENTENCES * 4, trainer)
    return _tokenizer(backend)


@cache
def unigram_tokenizer() -> PreTrainedTokenizerFast:
    """Pieces that know neither line breaks nor most characters, and no difference between unknown ones."""
    backend = Tokenizer(Unigram())
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=120, special_tokens=["<unk>", "<s>", "</s>"], unk_token="<unk>", show_progress=False
    )
    backend.train_from_iterator(SENTENCES * 4, trainer)
    made = _tokenizer(backend)
    made.unk_token = "<unk>"
    return made


def llama(*, seed: int = 3, positions: int = 2048) -> LlamaForCausalLM:
    """A random Llama of two layers, the same one for every seed."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(llama_tokenizer()),
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=positions,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=None,
        # Far from uniform, as a model that knows something is.
        initializer_range=0.3,
    )
    model = LlamaForCausalLM(config)
    model.train(False)
    return model


def language(*, seed: int = 3, positions: int = 2048) -> LanguageModel:
    """That Llama and its tokenizer, ready to generate."""
    return LanguageModel("tiny", "none", llama(seed=seed, positions=positions), llama_tokenizer())


def save_language(folder: Path, *, chat: bool = False) -> Path:
    """That Llama and its tokenizer as a folder that an operator may name."""
    llama().save_pretrained(folder)
    tokenizer = _tokenizer(llama_tokenizer().backend_tokenizer)
    tokenizer.chat_template = CHAT if chat else None
    tokenizer.save_pretrained(folder)
    return folder


def save_adapter(folder: Path, *, seed: int, rank: int = 4) -> Path:
    """A random LoRA adapter of that Llama, strong enough to change its mind."""
    config = LoraConfig(r=rank, lora_alpha=4 * rank, target_modules="all-linear", init_lora_weights=False)
    model = llama()
    torch.manual_seed(seed)
    attached(model, config, "default").save_pretrained(str(folder))
    return folder


def _tokenizer(backend: Tokenizer) -> PreTrainedTokenizerFast:
    made = PreTrainedTokenizerFast(tokenizer_object=backend, bos_token="<s>", eos_token="</s>")  # type: ignore[no-untyped-call]
    assert isinstance(made, PreTrainedTokenizerFast)
    return made


def example(text: str, *entities: tuple[str, str]) -> Document:
    """A labelled document: mentions, at their first places, with their labels."""
    spans = tuple(
        Span(start=text.index(mention), end=text.index(mention) + len(mention), label=label)
        for mention, label in entities
    )
    return Document(id=text, text=text, entities=spans)


def ask(text: str, *labels: str, examples: tuple[Document, ...] = ()) -> Ask:
    """An ask for labels by their names."""
    return Ask(text=text, labels=tuple(Label(name=name) for name in labels), examples=examples)


@st.composite
def asks(draw: st.DrawFn) -> Ask:
    """An ask about anything, for anything, with examples of anything."""
    labels = draw(st.lists(names, min_size=1, max_size=4, unique=True))
    texts = draw(st.lists(hostile, max_size=2))
    return ask(draw(hostile), *labels, examples=tuple(Document(id="1", text=text, entities=()) for text in texts))
