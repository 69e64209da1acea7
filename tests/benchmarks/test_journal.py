"""The journal: what was measured is not measured again, and nothing else is believed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.journal import Journal

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = {"tagger": "abc", "limit": None, "config": {"steps": 3}}


def never() -> dict[str, float]:
    raise AssertionError("measured again")


def test_a_later_run_finds_what_an_earlier_one_measured(tmp_path: Path) -> None:
    path = tmp_path / "work" / "journal.jsonl"
    Journal(path, SETTINGS).once("ai/1", lambda: {"F1": 41.5})

    again = Journal(path, dict(SETTINGS))

    assert again.once("ai/1", never) == {"F1": 41.5}
    assert again.once("ai/2", lambda: {"F1": 2.0}) == {"F1": 2.0}


def test_other_settings_find_nothing_and_destroy_nothing(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    Journal(path, SETTINGS).once("ai/1", lambda: {"F1": 1.0})

    assert Journal(path, SETTINGS | {"limit": 5}).once("ai/1", lambda: {"F1": 2.0}) == {"F1": 2.0}
    assert Journal(path, SETTINGS).once("ai/1", never) == {"F1": 1.0}


def test_a_measurement_that_fails_leaves_no_result(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with pytest.raises(AssertionError):
        Journal(path, SETTINGS).once("ai/1", never)

    assert Journal(path, SETTINGS).once("ai/1", lambda: {"F1": 3.0}) == {"F1": 3.0}


def test_a_torn_last_line_is_measured_again(tmp_path: Path) -> None:
    # Given a run that was killed while it wrote its second result
    path = tmp_path / "journal.jsonl"
    journal = Journal(path, SETTINGS)
    journal.once("first", lambda: {"F1": 1.0})
    journal.once("second", lambda: {"F1": 2.0})
    path.write_text(path.read_text(encoding="utf-8")[:-9], encoding="utf-8")

    # When the next run goes on
    resumed = Journal(path, SETTINGS)
    assert resumed.once("first", never) == {"F1": 1.0}
    assert resumed.once("second", lambda: {"F1": 4.0}) == {"F1": 4.0}

    # Then what it wrote can be read
    assert Journal(path, SETTINGS).once("second", never) == {"F1": 4.0}
