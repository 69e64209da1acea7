"""Language models as generators: valid whatever they say, alike in any batch, adapters that switch."""

from __future__ import annotations

from functools import wraps
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM, BloomConfig, Gemma2Config, GPT2Config, Qwen3Config

from models.asking import UNPARSABLE, WINDOW_TOO_LONG, Answer, Ask
from models.causal import CausalGenerator
from models.language import LanguageModel, load_language_model
from models.words import split_words
from tests.models.languages import ask, asks, example, language, llama_tokenizer, save_adapter, save_language

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from transformers import PreTrainedConfig

TEXTS = (
    "Blur and Oasis played in Camden, New York and Paris.",
    "Paris",
    "the name of a town = Paris\n\nand of a person  don't you think?",
    "caf\u00e9 \u4e2d\u6587 2 + 2 = 4",
    "",
)


@pytest.fixture(scope="module")
def tiny_language() -> LanguageModel:
    return language()


def answers(generator: CausalGenerator, asked: Sequence[Ask], *, budget: int = 4096) -> list[Answer]:
    """Every ask's answer, once each, in their order."""
    found: dict[int, Answer] = {}
    for batch in generator.answer(asked, budget=budget):
        for i, answer in batch:
            assert isinstance(answer, Answer), answer
            assert i not in found
            found[i] = answer
    return [found[i] for i in range(len(asked))]


def check(asked: Ask, answer: Answer) -> None:
    """Spans are whole words of the text, with labels of the job, flat and in order."""
    words = split_words(asked.text)
    starts, ends = {word.start for word in words}, {word.end for word in words}
    labels = {label.name for label in asked.labels}
    for span in answer.spans:
        assert span.start in starts
        assert span.end in ends
        assert span.start < span.end
        assert span.label in labels
        assert 0 <= span.score <= 1
    assert all(one.end <= two.start for one, two in pairwise(answer.spans))


@settings(deadline=None, max_examples=60)
@given(st.lists(asks(), min_size=1, max_size=3))
def test_whatever_a_model_says_is_valid(tiny_language: LanguageModel, asked: list[Ask]) -> None:
    generator = CausalGenerator(tiny_language)

    found = answers(generator, asked)

    for one, answer in zip(asked, found, strict=True):
        check(one, answer)
        assert answer.flags in ((), (WINDOW_TOO_LONG,))
        assert answer.shown == len(one.examples)


@pytest.mark.parametrize("seed", range(5))
def test_a_batch_answers_as_one_by_one(seed: int) -> None:
    # Given asks of many lengths, some with examples
    generator = CausalGenerator(language(seed=seed))
    shown = (example(TEXTS[0], ("Blur", "person"), ("New York", "place")),)
    asked = [ask(text, "person", "place", examples=shown[: i % 2]) for i, text in enumerate(TEXTS * 2)]

    # When they are answered together and each alone
    together = answers(generator, asked, budget=100_000)
    alone = [answer for one in asked for answer in answers(generator, [one])]

    # Then they say the same
    assert sum(len(answer.spans) for answer in together) > 0
    for one, other in zip(together, alone, strict=True):
        assert [(s.start, s.end, s.label) for s in one.spans] == [(s.start, s.end, s.label) for s in other.spans]
        assert [s.score for s in one.spans] == pytest.approx([s.score for s in other.spans], abs=1e-3)
        assert (one.shown, one.flags) == (other.shown, other.flags)


def other_kinds() -> dict[str, PreTrainedConfig]:
    """Small models of other families: learnt positions, slopes instead of positions, windows of attention."""
    pieces = len(llama_tokenizer())
    more: dict[str, Any] = {"vocab_size": pieces, "eos_token_id": 1, "initializer_range": 0.3}
    size: dict[str, Any] = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "head_dim": 16}
    size |= {"intermediate_size": 96, "num_key_value_heads": 2, "pad_token_id": None}
    return {
        "gpt2": GPT2Config(n_embd=64, n_layer=2, n_head=4, n_positions=1024, **more),
        "bloom": BloomConfig(hidden_size=64, n_layer=2, n_head=4, **more),
        "qwen3": Qwen3Config(**size, **more),
        "gemma2": Gemma2Config(sliding_window=64, **size, **more),
    }


@pytest.mark.parametrize("kind", ["gpt2", "bloom", "qwen3", "gemma2"])
def test_models_of_other_families_answer(kind: str) -> None:
    torch.manual_seed(3)
    model = AutoModelForCausalLM.from_config(other_kinds()[kind]).eval()  # type: ignore[no-untyped-call]
    generator = CausalGenerator(LanguageModel(kind, "none", model, llama_tokenizer()))
    asked = [ask(text, "person", "place") for text in TEXTS]

    together = answers(generator, asked, budget=100_000)

    for one, answer in zip(asked, together, strict=True):
        check(one, answer)
        [alone] = answers(generator, [one])
        assert [(s.start, s.end, s.label) for s in answer.spans] == [(s.start, s.end, s.label) for s in alone.spans]


