"""What the receipt of an extension says: held-out scores with intervals, and the calibration they lead to."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from models.scores import score
from models.tagger import Calibration
from models.training import judging
from models.training.extend import ExtendConfig
from models.training.judging import Judged, calibrated, hold_out, receipt
from models.types import Span
from tests.models.building import tiny_tagger
from tests.models.training.support_set import PERSON, PLACE, documents

if TYPE_CHECKING:
    from pathlib import Path

    from models.encoder import Encoder

LABELS = [PERSON, PLACE]
QUICK = ExtendConfig(passes=0, least_steps=2, budget=256)


def judged(number: int, right: float, score_: float = 0.9) -> Judged:
    """So many documents whose entities were all found after, the first share of them rightly; none before."""
    given = documents(number)
    after = [
        tuple(
            replace(span, score=score_, label=span.label if i < right * number else "person")
            for span in each.entities or ()
        )
        for i, each in enumerate(given)
    ]
    return Judged(how="by hand", documents=tuple(given), before=((),) * number, after=tuple(after))


def test_every_example_judges_a_tagger_that_has_not_seen_it(tiny: Encoder, tmp_path: Path) -> None:
    examples = documents(7)
    told: list[float] = []

    found = hold_out(QUICK, tiny_tagger(tiny), examples, LABELS, tmp_path, told.append)

    assert found is not None
    assert found.how == "3-fold cross-validation over 7 examples, stratified by label"
    assert sorted(each.id for each in found.documents) == sorted(each.id for each in examples)
    assert len(found.before) == len(found.after) == 7
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1.0)


def test_of_many_examples_a_fifth_is_held_out(tiny: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "SPLIT_FROM", 20)

    found = hold_out(QUICK, tiny_tagger(tiny), documents(20), LABELS, tmp_path, lambda _: None)

    assert found is not None
    assert (found.how, len(found.documents)) == ("4 of 20 examples held out, stratified by label", 4)


def test_a_single_example_is_not_judged(tiny: Encoder, tmp_path: Path) -> None:
    assert hold_out(QUICK, tiny_tagger(tiny), documents(1), LABELS, tmp_path, lambda _: None) is None
    assert receipt(None, LABELS, 0.5)["documents"] == 0


def test_scores_are_strict_and_lie_in_their_interval() -> None:
    given = judged(30, right=0.5)

    told = receipt(given, LABELS, 0.5)

    plain = score([each.entities or () for each in given.documents], given.after)
    assert told["after"]["f1"] == pytest.approx(plain.f1)
    assert told["before"]["f1"] == 0
    assert told["after"]["f1_low"] < told["after"]["f1"] < told["after"]["f1_high"]
    assert told["labels"]["place"]["after"]["recall"] == pytest.approx(0.5)
    assert told["labels"]["person"]["after"]["recall"] == 1


def test_more_documents_make_the_interval_narrower() -> None:
    few, many = (receipt(judged(number, right=0.5), LABELS, 0.5)["after"] for number in (10, 160))

    assert many["f1_high"] - many["f1_low"] < few["f1_high"] - few["f1_low"]


def test_spans_under_the_threshold_do_not_count() -> None:
    given = judged(10, right=1.0, score_=0.4)

    assert receipt(given, LABELS, 0.5)["after"]["f1"] == 0
    assert receipt(given, LABELS, 0.3)["after"]["f1"] == 1
    low = [replace(label, threshold=0.3) for label in LABELS]
    assert receipt(given, low, 0.5)["after"]["f1"] == 1


def test_the_temperature_follows_the_truth_as_far_as_there_is_any() -> None:
    # Given scores of 0.9 of which half are right
    few, many = judged(4, right=0.5), judged(2000, right=0.5)

    # When the temperature is chosen
    little, much = (calibrated(Calibration(), given).temperature for given in (few, many))

    # Then scores are made modest, and hardly so by a handful
    assert 1 < little < 1.05
    assert much > 1.5


def test_without_held_out_spans_the_calibration_stays() -> None:
    silent = Judged(how="", documents=tuple(documents(3)), before=((),) * 3, after=((),) * 3)

    assert calibrated(Calibration(), silent) == Calibration()
    assert calibrated(Calibration(), None) == Calibration()


def test_faint_spans_are_no_part_of_the_counts() -> None:
    given = judged(3, right=1.0)
    noise = tuple((*spans, Span(start=0, end=1, label="person", score=0.06)) for spans in given.after)

    assert receipt(replace(given, after=noise), LABELS, 0.5)["after"] == receipt(given, LABELS, 0.5)["after"]
