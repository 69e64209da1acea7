"""Few examples teach a typer its user's types, and leave the one it began from as it was."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch

from models.errors import BadTrainingData
from models.training.finetype import Example, FineTypeConfig, evaluate, finetype
from models.typer_artifact import untrained_typer
from models.typing_hierarchy import tree_of
from models.typing_network import TyperConfig
from tests.models.typing_sets import FRAMES, PEOPLE, PLACES, mention

if TYPE_CHECKING:
    from pathlib import Path

    from models.encoder import Encoder
    from models.typer import Typer

TREE = tree_of(["/person", "/person/friend", "/place", "/place/city"])


@pytest.fixture(scope="module")
def base(tiny: Encoder) -> Typer:
    return untrained_typer(tiny, TyperConfig(layers=1, heads=2))


def examples(count: int, seed: int) -> list[Example]:
    rng = random.Random(seed)
    found = []
    for i in range(count):
        person, place = rng.choice(PEOPLE), rng.choice(PLACES)
        text = FRAMES[i % 2].format(person, place)
        found.append(Example(mention=mention(text, person), types=("/person/friend",)))
        found.append(Example(mention=mention(text, place), types=("/place", "/place/city")))
    return found


@pytest.mark.parametrize("single", [True, False])
def test_it_learns_types_from_few_examples(base: Typer, tmp_path: Path, single: bool) -> None:
    before = {name: tensor.clone() for name, tensor in base.network.state_dict().items()}
    config = FineTypeConfig(steps=60 if single else 150, batch=8, rate=1e-2, single=single, look=20, blend=1.0)
    config = replace(config, objective="softmax" if single else "bce")
    asked = examples(10, 2)
    learnt = finetype(config, base, examples(10, 1), TREE, tmp_path, choose_by=examples(4, 3))
    found = evaluate(learnt, asked, TREE)
    assert found.accuracy > max(0.7, evaluate(base, asked, TREE).accuracy)
    assert found.macro.f1 > 0.8
    assert learnt.judgement.single == single
    assert all(before[name].equal(tensor) for name, tensor in base.network.state_dict().items())


def test_the_same_examples_teach_the_same(base: Typer, tmp_path: Path) -> None:
    config = FineTypeConfig(steps=3, batch=4, rate=1e-3)
    one, other = (finetype(config, base, examples(4, 1), TREE, tmp_path / name) for name in "ab")
    assert all(tensor.equal(other.network.state_dict()[name]) for name, tensor in one.network.state_dict().items())


def test_a_share_of_what_it_began_with_is_kept(base: Typer, tmp_path: Path) -> None:
    config = FineTypeConfig(steps=3, batch=4, rate=1e-3, blend=1.0)
    whole = finetype(config, base, examples(4, 1), TREE, tmp_path / "a").network.state_dict()
    part = finetype(replace(config, blend=0.25), base, examples(4, 1), TREE, tmp_path / "b").network.state_dict()
    for name, began in base.network.state_dict().items():
        torch.testing.assert_close(part[name], 0.75 * began + 0.25 * whole[name])
    assert not torch.equal(part["transform.dense.weight"], whole["transform.dense.weight"])


def test_unknown_types_and_no_examples_are_refused(base: Typer, tmp_path: Path) -> None:
    odd = Example(mention=mention("Bo slept.", "Bo"), types=("/robot",))
    with pytest.raises(BadTrainingData, match="'/robot', which is not among the types"):
        finetype(FineTypeConfig(), base, [odd], TREE, tmp_path)
    with pytest.raises(BadTrainingData, match="no example"):
        finetype(FineTypeConfig(), base, [], TREE, tmp_path)
