"""Which taggers there are and where they lie: those that ship with the project and those made here.

Owns the way from a name to a folder; loading one is the workers' business. Torch-free, so that the front door may
list them. Taggers made here are rows of the ledger, each with a folder below `TAGWERK_TAGGERS`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobs.errors import (
    DamagedTagger,
    EngineMismatch,
    KindMismatch,
    MethodMismatch,
    NoTaggersFolder,
    UnknownEngine,
    UnknownMethod,
    UnknownTagger,
)
from jobs.tagger_names import COMPACT, DEFAULT, TYPER, is_versioned, shipped
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
    "ENGINE",
    "ENGINES",
    "METHOD",
    "METHODS",
    "OWN",
    "TYPER",
    "TYPING",
    "TYPING_METHOD",
    "Chosen",
    "TaggerEntry",
    "agreed",
    "check_method",
    "entries",
    "find",
    "located",
    "promote",
    "resolve",
    "resolve_base",
    "resolve_typer",
    "rollback",
]

#: Engines that find entities, and the tagger that each runs where none is named.
ENGINES = {"biencoder": DEFAULT, "llm": COMPACT}
#: The engine that gives types to mentions.
TYPING = "typer"
#: All engines, and the tagger of each that ships.
OWN = {**ENGINES, TYPING: TYPER}
#: Methods to adapt by, and the engine of what comes out.
METHODS = {"extend": "biencoder", "contrastive": "biencoder", "retrieve": "llm", "lora": "llm", "finetype": TYPING}
#: What a job has that names none.
ENGINE, METHOD = "biencoder", "extend"
#: The same of an adaptation that has types to learn.
TYPING_METHOD = "finetype"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What a job runs: the full name of a tagger, and its engine."""

    tagger: str
    engine: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaggerEntry:
    """One tagger; those that ship have no state and no time of making."""

    name: str
    engine: str
    #: The encoder it stands on, or its language model.
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


def resolve(name: str | None, engine: str | None, taggers: Path | None, source: Source | None = None) -> Chosen:
    """What a job runs and keeps: the full name of the tagger, `music` being its promoted version, and its own engine.

    Without a name it is the engine's own tagger, the bi-encoder's where neither is given. Raises UnknownEngine,
    UnknownTagger or DamagedTagger for what a job may not name, EngineMismatch where the two do not fit, KindMismatch
    for a tagger that finds no entities.
    """
    if engine is not None and engine not in ENGINES:
        raise UnknownEngine(engine)
    found = find(name or ENGINES[engine or ENGINE], taggers, source)
    if found.engine == TYPING:
        raise KindMismatch(found.name, found.engine, finds=False)
    return agreed(Chosen(tagger=found.name, engine=found.engine), engine)


def resolve_typer(name: str | None, taggers: Path | None, source: Source | None = None) -> Chosen:
    """What gives types to mentions, as `resolve`; the one that ships where none is named.

    Raises UnknownTagger, DamagedTagger, and KindMismatch for a tagger that gives no types.
    """
    found = find(name or TYPER, taggers, source)
    if found.engine != TYPING:
        raise KindMismatch(found.name, found.engine, finds=True)
    return Chosen(tagger=found.name, engine=found.engine)


def agreed(chosen: Chosen, engine: str | None) -> Chosen:
    """What was chosen, where it is of the engine that was asked for. Raises UnknownEngine or EngineMismatch."""
    if engine is not None and engine not in OWN:
        raise UnknownEngine(engine)
    if engine not in (None, chosen.engine):
        raise EngineMismatch(chosen.tagger, chosen.engine, str(engine))
    return chosen


def resolve_base(name: str | None, method: str, taggers: Path | None, source: Source | None = None) -> Chosen:
    """What an adaptation starts from: a tagger of the method's engine, that engine's own without a name.

    Raises UnknownMethod, UnknownTagger, DamagedTagger, and MethodMismatch for one that the method does not go on from.
    """
    check_method(method)
    engine = METHODS[method]
    found = find(name or OWN[engine], taggers, source)
    if found.engine != engine:
        raise MethodMismatch(found.name, found.engine, method, engine)
    return Chosen(tagger=found.name, engine=found.engine)


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
        base=str(found.receipt.get("llm") or found.receipt.get("encoder", "")),
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
