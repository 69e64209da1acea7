"""The in-context recipe: sets become states, the loss falls, a stopped run goes on, a model is written and read."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import torch

from models import artifact
from models.encoder import load_encoder
from models.incontext import InContextConfig
from models.incontext_artifact import load_model
from models.states import StateReader
from models.training import incontext
from models.training.episodes import EpisodeConfig, Stored
from models.training.incontext import InContextTraining, begun, kept, run
from models.training.loop import LOG, LoopConfig, losses, train
from models.training.sets import HeldOut, Mix
from tests.models.building import record, tiny_tagger, write_set

if TYPE_CHECKING:
    from pathlib import Path

    from models.tagger import Tagger

MIX = Mix(
    files={"wikigold": ("all",)},
    weights={"wikigold": 1.0},
    held_out=(HeldOut(name="web", data_set="uner_ewt", file="dev", labels=None),),
    forbidden=("*/test",),
    familiar=(HeldOut(name="wiki", data_set="uner_ewt", file="train", labels=None),),
)
PEOPLE = ["Anna", "Bo", "Carla", "Dmitri", "Esra", "Finn", "Greta", "Hugo", "Ines", "Jonas"]
PLACES = ["Bern", "Hull", "Oslo", "Porto", "Quito", "Riga", "Seoul", "Turin", "Utrecht", "Vienna"]


def sentences(count: int, seed: int) -> list[dict[str, Any]]:
    rng = random.Random(seed)
    frames = ["{} lives in {} .", "Yesterday {} came to {} by train .", "{} of {} was not there ."]
    found = []
    for i in range(count):
        tokens = frames[i % 3].format(rng.choice(PEOPLE), rng.choice(PLACES)).split()
        spans = [(j, j + 1, "PER" if t in PEOPLE else "LOC") for j, t in enumerate(tokens) if t in {*PEOPLE, *PLACES}]
        found.append(record(" ".join(tokens), *spans))
    return found


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_set(folder, "wikigold", "all", sentences(120, 1))
    write_set(folder, "wikigold", "test", [])
    write_set(folder, "uner_ewt", "dev", sentences(20, 2))
    write_set(folder, "uner_ewt", "train", sentences(10, 3))
    return folder


@pytest.fixture(scope="module")
def base(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base") / "tagger"
    artifact.save(folder, tiny_tagger(load_encoder(str(tiny_folder))), name="base", receipt={})
    return folder


@pytest.fixture(autouse=True)
def small_mix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incontext, "load_mix", lambda: MIX)


def config_of(base: Path, steps: int) -> InContextTraining:
    return InContextTraining(
        loop=LoopConfig(minutes=5, steps=steps, measure_minutes=0, checkpoint_minutes=0),
        tagger=base,
        network=InContextConfig(width=32, layers=2, heads=2, inner=32, positions=64),
        episodes=EpisodeConfig(budget=600, pool=20, removed=0.0, renamed=0.0),
        rate=3e-3,
    )


def test_it_learns_and_writes_a_model_that_loads(data: Path, base: Path, tmp_path: Path) -> None:
    folder = run(config_of(base, 60), data, tmp_path / "run", resume=False, say=lambda _: None)
    found = losses(tmp_path / "run")
    assert sum(found[-10:]) < 0.6 * sum(found[:10])
    network, manifest = load_model(folder, StateReader(artifact.load(base)).fingerprint)
    assert network.config.layers == 2
    assert manifest.receipt["held_out"].keys() == {"examples", "fewer", "bare", "violations"}
    assert all(scores.keys() == {"web", "wiki"} for scores in manifest.receipt["held_out"].values())
    assert manifest.base == "tagger"
    last = json.loads((tmp_path / "run" / LOG).read_text().splitlines()[-1])
    assert last["groups"]["examples"].keys() == {"web"}


def test_a_stopped_run_goes_on_where_it_was(data: Path, base: Path, tmp_path: Path) -> None:
    config = config_of(base, 6)
    run(config, data, tmp_path / "whole", resume=False, say=lambda _: None)
    stopped, steps = tmp_path / "stopped", iter(range(6))

    class Stop(Exception):
        pass

    said: list[str] = []

    def watch(_: float) -> None:
        if next(steps) == 3:
            raise Stop

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(incontext, "train", partial(train, watch=watch))
        with pytest.raises(Stop):
            run(config, data, stopped, resume=True, say=said.append)
    run(config, data, stopped, resume=True, say=said.append)
    assert any(line.startswith("resumed at step") for line in said)
    assert losses(stopped) == pytest.approx(losses(tmp_path / "whole"), rel=1e-3)


def test_states_are_read_once_for_an_encoder(eager: Tagger, shipped: Tagger, tmp_path: Path) -> None:
    made: list[str] = []

    def make() -> dict[str, list[Stored]]:
        made.append("")
        return {"a": [Stored(states=torch.ones(2, 3).half(), spans=((0, 1, "x"),))]}

    first = kept(tmp_path / "states.pt", StateReader(eager), make)
    again = kept(tmp_path / "states.pt", StateReader(eager), make)
    assert len(made) == 1
    assert first["a"][0].spans == again["a"][0].spans
    kept(tmp_path / "states.pt", StateReader(shipped), make)
    assert len(made) == 2


def test_layers_begin_as_the_encoders_last_ones(eager: Tagger) -> None:
    same = InContextConfig(width=32, layers=1, heads=2, inner=64)
    network = begun(same, eager)
    theirs = eager.network.encoder.state_dict()["encoder.layer.0.output.dense.weight"]
    assert torch.equal(network.state_dict()["layers.0.outer.weight"], theirs)
    other = begun(replace(same, inner=32), eager)
    assert other.state_dict()["layers.0.outer.weight"].shape == (32, 32)


def test_a_run_goes_on_from_a_model(data: Path, base: Path, tmp_path: Path) -> None:
    # Given a model of another shape than the recipe's own
    first = run(config_of(base, 8), data, tmp_path / "first", resume=False, say=lambda _: None)
    config = replace(config_of(base, 1), network=InContextConfig(), start=first, rate=1e-9)

    # When a run that learns next to nothing goes on from it
    second = run(config, data, tmp_path / "second", resume=False, say=lambda _: None)

    # Then what it writes is that model again
    fingerprint = StateReader(artifact.load(base)).fingerprint
    (one, _), (other, manifest) = (load_model(folder, fingerprint) for folder in (first, second))
    theirs = other.state_dict()
    assert all(torch.allclose(tensor, theirs[name], atol=1e-5) for name, tensor in one.state_dict().items())
    assert manifest.receipt["config"]["start"] == "model"
