"""Few-shot CrossNER: support sets, the cells of a budget, and what becomes of their figures."""

from __future__ import annotations

import argparse
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.few_shot import Cell, cells, drawn, table
from models.types import Document, Span

if TYPE_CHECKING:
    from collections.abc import Sequence

LABELS = ("band", "song", "award")


def document(labels: Sequence[str]) -> Document:
    spans = tuple(Span(start=i, end=i + 1, label=label) for i, label in enumerate(labels))
    return Document(id="-".join(labels), text="x" * len(labels), entities=spans)


@given(
    labels=st.lists(st.lists(st.sampled_from(LABELS), max_size=4), min_size=1, max_size=40),
    shots=st.integers(1, 5),
    seed=st.integers(0, 50),
)
def test_every_label_has_k_examples_or_all_there_are(labels: list[list[str]], shots: int, seed: int) -> None:
    pool = [document(each) for each in labels]

    support = drawn(pool, shots, seed)

    there, taken = (Counter(s.label for d in documents for s in d.entities or ()) for documents in (pool, support))
    assert all(taken[label] >= min(shots, there[label]) for label in LABELS)
    assert all(each.entities for each in support)
    assert support == drawn(pool, shots, seed)


def options(**values: str | int) -> argparse.Namespace:
    usual = {"budget": "small", "shots": "1,all", "misc": "both", "domains": "ai,music", "methods": "extension"}
    return argparse.Namespace(**(usual | {"draws": None} | values))


def test_a_budget_says_how_often_each_support_set_is_drawn() -> None:
    small = cells(options())

    assert len({cell.key for cell in small}) == len(small) == (2 + 1) * 2 * 2
    assert len(cells(options(budget="full", shots="5", misc="with"))) == 5 * 2
    assert len(cells(options(draws="3", shots="5,all", misc="with"))) == (3 + 1) * 2
    assert len(cells(options(draws="5,2", shots="1,5", misc="with"))) == (5 + 2) * 2


def test_methods_learn_from_the_same_support_sets() -> None:
    found = cells(options(methods="extension,both", shots="1"))

    by_method = {name: [cell.drawn for cell in found if cell.method == name] for name in ("extension", "both")}
    assert by_method["extension"] == by_method["both"]
    assert len(by_method["both"]) == 2 * 2 * 2


def test_gains_are_over_plain_extension_from_the_same_support_set() -> None:
    figures = {"extension": (50.0, 10.0), "both": (53.0, 15.0)}
    found = [
        (Cell(domain=domain, shots="1", misc=False, draw=draw, method=method), result(f1 + more * (method == "both")))
        for method, values in figures.items()
        for domain, more in (("ai", 0.0), ("conll2003", 2.0))
        for draw, f1 in enumerate(values)
    ]

    rows = {(each["method"], each["domain"]): each for each in table(found)}

    assert rows["extension", "ai"]["gain"] == 0
    assert rows["both", "ai"]["gain"] == 4.0
    assert rows["both", "ai"]["gain's deviation"] == pytest.approx(2**0.5)
    # The average is over the domains of CrossNER alone.
    assert rows["both", "average"]["gain"] == 4.0
    assert rows["both", "average"]["F1"] == 34.0
    assert (rows["both", "average of all sets"]["gain"], rows["both", "average of all sets"]["F1"]) == (5.0, 35.0)
    assert table([each for each in found if each[0].method == "both"])[0]["gain"] is None


def result(f1: float, held_out: float | None = None) -> dict[str, Any]:
    return {"F1": f1, "held out": held_out, "sentences": 10.0, "seconds": 1.0}


def test_means_and_deviations_are_over_draws_and_the_average_over_domains() -> None:
    figures = {"ai": (10.0, 20.0), "music": (50.0, 70.0)}
    found = [
        (Cell(domain=domain, shots="5", misc=False, draw=draw), result(f1))
        for domain, values in figures.items()
        for draw, f1 in enumerate(values)
    ]

    ai, music, average = table(found)

    assert (ai["F1"], music["F1"], average["F1"]) == (15.0, 60.0, 37.5)
    assert ai["deviation"] == pytest.approx(50**0.5)
    assert average["deviation"] == pytest.approx(112.5**0.5)  # of 30 and 45, the draws' own averages
    assert (average["draws"], average["held out"], average["LST-NER"]) == (2, None, None)


def test_the_receipts_distance_is_averaged_without_its_sign_and_peers_stand_beside_misc() -> None:
    found = [
        (Cell(domain=domain, shots="all", misc=misc, draw=0), result(60.0, held_out))
        for misc in (False, True)
        for domain, held_out in (("ai", 56.0), ("music", 62.0))
    ]

    *_, plain, _, _, having = table(found)

    assert (plain["misc"], plain["held out"], plain["apart"], plain["deviation"]) == ("without", 59.0, 3.0, None)
    assert plain["LST-NER"] is None
    assert having["IF-WRANER"] == pytest.approx((68.81 + 85.43) / 2)
