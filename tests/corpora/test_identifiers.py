"""Ids used twice: found exactly, named with their first line, counted in full."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpora import identifiers
from corpora.errors import KEPT_PROBLEMS
from corpora.identifiers import SeenIds
from corpora.problems import Problems

NAMES = st.sampled_from(["a", "A", "b", "a ", "é", "e\u0301", "🎸", "1", "01", "' OR 1"])


def reported(names: list[str]) -> Problems:
    problems = Problems()
    with SeenIds() as seen:
        for number, name in enumerate(names, start=1):
            seen.add(name, number)
        seen.report(problems)
    return problems


@given(st.lists(NAMES, max_size=60))
def test_the_report_is_that_of_a_dictionary(names: list[str]) -> None:
    first: dict[str, int] = {}
    expected = [
        (number, first[name]) for number, name in enumerate(names, start=1) if first.setdefault(name, number) != number
    ]
    problems = reported(names)
    assert problems.total == len(expected)
    assert [(problem.line, int(problem.message.rsplit(" ", 1)[1])) for problem in problems.kept] == expected[
        :KEPT_PROBLEMS
    ]


@pytest.mark.parametrize("batch", [1, 2, 3, 7])
def test_batches_make_no_difference(monkeypatch: pytest.MonkeyPatch, batch: int) -> None:
    # Given batches so small that every id is written apart from its first use
    monkeypatch.setattr(identifiers, "_BATCH", batch)
    # When ids come twice
    problems = reported(["a", "b", "c", "b", "a", "d"])
    # Then the report is the same
    assert [problem.message for problem in problems.kept] == [
        "line 4: id 'b' was used before, on line 2",
        "line 5: id 'a' was used before, on line 1",
    ]


def open_files() -> list[str]:
    return [str(entry.readlink()) for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink()]


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="reads open files from /proc")
def test_ids_spill_to_a_file_that_has_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a cache too small for the ids
    monkeypatch.setattr(identifiers, "_CACHE_KIB", 64)
    before = set(open_files())
    with SeenIds() as seen:
        # When many are held
        for number in range(50_000):
            seen.add(f"document number {number}", number + 1)
        spilled = [name for name in open_files() if name not in before and "etilqs" in name]
    # Then they lie in files already deleted, so that a kill leaves nothing behind
    assert spilled
    assert all(name.endswith("(deleted)") for name in spilled)
