"""The recipes of the typer: losses fall, objectives switch, a stopped run goes on, a typer is written and read."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest
import torch

from models.training import typer as recipes
from models.training.loop import LOG, LoopConfig, losses, train
from models.training.sets import HeldOut, Mix, load_mix
from models.training.typer import BEST, TypeLearning, TyperTraining, run
from models.training.ultrafine import build
from models.typer_artifact import load_typer, untrained_typer
from models.typing_network import TyperConfig
from tests.models.building import write_set
from tests.models.typing_sets import sentences

if TYPE_CHECKING:
    from pathlib import Path

    from models.encoder import Encoder

MIX = Mix(
    files={"wikigold": ("all",)},
    weights={"wikigold": 1.0},
    held_out=(HeldOut(name="web", data_set="uner_ewt", file="dev", labels=None),),
    forbidden=("*/test",),
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_set(folder, "wikigold", "all", sentences(150, 1))
    write_set(folder, "wikigold", "test", [])
    write_set(folder, "uner_ewt", "dev", sentences(20, 2))
    return folder


@pytest.fixture(autouse=True)
def small_mix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipes, "broad_mix", lambda: MIX)


def config_of(base: Path, steps: int) -> TyperTraining:
    return TyperTraining(
        loop=LoopConfig(minutes=5, steps=steps, measure_minutes=0, checkpoint_minutes=0),
        base=str(base),
        network=TyperConfig(layers=1, heads=2),
        words=0.5,
        batch=8,
        types=64,
        rate=5e-3,
        nwp_every=2,
    )


def test_it_learns_and_writes_a_typer_that_loads(data: Path, tiny_folder: Path, tmp_path: Path) -> None:
    folder = run(config_of(tiny_folder, 40), data, tmp_path / "run", resume=False, say=lambda _: None)
    for stage in ("words", "types"):
        found = losses(tmp_path / "run" / stage)
        assert sum(found[-5:]) < 0.99 * sum(found[:5]), stage
    typer = load_typer(folder)
    receipt = json.loads((folder / "tagger.json").read_text())["receipt"]
    assert receipt["broad set"]["types"] > 20
    assert receipt["sets"] == ["wikigold"]
    assert receipt["held_out"]["groups"].keys() == {"web"}
    assert typer.judgement.threshold == receipt["held_out"]["threshold"]
    last = json.loads((tmp_path / "run" / "types" / LOG).read_text().splitlines()[-1])
    assert last["held_out_f1"] > 0


def test_a_stopped_run_goes_on_where_it_was(data: Path, tiny_folder: Path, tmp_path: Path) -> None:
    config = config_of(tiny_folder, 8)
    run(config, data, tmp_path / "whole", resume=False, say=lambda _: None)
    stopped, steps = tmp_path / "stopped", iter(range(8))
    said: list[str] = []

    class Stop(Exception):
        pass

    def watch(_: float) -> None:
        if next(steps) == 5:
            raise Stop

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(recipes, "train", partial(train, watch=watch))
        with pytest.raises(Stop):
            run(config, data, stopped, resume=True, say=said.append)
    run(config, data, stopped, resume=True, say=said.append)
    assert any(line.startswith("resumed at step") for line in said)
    for stage in ("words", "types"):
        assert losses(stopped / stage) == pytest.approx(losses(tmp_path / "whole" / stage), rel=1e-3)


@pytest.mark.parametrize("off", ["mlm", "nwp"])
def test_each_further_objective_can_be_switched_off(
    data: Path, tiny_folder: Path, tiny: Encoder, tmp_path: Path, off: str
) -> None:
    broad = build(data, MIX, lambda _: None)
    weights = {"mlm": 0.1, "nwp": 0.1} | {off: 0.0}
    config = replace(config_of(tiny_folder, 1), mlm=weights["mlm"], nwp=weights["nwp"])
    recipe = TypeLearning(config, untrained_typer(tiny, config.network), broad, [], tmp_path)
    recipe.loss(0).backward()  # type: ignore[no-untyped-call]
    alone = recipe.module.neighbour.dense.weight.grad
    assert (alone is None) == (off == "nwp")
    # Step 1 asks for no neighbours; the bias of the decoder learns from masked words alone.
    recipe.module.zero_grad()
    recipe.loss(1).backward()  # type: ignore[no-untyped-call]
    assert (recipe.module.bias.grad is None) == (off == "mlm")


def test_the_best_weights_are_kept(data: Path, tiny_folder: Path, tiny: Encoder, tmp_path: Path) -> None:
    broad = build(data, MIX, lambda _: None)
    config = config_of(tiny_folder, 1)
    recipe = TypeLearning(config, untrained_typer(tiny, config.network), broad, [], tmp_path)
    with torch.no_grad():
        recipe.module.offset.fill_(0.0)  # tells some types of everything
    first = recipe.measure()
    kept = recipe.module.offset.item()
    with torch.no_grad():
        recipe.module.offset.fill_(-60.0)  # tells nothing of anything
    assert recipe.measure()["held_out_f1"] < first["held_out_f1"]
    assert recipe.best()["threshold"] == first["threshold"]
    assert recipe.module.offset.item() == kept
    assert (tmp_path / BEST).is_file()


def test_held_out_types_of_the_mix_stay_hidden() -> None:
    from models.training.ultrafine import broad_mix

    joined = broad_mix()
    assert joined.files["litbank"] == ("train",)
    assert joined.hidden("fewnerd_inter") == load_mix().hidden("fewnerd_inter") != frozenset()
