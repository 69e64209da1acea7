"""Label files, taggers and corpora as a command takes them, before anything is started for them."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from jobs.errors import UnknownEngine, UnknownTagger
from tagwerk.errors import UnusableInput
from tagwerk.submission import check_tagger, opened, read_labels

GOOD = b'{"id": "a", "text": "Abba"}\n'


def test_labels_are_what_a_job_keeps(tmp_path: Path) -> None:
    (tmp_path / "labels.yaml").write_text("- name: band\n  description: a group\n  threshold: 0.4\n- song\n")

    band, song = read_labels(tmp_path / "labels.yaml")

    assert (band["name"], band["description"], band["threshold"]) == ("band", "a group", 0.4)
    assert (song["name"], song["threshold"]) == ("song", None)
    assert json.loads(json.dumps([band, song])) == [band, song]


def test_what_is_odd_about_labels_is_said_once_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "labels.yaml").write_text("- name: band\n  description: a group\n- song\n")

    read_labels(tmp_path / "labels.yaml")

    out, err = capsys.readouterr()
    assert out == ""
    assert [line for line in err.splitlines() if line.startswith("warning: ") and "song" in line] == err.splitlines()
    assert err.count("\n") == 1


def test_a_folder_is_no_label_file(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="Is a directory"):
        read_labels(tmp_path)


def test_the_shipped_tagger_is_known() -> None:
    check_tagger("default", "biencoder")


def test_unknown_names_are_refused() -> None:
    with pytest.raises(UnknownEngine):
        check_tagger("default", "magic")
    with pytest.raises(UnknownTagger):
        check_tagger("music@3", "biencoder")


def test_a_server_knows_its_own_names(monkeypatch: pytest.MonkeyPatch) -> None:
    check_tagger("music@3", "magic", "https://a.example")
    monkeypatch.setenv("TAGWERK_URL", "https://b.example")
    check_tagger("music@3", "magic")


def test_a_dash_is_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(GOOD)))

    with opened(Path("-")) as stream:
        assert stream.read() == GOOD
