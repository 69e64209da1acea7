"""Labels and ratios of the measurement of many labels."""

from __future__ import annotations

import pytest

from benchmarks.many_labels import SIZES, Timed, many_labels, row


def test_there_are_as_many_different_labels_as_are_asked_for() -> None:
    labels = many_labels(max(SIZES))

    assert len({label.name.casefold() for label in labels}) == len(labels) == max(SIZES)
    assert all(label.description for label in labels)
    assert many_labels(7) == labels[:7]


def test_more_than_there_are_is_refused() -> None:
    with pytest.raises(SystemExit, match="fewer than 100000"):
        many_labels(100_000)


def test_ratios_are_taken_within_a_round() -> None:
    # A machine that is ten times slower in the second round changes no ratio.
    rounds = [
        {size: Timed(encoding=0.0, tagging=slow * size, processor=size**2, entities=3) for size in SIZES}
        for slow in (1.0, 10.0)
    ]

    found = row(500, 100, rounds)

    assert (found["ratio"], found["lowest"], found["highest"]) == ("100.00", "100.00", "100.00")
    assert found["ratio of processor time"] == "10000.00"
    assert row(5, 100, rounds)["ratio"] == "1.00"
