"""An adaptation as a whole: its stages, its receipt, its verdict, and that it goes on where it was killed."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from models.training.adapting import STAGES, adapt, verdict
from models.training.extend import ExtendConfig
from tests.models.building import tiny_tagger
from tests.models.training.support_set import PERSON, PLACE, documents

if TYPE_CHECKING:
    from pathlib import Path

    from models.encoder import Encoder
    from models.tagger import Tagger

LABELS = [PERSON, replace(PLACE, threshold=0.4)]
QUICK = ExtendConfig(passes=0, least_steps=3, budget=256, dropout=0.0, rehearsal=0.0, checkpoint_minutes=0.0)


class Killed(Exception):
    """The process dies here."""


@pytest.fixture
def base(tiny: Encoder) -> Tagger:
    return tiny_tagger(tiny)


def quiet(_stage: str, _share: float) -> None:
    """Nobody watches."""


def scores(before: float, after: float) -> dict[str, Any]:
    """A held-out receipt of which the verdict looks at two figures."""
    return {"before": {"f1": before}, "after": {"f1": after}}


@pytest.mark.parametrize(
    ("held_out", "forgetting", "expected"),
    [
        (scores(0.4, 0.5), {"before": 0.8, "after": 0.75}, "better"),
        (scores(0.5, 0.4), {"before": 0.8, "after": 0.8}, "worse"),
        (scores(0.5, 0.5), {"before": 0.8, "after": 0.9}, "unknown"),
        ({"documents": 0}, {"before": 0.8, "after": 0.8}, "unknown"),
        (scores(0.4, 0.45), {"before": 0.8, "after": 0.69}, "worse"),
        (scores(0.4, 0.9), {"before": 0.8, "after": 0.69}, "better"),
        ({"documents": 0}, {"before": 0.8, "after": 0.69}, "worse"),
        (scores(0.4, 0.5), {"before": 0.8, "after": 0.705}, "better"),
    ],
)
def test_the_verdict(held_out: dict[str, Any], forgetting: dict[str, Any], expected: str) -> None:
    assert verdict(held_out, forgetting) == expected


def test_the_receipt_says_all_there_is_to_know(base: Tagger, tmp_path: Path) -> None:
    examples = documents(7)

    receipt = adapt(QUICK, base, examples, LABELS, tmp_path, quiet).receipt

    assert json.loads(json.dumps(receipt, allow_nan=False)) == receipt
    assert (receipt["examples"], receipt["documents"], receipt["steps"]) == (7, 7, 3)
    assert receipt["held_out"].startswith("3-fold cross-validation")
    assert receipt["config"]["least_steps"] == 3
    assert receipt["encoder"] == base.encoder.name
    assert receipt["forgetting"].keys() == {"documents", "entities", "before", "after"}
    assert receipt["verdict"] in ("better", "worse", "unknown")
    assert receipt["seconds"] > 0
    place = receipt["labels"]["place"]
    assert (place["description"], place["threshold"], place["entities"]) == (PLACE.description, 0.4, 7)
    assert {"f1", "f1_low", "f1_high", "precision", "recall", "gold"} == place["after"].keys() == place["before"].keys()


def test_of_a_single_example_nothing_is_estimated(base: Tagger, tmp_path: Path) -> None:
    receipt = adapt(QUICK, base, documents(1), LABELS, tmp_path, quiet).receipt

    assert receipt["held_out"] == "nothing: there is one example"
    assert "after" not in receipt
    assert receipt["labels"]["person"]["entities"] == 1


def test_stages_follow_each_other_and_shares_rise(base: Tagger, tmp_path: Path) -> None:
    told: list[tuple[str, float]] = []

    adapt(QUICK, base, documents(5), LABELS, tmp_path, lambda stage, share: told.append((stage, share)))

    assert list(dict.fromkeys(stage for stage, _ in told)) == list(STAGES)
    for stage in STAGES:
        shares = [share for each, share in told if each == stage]
        assert shares == sorted(shares)
        assert all(0 <= share <= 1 for share in shares)


@pytest.mark.parametrize("at", STAGES)
def test_what_was_done_before_a_kill_is_not_done_again(base: Tagger, tmp_path: Path, at: str) -> None:
    # Given an adaptation that runs through, and one that is killed in one of its stages
    whole = adapt(QUICK, base, documents(5), LABELS, tmp_path / "whole", quiet)

    def die(stage: str, share: float) -> None:
        if stage == at and share in (0.0, 1.0):
            raise Killed

    with pytest.raises(Killed):
        adapt(QUICK, base, documents(5), LABELS, tmp_path / "killed", die)

    # When it is run again
    told: list[str] = []
    again = adapt(QUICK, base, documents(5), LABELS, tmp_path / "killed", lambda stage, _: told.append(stage))

    # Then at most the step that it died in is taken again, and both come to the same
    done_before = STAGES[: STAGES.index(at)]
    assert all(stage not in told for stage in done_before)
    assert told.count(at) <= 1
    timeless = {"seconds": 0}
    assert again.receipt | timeless == whole.receipt | timeless


def test_the_time_of_all_runs_counts(base: Tagger, tmp_path: Path) -> None:
    (tmp_path / "seconds").write_text("1000.5")

    receipt = adapt(QUICK, base, documents(2), LABELS, tmp_path, quiet).receipt

    assert 1000.5 < receipt["seconds"] < 1100
