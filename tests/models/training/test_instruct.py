"""Instruction tuning: it learns, it survives a kill, and what it writes is an adapter that serves."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from models.asking import Retrieved
from models.causal import CausalGenerator
from models.errors import BadTrainingData
from models.grammar import Grammar, Writing
from models.language import load_language_model
from models.llm import LLMTagger
from models.training import instruct
from models.training.course import CHECKPOINT
from models.training.instruct import InstructConfig, Instruction, answer_loss, held_out_groups, source_pools
from models.training.instructions import Episode, EpisodeConfig, EpisodeSource, Pool, own_wording
from models.training.loop import LoopConfig, losses, train
from models.training.sets import HeldOut, Mix
from models.types import Document, Label, Span
from models.words import split_words
from tests.models.building import hostile, record, write_set
from tests.models.languages import ask, example, language, names, save_language
from tests.models.training.clock import tick

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from models.language import LanguageModel

LABELS = (Label(name="band"), Label(name="town"))
DOCUMENTS = tuple(
    example(f"{name} in {town}", (name, "band"), (town, "town"))
    for name in ("Blur", "Pulp", "Oasis")
    for town in ("Bern", "Hull", "Oslo")
)
SOURCE = EpisodeSource(
    [Pool(documents=DOCUMENTS, wording=own_wording(LABELS))], EpisodeConfig(examples=1, fewer=0.0, removed=0.3)
)
CONFIG = InstructConfig(
    loop=LoopConfig(minutes=1, measure_minutes=0, checkpoint_minutes=0.25),
    base="tiny",
    rank=4,
    alpha=8,
    dropout=0.0,
    rate=3e-2,
    budget=1024,
)
MIX = Mix(
    files={"wikigold": ("train",), "uner_ewt": ("train",)},
    weights={"wikigold": 1.0, "uner_ewt": 0.0},
    held_out=(HeldOut(name="web", data_set="uner_ewt", file="dev", labels=None),),
    forbidden=("*/test",),
)


class First:
    """A search that finds the first document; remembers what it searches."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self.documents = tuple(documents)

    def near(self, texts: Sequence[str]) -> list[Retrieved]:
        return [Retrieved(examples=self.documents[:1])] * len(texts)


@pytest.fixture(scope="module")
def tiny_language() -> LanguageModel:
    return language()


def recipe(shared: LanguageModel | None = None, **config: Any) -> Instruction:  # noqa: ANN401 -- fields of InstructConfig
    return Instruction(replace(CONFIG, **config), shared or language(), SOURCE)


@settings(deadline=None)
@given(text=hostile, labels=st.lists(names, min_size=1, max_size=3, unique=True), data=st.data())
def test_answers_that_are_learnt_can_be_written(
    tiny_language: LanguageModel, text: str, labels: list[str], data: st.DataObject
) -> None:
    # Given any spans of whole words
    words = split_words(text)
    spans = [
        Span(start=words[first].start, end=words[last].end, label=data.draw(st.sampled_from(labels)))
        for first in data.draw(st.lists(st.integers(0, len(words) - 1), max_size=3) if words else st.just([]))
        for last in [min(len(words) - 1, first + data.draw(st.integers(0, 2)))]
    ]
    asked, speller = ask(text, *labels), tiny_language.speller

    # When their answer is written under the grammar
    writing = Writing(Grammar(speller.script(text), asked.labels, speller.labels(asked.labels), speller.marks))
    for piece in speller.answer(text, asked.labels, spans):
        writing.take(piece)

    # Then it is a whole answer that says the same words
    assert writing.finished
    said = [(text[span.start : span.end].split(), span.label) for span in writing.spans]
    assert all(each in [(text[s.start : s.end].split(), s.label) for s in spans] for each in said)
    assert bool(said) == bool(spans)


