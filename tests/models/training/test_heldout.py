"""Held-out scores: groups as data, the best threshold, and a calibration that puts it where scores are true."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import pytest

from models.tagger import Calibration, Tagger
from models.training.heldout import (
    FLAGGED,
    GRID,
    MARGINS,
    TEMPERATURES,
    Group,
    calibrate,
    evaluate,
    load_familiar,
    load_groups,
    spans_of,
)
from models.training.sets import HeldOut, Mix
from models.types import Document, Label, Prediction, Span
from models.verbalise import verbalisations
from tests.models.building import PERSON, PLACE, record, scripted, tiny_tagger, write_set

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from models.encoder import Encoder


class Oracle:
    """A tagger that gives each text's first word a known score, read through its calibration."""

    def __init__(self, scores: dict[str, float], calibration: Calibration | None = None) -> None:
        self.scores = scores
        self.calibration = calibration or Calibration()

    def recalibrated(self, calibration: Calibration) -> Oracle:
        return Oracle(self.scores, calibration)

    def predict(self, texts: Sequence[str], labels: Sequence[Label]) -> list[Prediction]:
        return [self._prediction(text, labels[0]) for text in texts]

    def _prediction(self, text: str, label: Label) -> Prediction:
        odds = math.log(self.scores[text] / (1 - self.scores[text]))
        read = 1 / (1 + math.exp(-(odds + self.calibration.shift) / self.calibration.temperature))
        span = Span(start=0, end=text.index(" "), label=label.name, score=round(read, 4))
        return Prediction(spans=(span,) if read >= (label.threshold or 0) else ())


def group(scores: dict[str, float], right: set[str], name: str = "people") -> Group:
    """A group in which the first word of the texts in `right` is a person, and nothing else is anything."""
    documents = []
    for text in scores:
        entities = (Span(start=0, end=text.index(" "), label="person"),) if text in right else ()
        documents.append(Document(id=text, text=text, entities=entities))
    return Group(name=name, labels=(PERSON,), documents=tuple(documents))


#: Right from 0.3 on, wrong up to 0.2: the best threshold of the grid is 0.25.
SCORES = {f"w{i} x": round(0.03 + i * 0.01, 2) for i in range(18)} | {f"r{i} x": 0.3 + i * 0.05 for i in range(8)}
RIGHT = {text for text in SCORES if text.startswith("r")}


def as_tagger(oracle: Oracle) -> Tagger:
    return cast("Tagger", oracle)


def test_the_best_threshold_is_found() -> None:
    found = evaluate(as_tagger(Oracle(SCORES)), [group(SCORES, RIGHT)])

    assert (found.f1, found.groups) == (1.0, {"people": 1.0})
    assert 0.2 < found.threshold <= 0.3


def test_groups_count_alike_whatever_their_size() -> None:
    # Given a small group that is all found and one ten times its size with one in ten found
    small = group({"a x": 0.9}, {"a x"}, "small")
    texts = {f"b{i} x": 0.9 if i == 0 else 0.001 for i in range(10)}
    large = group(texts, set(texts), "large")

    # When both are measured
    found = evaluate(as_tagger(Oracle({"a x": 0.9} | texts)), [small, large])

    # Then the figure is the mean of theirs
    assert found.groups == {"small": 1.0, "large": pytest.approx(2 / 11)}
    assert found.f1 == pytest.approx((1 + 2 / 11) / 2)


def test_one_threshold_serves_all_groups() -> None:
    low, high = {"a x": 0.1, "b x": 0.04}, {"c x": 0.6, "d x": 0.5}
    groups = [group(low, {"a x"}, "low"), group(high, {"c x"}, "high")]

    found = evaluate(as_tagger(Oracle(low | high)), groups)

    expected = {t: (score_at(low, "a x", t) + score_at(high, "c x", t)) / 2 for t in GRID}
    assert found.f1 == pytest.approx(max(expected.values()))
    assert expected[found.threshold] == max(expected.values())


def score_at(scores: dict[str, float], right: str, threshold: float) -> float:
    said = [text for text, value in scores.items() if value >= threshold]
    return 2 * (right in said) / (len(said) + 1)


def test_calibration_loses_nothing() -> None:
    # Given a tagger whose scores are right but low
    groups = [group(SCORES, RIGHT)]

    # When it is calibrated
    chosen = calibrate(as_tagger(Oracle(SCORES)), groups)

    # Then its threshold still tells right from wrong
    again = as_tagger(Oracle(SCORES, chosen))
    assert chosen.threshold in GRID
    assert evaluate(again, groups).f1 == 1.0
    assert [len(spans) for spans in at_threshold(again, groups[0], chosen.threshold)] == [
        int(document.id in RIGHT) for document in groups[0].documents
    ]


@pytest.mark.parametrize(("shift", "temperature"), [(1.0, 2.0), (-1.0, 1.0), (2.0, 1.4), (0.0, 0.7)])
def test_calibration_undoes_what_bent_the_scores(shift: float, temperature: float) -> None:
    # Given spans of which as many are right as a chance says, and scores that are that chance, bent
    scores: dict[str, float] = {}
    right: set[str] = set()
    for tenth in range(1, 10):
        bent = math.log(tenth / (10 - tenth)) * temperature - shift
        for number in range(10):
            text = f"{tenth}-{number} x"
            scores[text] = 1 / (1 + math.exp(-bent))
            right |= {text} if number < tenth else set()

    # When the tagger is calibrated
    chosen = calibrate(as_tagger(Oracle(scores)), [group(scores, right)])

    # Then the scores are those chances again
    assert (chosen.shift, chosen.temperature) == pytest.approx((shift, temperature))


