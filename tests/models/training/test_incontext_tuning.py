"""Tuning the compact language model by a user's examples: it learns, goes on after a stop, leaves its base alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch

from models.asking import Ask
from models.compact import CompactGenerator, Reading
from models.incontext import InContextConfig, InContextModel
from models.incontext_lora import load_adapter
from models.states import StateReader
from models.training.incontext_tuning import CompactTuner, TuningConfig
from models.training.loop import losses
from tests.models.building import tiny_tagger
from tests.models.training.clock import tick
from tests.models.training.support_set import PERSON, PLACE, documents

if TYPE_CHECKING:
    from pathlib import Path

    from models.asking import Generator
    from models.encoder import Encoder

CONFIG = TuningConfig(passes=0, least_steps=60, budget=600, rate=2e-2, checkpoint_minutes=0.5)
LABELS = (PERSON, PLACE)


@pytest.fixture(scope="module")
def network() -> InContextModel:
    torch.manual_seed(0)
    return InContextModel(InContextConfig(width=32, layers=1, heads=2, inner=32, positions=32)).eval()


@pytest.fixture(scope="module")
def reader(tiny: Encoder) -> StateReader:
    return StateReader(tiny_tagger(tiny))


def tuner(network: InContextModel, reader: StateReader, tiny: Encoder, config: TuningConfig = CONFIG) -> CompactTuner:
    return CompactTuner(config, network, Reading(), reader, tiny, LABELS)


def answers(generator: Generator) -> list[tuple[object, ...]]:
    asks = [Ask(text=each.text, labels=LABELS, examples=()) for each in documents(4, seed=9)]
    found = {i: answer for batch in generator.answer(asks, budget=500) for i, answer in batch}
    return [getattr(found[i], "spans", ()) for i in range(len(asks))]


def test_it_learns_and_what_it_learnt_is_in_the_adapter(
    network: InContextModel, reader: StateReader, tiny: Encoder, tmp_path: Path
) -> None:
    # Given a model, and its weights as they are
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}

    # When it is tuned by examples
    told: list[float] = []
    tuned = tuner(network, reader, tiny)(documents(30), tmp_path / "learning", told.append)

    # Then the loss fell, the base is what it was, and the adapter alone makes the same model of it again
    curve = losses(tmp_path / "learning")
    assert sum(curve[-10:]) < 0.7 * sum(curve[:10])
    assert (len(curve), told[-1]) == (60, 1.0)
    assert all(torch.equal(tensor, network.state_dict()[name]) for name, tensor in before.items())
    tuned.write(tmp_path / "adapter")
    again = replace_network(tuned.generator, load_adapter(network, tmp_path / "adapter"))
    assert answers(again) == answers(tuned.generator)
    assert answers(tuned.generator) != answers(replace_network(tuned.generator, network))


def replace_network(generator: Generator, network: InContextModel) -> Generator:
    assert isinstance(generator, CompactGenerator)
    return CompactGenerator(generator.reader, network, reading=generator.reading)


def test_a_tuning_that_was_stopped_goes_on_to_the_same_end(
    network: InContextModel,
    reader: StateReader,
    tiny: Encoder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given a tuning of twelve steps that each take half a minute, stopped after seven
    tick(monkeypatch, 30.0)
    config = replace(CONFIG, least_steps=12, checkpoint_minutes=1.0)
    whole = tuner(network, reader, tiny, config)(documents(12), tmp_path / "whole", lambda _: None)

    def stop(share: float) -> None:
        if share > 0.55:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tuner(network, reader, tiny, config)(documents(12), tmp_path / "stopped", stop)

    # When it goes on
    rest = tuner(network, reader, tiny, config)(documents(12), tmp_path / "stopped", lambda _: None)

    # Then it says what the other says
    assert len(losses(tmp_path / "stopped")) == 12
    assert answers(rest.generator) == answers(whole.generator)


def test_a_single_example_without_others_beside_it_can_be_learnt_from(
    network: InContextModel, reader: StateReader, tiny: Encoder, tmp_path: Path
) -> None:
    config = replace(CONFIG, least_steps=2)

    tuner(network, reader, tiny, config)(documents(1), tmp_path / "one", lambda _: None)

    assert len(losses(tmp_path / "one")) == 2


def test_steps_follow_the_examples_within_their_bounds(
    network: InContextModel, reader: StateReader, tiny: Encoder, tmp_path: Path
) -> None:
    config = replace(CONFIG, passes=1, least_steps=2, most_steps=5, budget=200)

    for count, steps in ((2, 2), (40, 5)):
        tuner(network, reader, tiny, config)(documents(count), tmp_path / str(count), lambda _: None)
        assert len(losses(tmp_path / str(count))) == steps
