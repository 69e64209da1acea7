"""`tagwerk taggers ...`: listing, showing, promoting and rolling back."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from models.shipped import SHIPPED
from tests.jobs.building import made_tagger

if TYPE_CHECKING:
    from pathlib import Path

    from jobs.store import Ledger
    from tests.tagwerk.conftest import Tagwerk


@pytest.fixture
def made(services: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    """Services with `music@1`, promoted, and the candidate `music@2`, both whole."""
    monkeypatch.setenv("TAGWERK_TAGGERS", str(tmp_path / "taggers"))
    for promote in (True, False):
        made = made_tagger(services, promote=promote)
        shutil.copytree(SHIPPED / "default", tmp_path / "taggers" / made.folder, copy_function=_linked)
    return services


def _linked(source: str, target: str) -> None:
    """Weights are large."""
    shutil.copy(source, target, follow_symlinks=False) if source.endswith(".json") else None


def first_words(text: str) -> list[str]:
    return [line.split()[0] for line in text.splitlines()]


@pytest.mark.usefixtures("made")
def test_taggers_are_listed_for_people_and_machines(tagwerk: Tagwerk) -> None:
    people, plain, machines = tagwerk("taggers", "list"), tagwerk("taggers"), tagwerk("taggers", "list", "--json")

    assert people.out == plain.out
    assert first_words(people.out) == ["tagger", "compact", "default", "typer", "music@1", "music@2"]
    told = json.loads(machines.out)
    assert machines.out == tagwerk("taggers", "--json").out
    assert [(each["name"], each["state"]) for each in told] == [
        ("compact", None),
        ("default", None),
        ("typer", None),
        ("music@1", "promoted"),
        ("music@2", "candidate"),
    ]
    assert (told[4]["base"], told[4]["receipt"]["encoder"], told[0]["created_at"]) == ("mini", "mini", None)


def test_where_there_never_was_a_ledger_the_shipped_ones_are_listed(tagwerk: Tagwerk) -> None:
    assert first_words(tagwerk("taggers").out) == ["tagger", "compact", "default", "typer"]
    assert json.loads(tagwerk("taggers", "show", "default", "--json").out)["name"] == "default"


@pytest.mark.usefixtures("made")
def test_one_tagger_is_shown_by_either_name(tagwerk: Tagwerk) -> None:
    promoted, other = tagwerk("taggers", "show", "music"), tagwerk("taggers", "show", "music@2")

    assert first_words(promoted.out) == ["tagger", "music@1"]
    assert first_words(other.out) == ["tagger", "music@2"]
    assert json.loads(tagwerk("taggers", "show", "music", "--json").out)["name"] == "music@1"


def test_promoting_and_rolling_back(tagwerk: Tagwerk, made: Ledger) -> None:
    assert tagwerk("taggers", "promote", "music@2").out == "music@2 is promoted\n"
    assert made.tenant("local").tagger("music").version == 2

    assert tagwerk("taggers", "rollback", "music").out == "music@1 is promoted again\n"
    assert made.tenant("local").tagger("music").version == 1


def test_a_tagger_whose_files_are_gone_is_not_promoted(tagwerk: Tagwerk, made: Ledger, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "taggers" / made.tenant("local").tagger("music@2").folder)

    ended = tagwerk("taggers", "promote", "music@2")

    assert ended.code == 2
    assert "does not describe a tagger" in ended.err
    assert made.tenant("local").tagger("music").version == 1
