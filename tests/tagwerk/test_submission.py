"""Label files, taggers and corpora as a command takes them, before anything is started for them."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from jobs.errors import DamagedTagger, MethodMismatch, UnknownEngine, UnknownTagger
from tagwerk.errors import UnusableInput
from tagwerk.submission import Wanted, chosen_for_adapting, chosen_for_tagging, opened, read_labels
from tests.jobs.building import made_tagger

if TYPE_CHECKING:
    from jobs.store import Ledger

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
    assert chosen_for_tagging("default", None).tagger == "default"


def test_unknown_names_are_refused() -> None:
    with pytest.raises(UnknownEngine):
        chosen_for_tagging("default", "magic")
    with pytest.raises(UnknownTagger):
        chosen_for_tagging("music@3", "biencoder")


def test_a_name_is_resolved_by_the_ledger(services: Ledger) -> None:
    made_tagger(services)
    made_tagger(services, promote=False)

    assert chosen_for_tagging("music", None).tagger == "music@1"
    assert chosen_for_tagging("music@2", None).tagger == "music@2"


def test_what_an_adaptation_starts_from_is_of_its_methods_engine() -> None:
    assert chosen_for_adapting(None, "extend") == Wanted(tagger="default", engine="biencoder")
    assert chosen_for_adapting(None, "retrieve") == Wanted(tagger="compact", engine="llm")
    with pytest.raises(MethodMismatch):
        chosen_for_adapting("default", "lora")


def test_a_name_of_another_tenant_is_none_here(services: Ledger) -> None:
    made_tagger(services, tenant="acme")

    with pytest.raises(UnknownTagger, match=r"known are compact, default, typer$"):
        chosen_for_tagging("music", "biencoder")


def test_where_the_folder_is_known_it_is_looked_at(
    services: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_tagger(services)
    monkeypatch.setenv("TAGWERK_TAGGERS", str(tmp_path))

    with pytest.raises(DamagedTagger):
        chosen_for_tagging("music", "biencoder")


def test_a_server_knows_its_own_names(monkeypatch: pytest.MonkeyPatch) -> None:
    assert chosen_for_tagging("music@3", "magic", "https://a.example") == Wanted(tagger="music@3", engine="magic")
    monkeypatch.setenv("TAGWERK_URL", "https://b.example")
    assert chosen_for_tagging("music", None) == Wanted(tagger="music", engine=None)
    assert chosen_for_adapting(None, "retrieve") == Wanted(tagger=None, engine=None)


def test_a_dash_is_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(GOOD)))

    with opened(Path("-")) as stream:
        assert stream.read() == GOOD
