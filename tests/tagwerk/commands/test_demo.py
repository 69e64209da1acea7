"""`tagwerk demo`: the examples, shown and scored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.tagwerk.running import EXAMPLES

if TYPE_CHECKING:
    from pathlib import Path

    from tests.tagwerk.conftest import Tagwerk


@pytest.mark.usefixtures("warm")
def test_the_demo_shows_documents_scores_and_what_is_for_people(tagwerk: Tagwerk) -> None:
    ended = tagwerk("demo", "--examples", EXAMPLES, "--show", "2")

    assert ended.code == 0, ended.err
    rows = {line.split()[0]: line.split() for line in ended.out.splitlines() if line.strip()}
    for name, documents in {"music": 30, "clinical": 28, "support": 28, "long": 1}.items():
        assert len(rows[name]) == 7
        assert rows[name][1] == str(documents)
        assert all(0 <= float(percent) <= 100 for percent in rows[name][3:6])
        assert 0 <= int(rows[name][6]) <= documents
    assert int(rows["music"][2]) > 0
    assert "strict F1" in ended.out
    assert {"music-01", "music-02"} <= rows.keys()
    assert "music-03" not in rows
    assert {"typing-01", "typing-02"} <= rows.keys()
    assert "typing-03" not in rows
    assert "[Ilse Vandermeer|/person" in ended.out
    assert ended.err.splitlines()[-1].startswith("done in ")


def test_without_the_examples_it_says_what_is_missing(tagwerk: Tagwerk, tmp_path: Path) -> None:
    ended = tagwerk("demo", "--examples", tmp_path)

    assert ended.code == 2
    assert f"error: the label file {tmp_path}/music/labels.yaml cannot be read: No such file" in ended.err
