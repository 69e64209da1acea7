"""Which taggers there are and where they lie: those that ship with the project and those made here.

Owns the way from a name to a folder; loading one is the workers' business. Torch-free, so that the front door may
list them. Taggers made here are rows of the ledger, each with a folder below `TAGWERK_TAGGERS`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobs.errors import DamagedTagger, NoTaggersFolder, UnknownEngine, UnknownMethod, UnknownTagger
from jobs.tagger_names import DEFAULT, is_versioned, shipped
from models.shipped import MANIFEST, SHIPPED

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path
    from typing import Protocol

    from jobs.records import StoredTagger
    from jobs.states import TaggerState
    from jobs.store import TenantLedger

    class Source(Protocol):
        """What knows the taggers made here: a `TenantLedger`."""

        def taggers(self) -> list[StoredTagger]:
            """Return all of them."""

        def tagger(self, asked: str) -> StoredTagger:
            """Return one; raise `UnknownTagger`."""


__all__ = [
    "DEFAULT",
    "ENGINES",
    "METHODS",
    "TaggerEntry",
    "check_method",
    "entries",
    "find",
    "located",
    "promote",
    "resolve",
    "rollback",
]

#: Engines that there are, and methods to adapt them by.
ENGINES = ("biencoder",)
METHODS = ("extend",)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaggerEntry:
    """One tagger; those that ship have no state and no time of making."""

    name: str
    engine: str
    #: The encoder it stands on.
    base: str
    #: How it came to be, as its maker wrote it.
    receipt: dict[str, Any]
    state: TaggerState | None = None
    created_at: datetime | None = None


def entries(taggers: Path | None, source: Source | None = None) -> list[TaggerEntry]:
    """All taggers, the shipped ones first; those made here stand in `source`. Raises DamagedTagger.

    `taggers` is the folder of those made here, which need not be looked into for that.
    """
    made_here = [] if source is None else source.taggers()
    return [*map(_shipped_entry, shipped()), *map(_entry, made_here)]


def find(name: str, taggers: Path | None, source: Source | None = None) -> TaggerEntry:
    """The tagger of this name, its files looked at; raises UnknownTagger with those there are, or DamagedTagger."""
    if name in shipped():
        return _shipped_entry(name)
    if source is None:
        raise UnknownTagger(name, shipped())
    found = source.tagger(name)
    if taggers is not None:
        _manifest(taggers / found.folder)
    return _entry(found)


def resolve(name: str, engine: str, taggers: Path | None, source: Source | None = None) -> str:
    """The full name that a job keeps: `music` is its promoted version, at this moment.

    Raises UnknownEngine, UnknownTagger or DamagedTagger for what a job may not name.
    """
    if engine not in ENGINES:
        raise UnknownEngine(engine)
    return find(name, taggers, source).name


def promote(asked: str, taggers: Path | None, source: TenantLedger) -> TaggerEntry:
    """Let the name of `music@3` stand for it, its files looked at. Raises as `find`, and BadTaggerName."""
    if is_versioned(asked):
        find(asked, taggers, source)
    return _entry(source.promote(asked))


def rollback(name: str, source: TenantLedger, since: str | None = None) -> TaggerEntry:
    """Let a name stand for the version that was promoted before, as `TenantLedger.rollback` does."""
    return _entry(source.rollback(name, since))


def check_method(method: str) -> None:
    """Raise UnknownMethod for what an adaptation may not name."""
    if method not in METHODS:
        raise UnknownMethod(method)


def located(full_name: str, folder: str | None, taggers: Path | None) -> Path:
    """The folder of a claimed job's tagger, below the folder of those made here, or where the shipped ones lie.

    Raises UnknownTagger, NoTaggersFolder, or DamagedTagger where the folder is gone or says nothing.
    """
    if full_name in shipped():
        return SHIPPED / full_name
    if folder is None:
        raise UnknownTagger(full_name, shipped())
    if taggers is None:
        raise NoTaggersFolder
    _manifest(taggers / folder)
    return taggers / folder


def _entry(found: StoredTagger) -> TaggerEntry:
    return TaggerEntry(
        name=found.full_name,
        engine=found.engine,
        base=str(found.receipt.get("encoder", "")),
        receipt=found.receipt,
        state=found.state,
        created_at=found.created_at,
    )


def _shipped_entry(name: str) -> TaggerEntry:
    return TaggerEntry(name=name, **_manifest(SHIPPED / name))


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        return {key: raw[key] for key in ("engine", "base", "receipt")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DamagedTagger(path, error) from error
