"""An adaptation of a typer: what its receipt says, how its threshold is chosen, and that a killed run goes on."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import numpy as np
import pytest

from models.training import typing_adapting
from models.training.adapting import BETTER, UNKNOWN
from models.training.finetype import GRID, FineTypeConfig
from models.training.typing_adapting import AdaptedTyper, _figures, _Heard, _table, adapt_typer
from models.typer_artifact import untrained_typer
from models.types import Document, Span, TypeScore
from models.typing_hierarchy import tree_of
from models.typing_network import TyperConfig
from models.typing_scores import score_types
from tests.models.typing_sets import FRAMES, PEOPLE, PLACES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from models.encoder import Encoder
    from models.typer import Typer

TREE = tree_of(["/person", "/person/friend", "/place", "/place/city", "/thing"])
LEARNS = FineTypeConfig(steps=150, batch=8, rate=1e-2)
QUICK = FineTypeConfig(steps=4, batch=4, rate=1e-3)


@pytest.fixture(scope="module")
def base(tiny: Encoder) -> Typer:
    return untrained_typer(tiny, TyperConfig(layers=1, heads=2))


def marked(text: str, words: str, *types: str) -> Span:
    start = text.index(words)
    return Span(start=start, end=start + len(words), label="", types=tuple(TypeScore(name=each) for each in types))


def documents(count: int, *, several: bool = False) -> list[Document]:
    """Sentences with a person, who is a friend, and a place, which is a city, and a thing, too, where it is several."""
    rng = random.Random(1)
    found = []
    for i in range(count):
        person, place = rng.choice(PEOPLE), rng.choice(PLACES)
        text = FRAMES[i % 2].format(person, place)
        types = ("/place/city", "/thing") if several else ("/place/city",)
        found.append(
            Document(
                id=str(i), text=text, entities=(marked(text, person, "/person/friend"), marked(text, place, *types))
            )
        )
    return found


def adapted(
    base: Typer,
    folder: Path,
    config: FineTypeConfig,
    given: list[Document],
    watch: Callable[[str, float], None] = lambda *_: None,
) -> AdaptedTyper:
    return adapt_typer(config, base, given, TREE, folder, watch, minutes=5)


def test_a_receipt_says_what_was_learnt_with_intervals(base: Typer, tmp_path: Path) -> None:
    told: list[tuple[str, float]] = []

    made = adapted(base, tmp_path, LEARNS, documents(12), lambda *step: told.append(step))

    receipt = made.receipt
    assert receipt["held_out"] == "3-fold cross-validation over 12 examples, stratified by type"
    assert (receipt["documents"], receipt["examples"], receipt["mentions"], receipt["listed"]) == (12, 12, 24, 5)
    assert receipt["types"] == {
        name: {"mentions": 12} for name in ("/person", "/person/friend", "/place", "/place/city")
    }
    assert receipt["after"]["macro_f1"] > max(0.8, receipt["before"]["macro_f1"])
    assert receipt["after"]["accuracy"] > 0.7
    for figure in ("accuracy", "micro_f1", "macro_f1"):
        for scores in (receipt["before"], receipt["after"]):
            assert scores[f"{figure}_low"] <= scores[figure] <= scores[f"{figure}_high"]
    assert (receipt["verdict"], receipt["single"], receipt["steps"]) == (BETTER, True, 150)
    assert receipt["loss"][-1][0] == 150
    assert receipt["loss"][-1][1] < receipt["loss"][0][1]
    assert {stage for stage, _ in told} == {"judging", "learning"}
    assert [share for stage, share in told if stage == "judging"] == sorted(s for g, s in told if g == "judging")
    assert made.typer.judgement.single


def test_mentions_of_several_types_are_told_several_from_a_threshold_that_was_chosen(
    base: Typer, tmp_path: Path
) -> None:
    made = adapted(base, tmp_path, LEARNS, documents(12, several=True))

    assert not made.receipt["single"]
    assert made.receipt["threshold"] == made.typer.judgement.threshold
    assert made.receipt["threshold"] in GRID
    assert made.receipt["after"]["macro_f1"] > made.receipt["before"]["macro_f1"]


def test_one_document_cannot_be_held_out_and_nothing_is_claimed(base: Typer, tmp_path: Path) -> None:
    receipt = adapted(base, tmp_path, QUICK, documents(1)).receipt

    assert receipt["held_out"] == "one example cannot be held out"
    assert (receipt["verdict"], receipt["documents"], "after" in receipt) == (UNKNOWN, 0, False)


def test_documents_without_mentions_are_held_out_by_nobody(base: Typer, tmp_path: Path) -> None:
    empty = [Document(id=f"x{i}", text="It rained .") for i in range(5)]

    receipt = adapted(base, tmp_path, QUICK, [*empty, *documents(4)]).receipt

    assert (receipt["documents"], receipt["before"]["mentions"]) == (4, 8)


@pytest.mark.parametrize("stage", ["judging", "learning"])
def test_a_killed_run_goes_on_from_its_checkpoint_and_learns_the_same(
    base: Typer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    monkeypatch.setattr(typing_adapting, "CHECKPOINT_MINUTES", 0.0)
    whole = adapted(base, tmp_path / "whole", QUICK, documents(4))
    steps = []

    def dies(at: str, share: float) -> None:
        steps.append((at, share))
        if at == stage and share >= 0.5 and len(steps) < 100:
            raise KeyboardInterrupt

    # Given a run that was killed in the middle
    with pytest.raises(KeyboardInterrupt):
        adapted(base, tmp_path / "killed", QUICK, documents(4), dies)
    done = len(steps)

    # When it is begun again
    again = adapted(base, tmp_path / "killed", QUICK, documents(4), lambda *step: steps.append(step))

    # Then few steps are taken twice, and what comes out is the same
    assert len(steps) - done < 16
    assert len(steps) <= 16 + 1
    assert again.receipt["after"] == whole.receipt["after"]
    for name, tensor in whole.typer.network.state_dict().items():
        assert tensor.equal(again.typer.network.state_dict()[name]), name


def test_figures_are_those_of_the_scorer() -> None:
    heard = [
        _Heard(wanted=[{0, 1}, {2}], before=[{0}, {2, 3}], after={0.5: [{0, 1}, {3}]}),
        _Heard(wanted=[{2, 3}], before=[{2, 3}], after={0.5: [{2}]}),
    ]
    for told in ([each.before for each in heard], [each.after[0.5] for each in heard]):
        found = _figures(_table(heard, told).sum(axis=0))
        score = score_types([types for each in heard for types in each.wanted], [t for each in told for t in each])
        assert np.allclose(found, [score.accuracy, score.micro.f1, score.macro.f1])
