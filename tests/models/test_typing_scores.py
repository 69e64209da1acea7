"""Scores of types, worked out by hand."""

from __future__ import annotations

import pytest

from models.typing_scores import score_types


def test_scores_are_those_worked_out_by_hand() -> None:
    found = score_types([{"a", "b"}, {"a"}, {"c"}], [{"a"}, {"a"}, {"a", "b"}])
    assert found.accuracy == pytest.approx(1 / 3)
    assert found.micro.precision == pytest.approx(2 / 4)
    assert found.micro.recall == pytest.approx(2 / 4)
    assert found.macro.precision == pytest.approx((1 + 1 + 0) / 3)
    assert found.macro.recall == pytest.approx((1 / 2 + 1 + 0) / 3)
    assert found.macro.f1 == pytest.approx(2 * (2 / 3) * 0.5 / (2 / 3 + 0.5))


def test_mentions_without_types_count_for_neither_side() -> None:
    found = score_types([{"a"}, set()], [set(), {"a"}])
    assert (found.macro.precision, found.macro.recall, found.macro.f1) == (0.0, 0.0, 0.0)
    assert score_types([{"a"}, set()], [{"a"}, set()]).macro.f1 == 1.0
    assert score_types([], []).accuracy == 0.0