def test_the_loss_is_that_of_answers_alone(tiny_language: LanguageModel) -> None:
    # Given prompts and answers of several lengths
    items = [([2, 3, 4, 5], [6, 1]), ([7], [8, 9, 10, 1]), ([11, 12], [1])]

    # When their loss is computed together
    with torch.no_grad():
        found = answer_loss(tiny_language.model, items)
        # Then it is the mean over their pieces, each computed alone
        each = []
        for prompt, answer in items:
            logits = tiny_language.model(torch.tensor([[*prompt, *answer]])).logits[0, len(prompt) - 1 : -1]
            each.append(functional.cross_entropy(logits, torch.tensor(answer), reduction="none"))

    assert found.item() == pytest.approx(torch.cat(each).mean().item(), abs=1e-5)


def test_batches_are_decided_by_seed_and_step_and_keep_to_the_budget() -> None:
    one, two, other = recipe(), recipe(), recipe(seed=1)

    assert one.draw(3) == two.draw(3) != one.draw(4)
    assert one.draw(3) != other.draw(3)
    for step in range(10):
        batch = one.draw(step)
        longest = max(len(prompt) + len(answer) for prompt, answer in batch)
        assert len(batch) > 1
        assert longest * len(batch) <= CONFIG.budget


def test_what_fits_nowhere_is_bad_data() -> None:
    with pytest.raises(BadTrainingData, match="no episode fits 40 pieces"):
        recipe(context=40).draw(0)


def test_an_episode_whose_answer_does_not_fit_is_left_out(tiny_language: LanguageModel) -> None:
    text = " ".join(["Blur"] * 60)
    spans = tuple(Span(start=5 * i, end=5 * i + 4, label="band") for i in range(60))
    chosen = recipe(context=700)

    assert chosen.spelled(Episode(ask=ask(text, "band"), spans=())) is not None
    assert chosen.spelled(Episode(ask=ask(text, "band"), spans=spans)) is None


def test_training_lowers_the_loss_and_the_adapter_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a model in a folder
    tick(monkeypatch, 1.0)
    base = str(save_language(tmp_path / "base"))
    chosen = recipe(load_language_model(base, device=torch.device("cpu"), dtype="float32"))

    # When it is tuned for 36 steps
    train(chosen, replace(CONFIG.loop, minutes=0.6), tmp_path / "run", resume=False, say=lambda _: None)
    chosen.save(tmp_path / "adapter")

    # Then it lost much of its loss, and its adapter tags better than the base did
    curve = losses(tmp_path / "run")
    assert len(curve) == 36
    assert sum(curve[-10:]) < 0.5 * sum(curve[:10])
    fresh = load_language_model(base, device=torch.device("cpu"), dtype="float32")
    right = []
    for adapter in (None, tmp_path / "adapter"):
        tagger = LLMTagger(CausalGenerator(fresh, adapter))
        found = tagger.predict([document.text for document in DOCUMENTS], LABELS)
        said = [{(s.start, s.end, s.label) for s in prediction.spans} for prediction in found]
        gold = [{(s.start, s.end, s.label) for s in document.entities or ()} for document in DOCUMENTS]
        right.append(sum(len(a & b) for a, b in zip(said, gold, strict=True)))
    assert right[1] > right[0]


def test_a_killed_tuning_resumes_and_ends_where_a_whole_one_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a tuning of 12 steps, and one that is killed at its 10th
    tick(monkeypatch, 1.0)
    loop = replace(CONFIG.loop, minutes=0.2, checkpoint_minutes=0.1)
    whole = recipe()
    train(whole, loop, tmp_path / "whole", resume=False, say=lambda _: None)

    def kill(done: float) -> None:
        if done >= 10 / 12:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(recipe(), loop, tmp_path / "killed", resume=False, say=lambda _: None, watch=kill)

    # When it is started again
    again = recipe()
    said: list[str] = []
    train(again, loop, tmp_path / "killed", resume=True, say=said.append)

    # Then it goes on from its checkpoint and ends with the same weights
    assert said[0].startswith("resumed at step 6")
    for one, two in zip(whole.module.parameters(), again.module.parameters(), strict=True):
        torch.testing.assert_close(one, two, atol=1e-4, rtol=1e-3)


