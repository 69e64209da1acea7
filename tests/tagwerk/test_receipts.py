"""The receipt of an adapted tagger in words and rows."""

from __future__ import annotations

from typing import Any

import pytest

from tagwerk.receipts import conclusion, receipt_table, remarks
from tests.tagwerk.test_summary import cells


def score(f1: float) -> dict[str, float]:
    return {"f1": f1, "f1_low": f1 - 0.05, "f1_high": f1 + 0.05}


def receipt(**chosen: Any) -> dict[str, Any]:  # noqa: ANN401 -- any field of a receipt
    """What an adaptation over thirty examples says that made `default` better."""
    usual = {
        "base": "default",
        "examples": 30,
        "steps": 1200,
        "seconds": 75.4,
        "held_out": "3-fold cross-validation over 30 examples, stratified by label",
        "before": score(0.4),
        "after": score(0.6),
        "labels": {
            "band": {"entities": 20, "before": score(0.5), "after": score(0.7)},
            "song": {"entities": 1000, "before": score(0.3), "after": score(0.5)},
        },
        "forgetting": {"before": 0.83, "after": 0.81},
        "verdict": "better",
    }
    return usual | chosen


def result(*, promoted: bool, **chosen: Any) -> dict[str, Any]:  # noqa: ANN401 -- as above
    return {"id": "job_a", "tagger": "music@3", "promoted": promoted, "receipt": receipt(**chosen)}


def test_scores_are_per_cent_with_their_interval() -> None:
    assert cells(receipt_table(receipt())) == [
        ["label", "entities", "before", "after", "90", "%", "interval"],
        ["band", "20", "50.0", "70.0", "65.0-75.0"],
        ["song", "1,000", "30.0", "50.0", "45.0-55.0"],
        ["all", "1,020", "40.0", "60.0", "55.0-65.0"],
    ]


def test_what_was_not_measured_is_left_empty() -> None:
    unknown = receipt(labels={"band": {"entities": 1}})
    for key in ("before", "after"):
        del unknown[key]

    assert cells(receipt_table(unknown))[1:] == [["band", "1"], ["all", "1"]]


def test_how_it_was_measured_and_what_it_took() -> None:
    assert list(remarks(receipt())) == [
        "held out: 3-fold cross-validation over 30 examples, stratified by label",
        "control set: 83.0 before, 81.0 after",
        "30 examples, 1,200 steps, 75 s",
    ]


def test_of_a_language_model_it_is_told_which_and_what_is_doubtful() -> None:
    told = receipt(llm="compact", search={"k": 5}, doubts={"unparsable after": 3}, advice="take a larger one")
    for key in ("steps", "forgetting"):
        del told[key]

    assert list(remarks(told)) == [
        "held out: 3-fold cross-validation over 30 examples, stratified by label",
        "language model: compact; before: without examples, after: with up to 5",
        "30 examples, 75 s",
        "3 held-out answers: unparsable after",
        "take a larger one",
    ]


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (result(promoted=True), "music@3 is promoted: --tagger music stands for it"),
        (
            result(promoted=False, verdict="worse", after=score(0.352)),
            "music@3 is not promoted: it is 4.8 points worse than default on held-out examples; "
            "`tagwerk taggers promote music@3` does so",
        ),
        (
            result(promoted=False, verdict="worse", forgetting={"before": 0.83, "after": 0.7}),
            "music@3 is not promoted: it lost 13.0 points on the control set; "
            "`tagwerk taggers promote music@3` does so",
        ),
        (
            result(promoted=False),
            "music@3 is not promoted: its job was being cancelled; `tagwerk taggers promote music@3` does so",
        ),
    ],
    ids=["better", "worse", "forgot", "cancelled"],
)
def test_whether_it_is_promoted_or_why_not(told: dict[str, Any], words: str) -> None:
    assert conclusion(told) == words


def typed(**chosen: Any) -> dict[str, Any]:  # noqa: ANN401 -- any field of a receipt
    """What an adaptation of a typer says."""
    figures = ("accuracy", "micro_f1", "macro_f1")
    before, after = (
        {f"{name}{end}": of + more for name in figures for end, more in (("", 0.0), ("_low", -0.05), ("_high", 0.05))}
        for of in (0.4, 0.6)
    )
    usual = receipt(before=before, after=after, types={"/person": {"mentions": 9}}, mentions=52, listed=38, single=True)
    for key in ("labels", "forgetting"):
        del usual[key]
    return usual | {"threshold": 0.3} | chosen


def test_a_typer_has_three_figures_and_says_how_it_tells_types() -> None:
    assert cells(receipt_table(typed())) == [
        ["mentions", "with", "their", "types", "before", "after", "90", "%", "interval"],
        ["exactly", "40.0", "60.0", "55.0-65.0"],
        ["micro-F1", "40.0", "60.0", "55.0-65.0"],
        ["macro-F1", "40.0", "60.0", "55.0-65.0"],
    ]
    assert "52 mentions, one narrowest type each; 38 types listed" in list(remarks(typed()))
    assert "52 mentions, several types each, from 0.3 on; 38 types listed" in list(remarks(typed(single=False)))


def test_a_typer_is_named_by_the_commands_that_take_it() -> None:
    made = {"id": "job_a", "tagger": "fine@3", "promoted": True, "receipt": typed()}

    assert conclusion(made) == (
        "fine@3 is promoted: `tagwerk type --tagger fine` and `tagwerk tag --typer fine` stand for it"
    )
    worse = typed(before=typed()["after"], after=typed()["before"], verdict="worse")
    assert conclusion(made | {"promoted": False, "receipt": worse}) == (
        "fine@3 is not promoted: it is 20.0 points worse than default on held-out examples; "
        "`tagwerk taggers promote fine@3` does so"
    )
