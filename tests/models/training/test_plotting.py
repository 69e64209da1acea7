"""The picture of a training's course."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from models.training import plotting
from models.training.plotting import draw

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

ENTRIES = [{"step": 10, "loss": 3.0, "held_out_f1": 0.1}, {"step": 20, "loss": 2.0, "held_out_f1": 0.3}]


def log(folder: Path, entries: list[dict[str, float]]) -> Path:
    path = folder / "log.jsonl"
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries), encoding="utf-8")
    return path


def test_a_log_becomes_a_picture_beside_it(tmp_path: Path) -> None:
    found = draw(log(tmp_path, ENTRIES))

    assert found == tmp_path / "log.png"
    assert found.read_bytes().startswith(b"\x89PNG\r\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log.jsonl", "log.png"]


def test_the_picture_shows_what_the_log_says(tmp_path: Path) -> None:
    first = draw(log(tmp_path, ENTRIES))
    assert first is not None
    before = first.read_bytes()

    draw(log(tmp_path, [*ENTRIES, {"step": 30, "loss": 1.0, "held_out_f1": 0.35}]))

    assert first.read_bytes() != before


def test_an_empty_log_is_no_picture(tmp_path: Path) -> None:
    assert draw(log(tmp_path, [])) is None


def test_without_matplotlib_there_is_no_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plotting, "can_draw", lambda: False)

    assert draw(log(tmp_path, ENTRIES)) is None
    assert not (tmp_path / "log.png").exists()
