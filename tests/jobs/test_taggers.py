"""Which taggers there are, and the way from a name to a folder, without loading one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from jobs.errors import (
    DamagedTagger,
    EngineMismatch,
    KindMismatch,
    MethodMismatch,
    NoTaggersFolder,
    NothingPromoted,
    UnknownEngine,
    UnknownMethod,
    UnknownTagger,
)
from jobs.states import TaggerState
from jobs.taggers import (
    DEFAULT,
    ENGINES,
    METHODS,
    OWN,
    Chosen,
    check_method,
    entries,
    find,
    located,
    resolve,
    resolve_base,
    resolve_typer,
)
from models.shipped import SHIPPED
from tests.jobs.building import made_tagger

if TYPE_CHECKING:
    from pathlib import Path

    from jobs.store import Ledger, TenantLedger


@pytest.fixture
def mine(ledger: Ledger) -> TenantLedger:
    return ledger.tenant("local")


def write(taggers: Path, folder: str, text: str | None = None) -> Path:
    """Write a folder that says it is a tagger, or whatever else `text` says."""
    said = {"engine": "biencoder", "base": "mini", "receipt": {}}
    (taggers / folder).mkdir(parents=True)
    (taggers / folder / "tagger.json").write_text(json.dumps(said) if text is None else text, encoding="utf-8")
    return taggers / folder


def test_the_default_ships() -> None:
    entry = find(DEFAULT, None)

    assert (entry.name, entry.engine, entry.state) == ("default", "biencoder", None)
    assert entry in entries(None)
    assert located(DEFAULT, None, None) == SHIPPED / "default"


def test_taggers_made_here_come_after_those_that_ship(ledger: Ledger, mine: TenantLedger, tmp_path: Path) -> None:
    for name in ("music", "jazz"):
        made_tagger(ledger, name)

    found = entries(tmp_path, mine)

    assert [entry.name for entry in found] == [*(entry.name for entry in entries(None)), "jazz@1", "music@1"]
    assert (found[-1].base, found[-1].state) == ("mini", TaggerState.PROMOTED)
    assert found[-1].receipt == mine.tagger("music").receipt


def test_a_folder_that_nobody_registered_is_no_tagger(mine: TenantLedger, tmp_path: Path) -> None:
    write(tmp_path, "music@3")

    assert entries(tmp_path, mine) == entries(None)
    with pytest.raises(UnknownTagger):
        find("music@3", tmp_path, mine)


def test_a_job_keeps_the_full_name_of_what_is_promoted(ledger: Ledger, mine: TenantLedger, tmp_path: Path) -> None:
    first, _second = made_tagger(ledger), made_tagger(ledger, promote=False)
    write(tmp_path, first.folder)

    assert resolve("music", "biencoder", tmp_path, mine).tagger == "music@1"
    assert resolve("music@1", None, tmp_path, mine).tagger == "music@1"
    assert resolve("default", "biencoder", tmp_path, mine).tagger == "default"


def test_an_engine_has_a_tagger_of_its_own_and_a_tagger_an_engine() -> None:
    assert resolve(None, None, None) == Chosen(tagger="default", engine="biencoder")
    assert resolve(None, "llm", None) == Chosen(tagger="compact", engine="llm")
    assert resolve("compact", None, None) == Chosen(tagger="compact", engine="llm")
    with pytest.raises(EngineMismatch, match="the tagger 'default' is of the engine 'biencoder', not 'llm'"):
        resolve("default", "llm", None)


def test_what_gives_types_is_no_tagger_and_the_other_way_round() -> None:
    assert resolve_typer(None, None) == Chosen(tagger="typer", engine="typer")
    assert resolve_typer("typer", None) == resolve_typer(None, None)
    with pytest.raises(KindMismatch, match="'typer' is of the engine 'typer': it gives types to mentions and finds"):
        resolve("typer", None, None)
    with pytest.raises(KindMismatch, match="'default' is of the engine 'biencoder': it finds entities and gives no"):
        resolve_typer("default", None)
    with pytest.raises(UnknownEngine, match="there is no engine 'typer'; known are biencoder, llm"):
        resolve(None, "typer", None)
    with pytest.raises(UnknownTagger, match="there is no tagger 'fine'"):
        resolve_typer("fine", None)


@pytest.mark.parametrize("method", METHODS)
def test_an_adaptation_starts_from_a_tagger_of_its_methods_engine(method: str) -> None:
    engine = METHODS[method]
    other = next(name for each, name in ENGINES.items() if each != engine)

    assert resolve_base(None, method, None) == Chosen(tagger=OWN[engine], engine=engine)
    with pytest.raises(MethodMismatch, match=f"the method '{method}' goes on from taggers of the engine '{engine}'"):
        resolve_base(other, method, None)


def test_nothing_promoted_is_told_with_the_versions(ledger: Ledger, mine: TenantLedger, tmp_path: Path) -> None:
    made_tagger(ledger, promote=False)

    with pytest.raises(NothingPromoted, match="no version of tagger 'music' is promoted; name one of music@1"):
        resolve("music", "biencoder", tmp_path, mine)


def test_what_there_is_not_is_refused(mine: TenantLedger) -> None:
    with pytest.raises(UnknownTagger, match="there is no tagger 'musik'; known are compact, default, typer"):
        resolve("musik", "biencoder", None, mine)
    with pytest.raises(UnknownTagger, match="there is no tagger 'musik'; known are compact, default, typer"):
        resolve("musik", "biencoder", None)
    with pytest.raises(UnknownEngine):
        resolve("default", "magic", None)
    with pytest.raises(UnknownMethod, match="'magic'; known are extend, contrastive, retrieve, lora"):
        check_method("magic")
    check_method("extend")


@pytest.mark.parametrize("text", ['{"engine": "bienc', '{"engine": "biencoder", "base": "mini"}', "[]", None])
def test_a_registered_folder_that_is_broken_or_gone_is_named(
    ledger: Ledger, mine: TenantLedger, tmp_path: Path, text: str | None
) -> None:
    made, other = made_tagger(ledger), made_tagger(ledger, "jazz")
    write(tmp_path, other.folder)
    if text is not None:
        write(tmp_path, made.folder, text)

    for ask in (
        lambda: find("music@1", tmp_path, mine),
        lambda: located("music@1", made.folder, tmp_path),
    ):
        with pytest.raises(DamagedTagger, match=r"tagger\.json does not describe a tagger") as caught:
            ask()
        assert str(tmp_path / made.folder) in str(caught.value)
    # And it stands in no other's way.
    assert find("jazz@1", tmp_path, mine).name == "jazz@1"
    assert len(entries(tmp_path, mine)) == len(entries(None)) + 2


def test_a_worker_finds_the_folder_or_says_what_it_lacks(tmp_path: Path) -> None:
    folder = write(tmp_path, "job_x")

    assert located("music@1", "job_x", tmp_path) == folder
    with pytest.raises(NoTaggersFolder):
        located("music@1", "job_x", None)
    with pytest.raises(UnknownTagger, match="'music@1'"):
        located("music@1", None, tmp_path)
