"""Tagger artifacts whatever their engine: what `tagger.json` says that all of them say.

Owns telling them apart. What an engine's own artifact holds is for `models.artifact`, `models.incontext_artifact`,
`models.llm_artifact` and `models.typer_artifact` to read.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from models import artifact, llm_artifact, typer_artifact
from models.errors import BadArtifact
from models.incontext_artifact import check_model_files
from models.shipped import MANIFEST

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What every manifest says."""

    name: str
    engine: str
    base: str
    base_fingerprint: str
    files: dict[str, str]
    receipt: dict[str, Any]
    #: Whether it is itself a language model, which others of its engine stand on.
    is_model: bool


def read(folder: Path) -> Said:
    """What a tagger's folder says; raises BadArtifact where it says nothing."""
    path = folder / MANIFEST
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        told = {key: raw[key] for key in ("name", "engine", "base", "base_fingerprint", "files", "receipt")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadArtifact(f"{path}: not a tagger artifact: {error!r}") from error
    return Said(**told, is_model=raw["engine"] == llm_artifact.ENGINE and "search" not in raw)


def check_files(folder: Path) -> Said:
    """Hash every file of a tagger without loading it; returns what it says, raises BadArtifact."""
    said = read(folder)
    if said.engine == typer_artifact.ENGINE:
        typer_artifact.check_typer_files(folder)
    elif said.engine != llm_artifact.ENGINE:
        artifact.check_files(folder)
    elif said.is_model:
        check_model_files(folder)
    else:
        llm_artifact.check_files(folder)
    return said