def at_threshold(tagger: Tagger, chosen: Group, threshold: float) -> list[list[Span]]:
    return [[span for span in spans if span.score >= threshold] for spans in spans_of(tagger, chosen)]


def test_calibration_sharpens_scores_that_are_always_right_and_flattens_those_that_are_not() -> None:
    # Given one tagger that is sure for good reason, and one whose surest spans are right by chance
    sure = {f"{i} x": 0.7 for i in range(20)}
    unsure = {f"{i} x": 0.97 for i in range(20)}
    half = {text for i, text in enumerate(unsure) if i % 2}

    temperatures = [
        calibrate(as_tagger(Oracle(scores)), [group(scores, right)]).temperature
        for scores, right in ((sure, set(sure)), (unsure, half))
    ]

    assert temperatures == [min(TEMPERATURES), max(TEMPERATURES)]


def flagged(tagger: Tagger, groups: Sequence[Group], calibration: Calibration) -> float:
    """Share of the documents that hold a span nearer to the threshold than the margin."""
    near = [
        any(abs(span.score - calibration.threshold) < calibration.margin for span in spans)
        for group in groups
        for spans in spans_of(tagger, group)
    ]
    return sum(near) / len(near)


@pytest.mark.parametrize("spread", [0.002, 0.02, 0.03])
def test_the_margin_is_the_widest_that_flags_few_enough_documents(spread: float) -> None:
    # Given scores that lie more or less close together, the upper half right
    scores = {f"w{i:02d} x": 0.2 + i * spread for i in range(20)}
    groups = [group(scores, {f"w{i:02d} x" for i in range(10, 20)})]

    # When the tagger is calibrated
    chosen = calibrate(as_tagger(Oracle(scores)), groups)

    # Then the next wider margin would flag too many, and this one does not unless it is the least
    tagger = as_tagger(Oracle(scores, chosen))
    assert flagged(tagger, groups, chosen) <= FLAGGED or chosen.margin == MARGINS[0]
    wider = [margin for margin in MARGINS if margin > chosen.margin][:1]
    assert all(flagged(tagger, groups, replace(chosen, margin=margin)) > FLAGGED for margin in wider)


def test_groups_are_read_with_plain_names(tmp_path: Path) -> None:
    # Given a mix that holds out one type of a set and another set whole
    write_set(tmp_path, "wikigold", "dev", [record("Anna lives in Bern .", (0, 1, "PER"), (3, 4, "LOC"))])
    write_set(tmp_path, "uner_ewt", "dev", [record(f"Bo{i} sings .", (0, 1, "PER")) for i in range(9)])
    held_out = (
        HeldOut(name="places", data_set="wikigold", file="dev", labels=frozenset({"LOC"})),
        HeldOut(name="web", data_set="uner_ewt", file="dev", labels=None),
    )

    # When the groups are read
    mix = Mix(files={}, weights={}, held_out=held_out, forbidden=(), familiar=held_out[1:])
    places, web = load_groups(tmp_path, mix, limit=4)

    # Then labels and gold speak as a user would
    wording = verbalisations("wikigold")["LOC"]
    assert places.labels == (Label(name=wording.names[0], description=wording.short),)
    [document] = places.documents
    assert document.entities == (Span(start=14, end=18, label=wording.names[0]),)
    assert len(web.labels) == len(verbalisations("uner_ewt"))
    assert len(web.documents) == 4
    assert load_familiar(tmp_path, mix, limit=4) == [web]


def test_a_real_tagger_is_asked_at_the_lowest_threshold(tiny: Encoder) -> None:
    # Given a network that says 0.1 of a wrong span, 0.4 of a right one, and less than is asked of a third
    script = {(0, 0): [0.4], (1, 1): [0.1], (2, 2): [GRID[0] / 2]}
    tagger = scripted(tiny, script, threshold=0.9)
    labels = (replace(PERSON, threshold=0.99),)
    document = Document(id="1", text="Ann saw Bo", entities=(Span(start=0, end=3, label="person"),))
    chosen = Group(name="people", labels=labels, documents=(document,))

    # When it is measured
    found = evaluate(tagger, [chosen])

    # Then its own threshold does not count, and the best one lies between
    assert [[span.score for span in spans] for spans in spans_of(tagger, chosen)] == [[0.4, 0.1]]
    assert found.f1 == 1.0
    assert 0.1 < found.threshold <= 0.4


def test_an_untrained_tagger_is_measured_and_calibrated(tiny: Encoder) -> None:
    documents = (Document(id="1", text="Ann saw Bern", entities=(Span(start=0, end=3, label="person"),)),)
    chosen = Group(name="people", labels=(PERSON, PLACE), documents=documents)

    found = calibrate(tiny_tagger(tiny, eager=-4.0), [chosen])

    assert found.threshold in GRID
    assert math.isfinite(found.shift)
