"""Which taggers there are: names and folders, without loading one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from jobs.errors import DamagedTagger, UnknownTagger
from jobs.taggers import DEFAULT, entries, find
from models.shipped import SHIPPED

if TYPE_CHECKING:
    from pathlib import Path


def make(folder: Path, name: str, text: str | None = None) -> Path:
    """Write a folder that says it is a tagger, or whatever else `text` says."""
    said = {"engine": "biencoder", "base": "mini", "receipt": {"held_out_f1": 0.5}}
    (folder / name).mkdir(parents=True)
    (folder / name / "tagger.json").write_text(json.dumps(said) if text is None else text, encoding="utf-8")
    return folder / name


def test_the_default_ships() -> None:
    entry = find(DEFAULT, None)

    assert (entry.name, entry.folder, entry.engine) == ("default", SHIPPED / "default", "biencoder")
    assert entry in entries(None)


def test_taggers_made_here_come_after_those_that_ship(tmp_path: Path) -> None:
    folder = make(tmp_path, "music@3")
    make(tmp_path, "jazz@1")

    names = [entry.name for entry in entries(tmp_path)]

    assert names == [*(entry.name for entry in entries(None)), "jazz@1", "music@3"]
    assert find("music@3", tmp_path).folder == folder
    assert find("music@3", tmp_path).receipt == {"held_out_f1": 0.5}


def test_a_folder_that_is_not_finished_is_not_a_tagger(tmp_path: Path) -> None:
    make(tmp_path, ".music@4.partial")
    (tmp_path / "music@5").mkdir()

    assert entries(tmp_path) == entries(None)


def test_a_folder_of_taggers_that_is_not_there_yet_is_empty(tmp_path: Path) -> None:
    assert entries(tmp_path / "taggers") == entries(None)


def test_an_unknown_name_is_told_with_those_there_are(tmp_path: Path) -> None:
    make(tmp_path, "music@3")

    with pytest.raises(UnknownTagger) as caught:
        find("musik@3", tmp_path)

    assert str(caught.value) == "there is no tagger 'musik@3'; known are default, music@3"


@pytest.mark.parametrize("text", ['{"engine": "bienc', '{"engine": "biencoder", "base": "mini"}', "[]"])
def test_a_damaged_tagger_is_named_and_stands_in_no_others_way(tmp_path: Path, text: str) -> None:
    make(tmp_path, "jazz@1")
    damaged = make(tmp_path, "music@3", text)

    assert find("jazz@1", tmp_path).name == "jazz@1"
    with pytest.raises(DamagedTagger, match=r"music@3/tagger\.json does not describe a tagger") as caught:
        find("music@3", tmp_path)
    assert str(damaged) in str(caught.value)
