"""The in-context model on disk: its layers in half precision, and which encoder they stand on.

Owns the layout of that folder; an engine's tagger that uses the model has a folder of its own.

    tagger.json                     what it is, which tagger's encoder it reads, SHA-256 of every weights file
    weights-00001-of-0000N.safetensors
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from models.artifact import check_file, read_tensors, write_tensors
from models.compact import Reading
from models.errors import BadArtifact
from models.incontext import InContextConfig, InContextModel
from models.shipped import MANIFEST

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class InContextManifest:
    """What `tagger.json` says."""

    name: str
    engine: str
    #: The tagger whose encoder reads the words, and `StateReader.fingerprint` of it.
    base: str
    base_fingerprint: str
    config: InContextConfig
    reading: Reading
    files: dict[str, str]
    receipt: dict[str, Any]


def save_model(
    folder: Path,
    network: InContextModel,
    *,
    name: str,
    base: str,
    base_fingerprint: str,
    reading: Reading,
    receipt: dict[str, Any],
) -> InContextManifest:
    """Write a trained model as a new folder, whole or not at all."""
    if folder.exists():
        raise BadArtifact(f"{folder}: already there; artifacts are never written twice")
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    manifest = InContextManifest(
        name=name,
        engine="llm",
        base=base,
        base_fingerprint=base_fingerprint,
        config=network.config,
        reading=reading,
        files=write_tensors(partial, network.state_dict()),
        receipt=receipt,
    )
    text = json.dumps(asdict(manifest), indent=2, ensure_ascii=False)
    (partial / MANIFEST).write_text(text + "\n", encoding="utf-8")
    partial.rename(folder)
    return manifest


def read_model_manifest(folder: Path) -> InContextManifest:
    """What a folder holds; raises BadArtifact where it is no in-context model."""
    path = folder / MANIFEST
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        config, reading = InContextConfig(**raw.pop("config")), Reading(**raw.pop("reading"))
        return InContextManifest(**raw, config=config, reading=reading)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadArtifact(f"{path}: not an in-context model: {error}") from error


def check_model_files(folder: Path) -> InContextManifest:
    """Hash every file without loading it; returns the manifest, raises BadArtifact."""
    manifest = read_model_manifest(folder)
    for name, expected in manifest.files.items():
        check_file(folder / name, expected)
    return manifest


def load_model(folder: Path, base_fingerprint: str) -> tuple[InContextModel, InContextManifest]:
    """The model that a folder holds, for an encoder of this fingerprint.

    Raises BadArtifact where a file is missing or damaged, or where it stands on another encoder.
    """
    manifest = read_model_manifest(folder)
    if manifest.base_fingerprint != base_fingerprint:
        raise BadArtifact(
            f"{folder}: stands on the encoder {manifest.base_fingerprint[:12]} of the tagger {manifest.base!r}, "
            f"not on {base_fingerprint[:12]}"
        )
    network = InContextModel(manifest.config)
    tensors = read_tensors(folder, manifest.files)
    try:
        network.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    except RuntimeError as error:
        raise BadArtifact(f"{folder}: weights do not fit the configuration: {error}") from error
    return network.eval(), manifest
