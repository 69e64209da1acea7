"""The typer: several types a mention, closed under what is broader, at a cost that hardly grows with the types."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
import torch

from models.mentions import Mention
from models.typer import Judgement, Typer, chosen
from models.typer_artifact import untrained_typer
from models.typing_hierarchy import tree_of
from models.typing_network import TyperConfig
from tests.models.typing_sets import mention

if TYPE_CHECKING:
    from models.encoder import Encoder

TREE = tree_of(["/person", "/person/artist", "/person/artist/singer", "/place", "/place/city"])
TEXTS = ["Nina Simone sang in Ulm.", "It rained in Ulm all day long, said the mayor of the town, and then it snowed."]


@pytest.fixture(scope="module")
def typer(tiny: Encoder) -> Typer:
    return untrained_typer(tiny, TyperConfig(layers=1, heads=2))


def test_what_is_above_the_threshold_is_told_with_what_is_broader() -> None:
    logits = torch.tensor([[-3.0, -4.0, 2.0, 0.5, -5.0], [-9.0, -8.0, -7.0, -9.0, -9.0]])
    first, second = chosen(logits, Judgement(threshold=0.6), TREE)
    assert [i for i, _ in first] == [0, 1, 2, 3]
    assert {round(score, 4) for i, score in first if i < 3} == {0.8808}
    # Nothing is above the threshold: the best one is told all the same.
    assert [i for i, _ in second] == [0, 1, 2]


def test_a_single_type_is_the_best_one() -> None:
    logits = torch.tensor([[1.0, -4.0, 2.0, 3.0, -5.0]])
    assert [i for i, _ in chosen(logits, Judgement(single=True), TREE)[0]] == [3]


def test_mentions_are_told_in_their_order_whatever_the_batches(typer: Typer) -> None:
    mentions = [mention(TEXTS[0], "Nina Simone"), mention(TEXTS[1], "the mayor"), mention(TEXTS[0], "Ulm")]
    whole = typer.tell(mentions, TREE)
    for one, told in zip(mentions, whole, strict=True):
        [alone] = typer.tell([one], TREE, budget=1)
        assert [each.name for each in alone] == [each.name for each in told]
        assert [each.score for each in alone] == pytest.approx([each.score for each in told], abs=1e-4)
    assert typer.tell([], TREE) == []


def test_any_words_can_be_types_and_their_vectors_are_made_once(typer: Typer, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["opera singer", "", "  ", "😀", "opera singer"]
    first = typer.vectors(words)
    assert torch.equal(first[0], first[4])
    assert first.isfinite().all()
    monkeypatch.setattr(typer.network, "types", None)
    assert torch.equal(typer.vectors(words), first)


def test_a_thousand_times_the_types_hardly_cost_more(packaged: Encoder) -> None:
    typer = untrained_typer(packaged)
    text = " ".join(TEXTS)
    mentions = [Mention(text=text, start=0, end=11)] * 96
    few, many = tree_of([f"kind {i}" for i in range(10)]), tree_of([f"kind {i}" for i in range(10_000)])
    taken = {}
    for tree in (few, many, few, many):
        began = time.process_time()
        typer.tell(mentions, tree)
        taken[len(tree.types)] = time.process_time() - began  # the second time, vectors are there
    assert taken[10_000] < 1.5 * taken[10]
