"""Mentions, types and ratios of the measurement of many types."""

from __future__ import annotations

import pytest

from benchmarks.many_types import SIZES, Timed, example_mentions, many_types, row


def test_there_are_as_many_different_types_as_are_asked_for() -> None:
    tree = many_types(max(SIZES))

    assert len(set(tree.words)) == len(tree.types) == max(SIZES)
    assert tree.types[:10] == many_types(10).types
    with pytest.raises(SystemExit, match="fewer than 100000"):
        many_types(100_000)


def test_mentions_are_those_of_the_examples() -> None:
    found = [mention.text[mention.start : mention.end] for mention in example_mentions()]

    assert len(found) > 200
    assert {"Copper Wrens", "Kornhalle"} <= set(found)


def test_ratios_are_taken_within_a_round() -> None:
    rounds = [
        {size: Timed(vectors=0.5, typing=slow * size, processor=size**2, told=7 * size) for size in SIZES}
        for slow in (1.0, 10.0)
    ]

    found = row(10_000, 100, rounds)

    assert (found["ratio"], found["lowest"], found["highest"]) == ("1000.00",) * 3
    assert found["ratio of processor time"] == "1000000.00"
    assert found["types told of a mention"] == 700
    assert row(10, 100, rounds)["ratio"] == "1.00"