def test_a_checkpoint_holds_the_adapter_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tick(monkeypatch, 1.0)
    chosen = recipe()
    before = {name: p.clone() for name, p in chosen.language.model.named_parameters() if "lora" not in name}

    train(chosen, replace(CONFIG.loop, minutes=0.05), tmp_path, resume=False, say=lambda _: None)

    kept = torch.load(tmp_path / CHECKPOINT, weights_only=True)["module"]
    assert kept
    assert all("lora" in name for name in kept)
    assert all(torch.equal(p, before[name]) for name, p in chosen.language.model.named_parameters() if name in before)


def test_activations_may_be_computed_twice() -> None:
    plain, sparing = recipe(), recipe(checkpointing=True)

    one, two = plain.loss(0), sparing.loss(0)
    two.backward()  # type: ignore[no-untyped-call]

    assert one.item() == pytest.approx(two.item(), abs=1e-4)
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in sparing.module.parameters())


def data(folder: Path) -> Path:
    """Two small sets, one to learn from and one held out."""
    lines = [record(f"Anna{i} lives in Bern", (0, 1, "PER"), (3, 4, "LOC")) for i in range(12)]
    write_set(
        folder, "wikigold", "train", [*lines, record("seen in a test", (0, 1, "PER")), record("odd", (0, 1, "MISC"))]
    )
    write_set(folder, "wikigold", "test", [record("Seen in a TEST")])
    write_set(folder, "uner_ewt", "dev", lines[:6])
    return folder


def test_pools_are_the_sets_of_the_mix(tmp_path: Path) -> None:
    [pool] = source_pools(CONFIG, data(tmp_path), MIX, First)

    assert len(pool.documents) == 13
    assert isinstance(pool.retriever, First)
    assert pool.retriever.documents == pool.documents
    assert "seen in a test" not in [document.text for document in pool.documents]
    assert {span.label for document in pool.documents for span in document.entities or ()} == {"PER", "LOC"}
    [few] = source_pools(replace(CONFIG, documents=5), tmp_path, MIX, None)
    assert (len(few.documents), few.retriever) == (5, None)


def test_held_out_groups_are_measured_by_examples_that_are_not_measured(tmp_path: Path) -> None:
    [(group, retriever)] = held_out_groups(CONFIG, data(tmp_path), MIX, First)

    assert isinstance(retriever, First)
    assert len(group.documents) == len(retriever.documents) == 3
    assert not {document.id for document in group.documents} & {document.id for document in retriever.documents}
    found = Instruction(CONFIG, language(), SOURCE, [(group, retriever)]).measure()
    assert found == {"held_out_f1": found["held_out_f1"], "groups": {"web": found["held_out_f1"]}}
    assert 0 <= found["held_out_f1"] <= 1


def test_a_run_writes_an_adapter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given sets, a base in a folder and a search
    tick(monkeypatch, 1.0)
    monkeypatch.setattr(instruct, "load_mix", lambda: MIX)
    monkeypatch.setattr(instruct, "best_device", lambda: torch.device("cpu"))
    base = save_language(tmp_path / "base")
    config = replace(CONFIG, base=str(base), loop=replace(CONFIG.loop, minutes=0.05))
    said: list[str] = []

    # When a tuning is run, and run again with nothing left to do
    for resume in (False, True):
        folder = instruct.run(config, data(tmp_path / "data"), tmp_path / "run", First, resume=resume, say=said.append)

    # Then there is an adapter, and the log tells what it is worth
    assert (folder / "adapter_model.safetensors").is_file()
    assert [line.startswith("resumed at step 3") for line in said].count(True) == 1
    assert "held_out_f1" in json.loads(said[-1])
    assert load_language_model(str(base)).adopt(folder)
