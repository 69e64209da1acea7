"""Gathering complaints: the first by line whatever the order they come in, all counted, memory bounded."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from corpora.errors import KEPT_PROBLEMS, Problem
from corpora.problems import Problems


def complaint(line: int | None) -> Problem:
    return Problem.at(line, "bad_json", "no")


@given(st.lists(st.integers(1, 1000), max_size=60))
def test_the_first_by_line_are_kept_and_all_counted(lines: list[int]) -> None:
    problems = Problems()
    for line in lines:
        problems.add(complaint(line))
    assert [problem.line for problem in problems.kept] == sorted(lines)[:KEPT_PROBLEMS]
    assert problems.total == len(lines)
    assert bool(problems) == bool(lines)


def test_a_complaint_about_the_file_comes_last() -> None:
    problems = Problems()
    problems.add(complaint(None))
    problems.extend([complaint(9)], total=5)
    assert [problem.line for problem in problems.kept] == [9, None]
    assert problems.total == 6