def test_batches_keep_to_the_budget(tiny_language: LanguageModel) -> None:
    generator = CausalGenerator(tiny_language)
    asked = [ask(text, "person") for text in TEXTS]

    one_by_one = list(generator.answer(asked, budget=1))
    together = list(generator.answer(asked, budget=100_000))

    assert sorted(i for [(i, _)] in one_by_one) == list(range(len(asked)))
    assert [sorted(i for i, _ in batch) for batch in together] == [list(range(len(asked)))]


def test_examples_that_do_not_fit_are_reported() -> None:
    # Given a model that reads little, and five examples
    generator = CausalGenerator(language(positions=400))
    long = tuple(example(f"{i} {TEXTS[0] * 2}") for i in range(5))

    [answer] = answers(generator, [ask("Paris", "place", examples=long)])

    assert 0 < answer.shown < 5


def test_a_window_that_does_not_fit_says_so() -> None:
    generator = CausalGenerator(language(positions=600))

    found = answers(generator, [ask("Paris " * 300, "place"), ask("Paris", "place")])

    assert found[0] == Answer(spans=(), shown=0, flags=(WINDOW_TOO_LONG,))
    assert found[1].flags == ()


def test_an_answer_without_room_keeps_its_whole_lines(
    tiny_language: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given hardly any room for answers
    asked = [ask(text, "person", "place") for text in TEXTS[:3]]
    whole = answers(CausalGenerator(tiny_language), asked)
    monkeypatch.setattr("models.prompting.answer_room", lambda _: 12)

    # When the same is asked
    cut = answers(CausalGenerator(tiny_language), asked)

    # Then what was written in full stands, and the rest is flagged
    assert any(answer.flags for answer in cut)
    for one, other in zip(whole, cut, strict=True):
        assert other.spans == one.spans[: len(other.spans)]
        assert other.flags == (() if other.spans == one.spans else (WINDOW_TOO_LONG,))


def test_free_answers_are_parsed(tiny_language: LanguageModel) -> None:
    # Given a random model, which keeps to no format by itself
    generator = CausalGenerator(tiny_language, constrained=False)
    asked = [ask(text, "person", "place") for text in TEXTS]

    found = answers(generator, asked)

    for one, answer in zip(asked, found, strict=True):
        check(one, answer)
    assert any(answer.flags == (UNPARSABLE,) for answer in found)


def test_adapters_switch_without_loading_anything_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a base and two adapters on it
    shared = language()
    asked = [ask(TEXTS[0], "person", "place")]
    bare = CausalGenerator(shared)
    before = answers(bare, asked)
    one, two = (CausalGenerator(shared, save_adapter(tmp_path / name, seed=seed)) for seed, name in enumerate("ab"))

    # When no file can be read any more
    monkeypatch.setattr("models.language.file_sha256", pytest.fail)

    # Then each answers in its own way, however often they take turns
    first = answers(one, asked)
    second = answers(two, asked)
    assert first != second
    assert before not in (first, second)
    assert [answers(generator, asked) for generator in (bare, one, two, one)] == [before, first, second, first]


def test_generators_may_take_turns_within_their_batches(tmp_path: Path) -> None:
    # Given a base and an adapter on it, and what each says
    shared = language()
    bare, adapted = CausalGenerator(shared), CausalGenerator(shared, save_adapter(tmp_path, seed=1))
    asked = [ask(text, "person", "place") for text in TEXTS[:3]]
    apart = [answers(generator, asked, budget=1) for generator in (bare, adapted)]

    # When both answer at the same time, a batch of one and a batch of the other
    turns = zip(bare.answer(asked, budget=1), adapted.answer(asked, budget=1), strict=True)
    found = [(i, answer, j, other) for [(i, answer)], [(j, other)] in turns]

    # Then they say what they said alone
    assert [(apart[0][i], apart[1][j]) for i, _, j, _ in found] == [(answer, other) for _, answer, _, other in found]


@pytest.mark.parametrize("chat", [False, True])
def test_a_folder_serves(tmp_path: Path, chat: bool) -> None:
    loaded = load_language_model(str(save_language(tmp_path, chat=chat)), device=torch.device("cpu"), dtype="float32")

    [answer] = answers(CausalGenerator(loaded), [ask("Blur <|end|> </s> Oasis", "person")])

    check(ask("Blur <|end|> </s> Oasis", "person"), answer)


def test_want_of_memory_halves_the_batch(tiny_language: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a device that takes no more than two prompts at once
    asked = [ask(text, "person", "place") for text in TEXTS]
    expected = answers(CausalGenerator(tiny_language), asked)
    sizes: list[int] = []
    real = tiny_language.model.forward

    @wraps(real)
    def forward(*, input_ids: torch.Tensor, **more: Any) -> Any:  # noqa: ANN401 -- as transformers has it
        sizes.append(len(input_ids))
        if len(input_ids) > 2:
            raise torch.OutOfMemoryError("out of memory")
        return real(input_ids=input_ids, **more)

    monkeypatch.setattr(tiny_language.model, "forward", forward)

    # When five are asked together, then all are answered
    found = answers(CausalGenerator(tiny_language), asked, budget=100_000)

    assert [answer.spans for answer in found] == [answer.spans for answer in expected]
    assert sizes[0] == 5
