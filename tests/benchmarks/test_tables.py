"""A table as Markdown and as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from benchmarks import tables

if TYPE_CHECKING:
    from pathlib import Path


def test_both_files_hold_the_rows_and_nothing_is_an_empty_cell(tmp_path: Path) -> None:
    rows = [{"domain": "ai", "F1": 41.25, "peer": None, "entities": 3}]

    path = tables.write("name", "Title", rows, ["a note"], tmp_path / "new")

    assert path.read_text(encoding="utf-8").splitlines() == [
        "# Title",
        "",
        "| domain | F1 | peer | entities |",
        "|---|---|---|---|",
        "| ai | 41.2 |  | 3 |",
        "",
        "- a note",
    ]
    assert json.loads(path.with_suffix(".json").read_text(encoding="utf-8")) == {"rows": rows, "notes": ["a note"]}
