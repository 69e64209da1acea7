"""Artifacts of the engine `llm`: which language model reads, what it wears, which examples it is shown.

Owns the folder's layout, its hashes and its reading. What an example set's files hold is their writer's business, and
so are an adapter's: both are written into the folder by whoever makes a tagger. It is written aside and renamed, so
that a folder that is there is whole.

    tagger.json     what it is, which language model it needs, how it is read, SHA-256 of every other file
    examples/       labelled documents and their words' vectors, where it is shown any
    adapter/        what the language model wears, where it was taught
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from models.artifact import check_file
from models.encoder import file_sha256
from models.errors import BadArtifact
from models.shipped import MANIFEST
from models.tagger import Calibration

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

ENGINE = "llm"
#: Folders beside the manifest.
EXAMPLES, ADAPTER = "examples", "adapter"


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchPlan:
    """How examples are searched; the words are those of the room that searches."""

    #: Most examples that a text is shown.
    k: int = 5
    mode: str = "maxsim"
    #: Whether examples with labels not yet shown come first.
    coverage: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageManifest:
    """What `tagger.json` says."""

    name: str
    #: The language model, as `TAGWERK_LLM` names it.
    base: str
    base_fingerprint: str
    #: Version of the prompt that it was judged with.
    prompt: str
    search: SearchPlan
    calibration: Calibration
    #: How it came to be and what it is worth.
    receipt: dict[str, Any]
    engine: str = ENGINE
    #: SHA-256 of each file, by its path below the folder.
    files: dict[str, str] = field(default_factory=dict)

    def holds(self, folder: str) -> bool:
        """Whether the artifact has files below `EXAMPLES` or `ADAPTER`."""
        return any(name.startswith(f"{folder}/") for name in self.files)


def save(folder: Path, manifest: LanguageManifest, write: Callable[[Path], None]) -> None:
    """Write a tagger as a new artifact; `folder` must not be there yet.

    `write` puts `EXAMPLES` and `ADAPTER` into the folder it is given; the files it leaves are hashed.
    """
    if folder.exists():
        raise BadArtifact(f"{folder}: already there; artifacts are never written twice")
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    write(partial)
    paths = sorted(path for path in partial.rglob("*") if path.is_file())
    files = {path.relative_to(partial).as_posix(): file_sha256(path) for path in paths}
    text = json.dumps(asdict(manifest) | {"files": files}, indent=2, ensure_ascii=False)
    (partial / MANIFEST).write_text(text + "\n", encoding="utf-8")
    partial.rename(folder)


def read_manifest(folder: Path) -> LanguageManifest:
    """What a folder holds; raises BadArtifact where it is no artifact of this engine."""
    path = folder / MANIFEST
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        search, calibration = SearchPlan(**raw.pop("search")), Calibration(**raw.pop("calibration"))
        return LanguageManifest(**raw, search=search, calibration=calibration)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadArtifact(f"{path}: not a tagger of the engine {ENGINE}: {error}") from error


def check_files(folder: Path) -> LanguageManifest:
    """Hash every file of an artifact without loading it; returns its manifest, raises BadArtifact."""
    manifest = read_manifest(folder)
    for name, expected in manifest.files.items():
        check_file(folder / name, expected)
    return manifest


def fingerprint(files: Mapping[str, str]) -> str:
    """One SHA-256 of several files' ones, by name: which weights a model has."""
    lines = "".join(f"{name} {sha256}\n" for name, sha256 in sorted(files.items()))
    return hashlib.sha256(lines.encode()).hexdigest()
