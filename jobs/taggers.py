"""Which taggers there are and where they lie: those that ship with the project and those made here.

Owns names and folders; loading one is the workers' business. Torch-free, so that the front door may list them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobs.errors import DamagedTagger, UnknownEngine, UnknownTagger
from models.shipped import MANIFEST, SHIPPED

if TYPE_CHECKING:
    from pathlib import Path

#: Tagger of jobs that name none.
DEFAULT = "default"
#: Engines that there are.
ENGINES = ("biencoder",)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaggerEntry:
    """One tagger on disk."""

    name: str
    folder: Path
    engine: str
    base: str
    #: How it came to be, as its maker wrote it.
    receipt: dict[str, Any]


def entries(taggers: Path | None) -> list[TaggerEntry]:
    """All taggers, the shipped ones first; a folder without a manifest is not one. Raises DamagedTagger."""
    return [_entry(manifest) for manifest in _manifests(taggers)]


def find(name: str, taggers: Path | None) -> TaggerEntry:
    """The tagger of this name; raises UnknownTagger with those there are, or DamagedTagger."""
    known = {manifest.parent.name: manifest for manifest in _manifests(taggers)}
    if name not in known:
        raise UnknownTagger(name, sorted(known))
    return _entry(known[name])


def check(name: str, engine: str, taggers: Path | None) -> None:
    """Raise UnknownEngine, UnknownTagger or DamagedTagger for what a job may not name."""
    if engine not in ENGINES:
        raise UnknownEngine(engine)
    find(name, taggers)


def _manifests(taggers: Path | None) -> list[Path]:
    roots = [SHIPPED] if taggers is None else [SHIPPED, taggers]
    found = [path for root in roots for path in sorted(root.glob(f"*/{MANIFEST}"))]
    return [path for path in found if not path.parent.name.startswith(".")]


def _entry(manifest: Path) -> TaggerEntry:
    try:
        raw = json.loads(manifest.read_text(encoding="utf-8"))
        told = {key: raw[key] for key in ("engine", "base", "receipt")}
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedTagger(manifest, error) from error
    return TaggerEntry(name=manifest.parent.name, folder=manifest.parent, **told)
