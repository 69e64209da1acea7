"""The typer on disk: what differs from the base encoder, in half precision, in one folder.

Owns the layout of that folder. The last layers of the encoder, the masked-word transform with its bias, and the
attention over a type's words: 8.4 MB on the packaged encoder.

    tagger.json                     what it is, which base it fits, SHA-256 of every weights file
    weights-00001-of-0000N.safetensors
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import torch

from models.artifact import check_file, read_tensors, write_tensors
from models.encoder import Encoder
from models.errors import BadArtifact
from models.shipped import MANIFEST
from models.typer import Judgement, Typer
from models.typing_base import TypingBase, load_base
from models.typing_network import TyperConfig, TypingNetwork

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor


ENGINE = "typer"


@dataclass(frozen=True, slots=True, kw_only=True)
class TyperManifest:
    """What `tagger.json` says."""

    name: str
    engine: str
    base: str
    base_fingerprint: str
    config: TyperConfig
    judgement: Judgement
    #: SHA-256 of each weights file, by name.
    files: dict[str, str]
    #: How it came to be: data, minutes, scores; free-form, for people.
    receipt: dict[str, Any]


def save_typer(folder: Path, typer: Typer, *, name: str, receipt: dict[str, Any]) -> TyperManifest:
    """Write a typer as a new folder, whole or not at all."""
    if folder.exists():
        raise BadArtifact(f"{folder}: already there; artifacts are never written twice")
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    manifest = TyperManifest(
        name=name,
        engine=ENGINE,
        base=typer.encoder.name,
        base_fingerprint=typer.encoder.fingerprint,
        config=typer.network.config,
        judgement=typer.judgement,
        files=write_tensors(partial, typer.network.tuned()),
        receipt=receipt,
    )
    text = json.dumps(asdict(manifest), indent=2, ensure_ascii=False)
    (partial / MANIFEST).write_text(text + "\n", encoding="utf-8")
    partial.rename(folder)
    return manifest


def read_typer_manifest(folder: Path) -> TyperManifest:
    """What a folder holds; raises BadArtifact where it is no typer."""
    path = folder / MANIFEST
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        config, judgement = TyperConfig(**raw.pop("config")), Judgement(**raw.pop("judgement"))
        return TyperManifest(**raw, config=config, judgement=judgement)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadArtifact(f"{path}: not a typer: {error}") from error


def check_typer_files(folder: Path) -> TyperManifest:
    """Hash every file without loading it; returns the manifest, raises BadArtifact."""
    manifest = read_typer_manifest(folder)
    for name, expected in manifest.files.items():
        check_file(folder / name, expected)
    return manifest


def load_typer(
    folder: Path,
    *,
    base: str | None = None,
    device: torch.device | None = None,
    dtype: torch.dtype = torch.float32,
) -> Typer:
    """Load a typer; `base` overrides where its base encoder is found, not which one it is.

    Raises BadArtifact where a file is missing, damaged, or fits another base.
    """
    manifest = read_typer_manifest(folder)
    found = load_base(base or manifest.base)
    encoder = found.encoder
    if encoder.fingerprint != manifest.base_fingerprint:
        raise BadArtifact(
            f"{folder}: fits the base {manifest.base} ({manifest.base_fingerprint[:12]}), "
            f"not {encoder.name} ({encoder.fingerprint[:12]})"
        )
    network = TypingNetwork(encoder.model, manifest.config, found.shapes)
    _restore(network, read_tensors(folder, manifest.files), folder)
    return Typer(encoder, network, manifest.judgement, device=device, dtype=dtype)


def untrained_typer(base: Encoder | TypingBase, config: TyperConfig | None = None, *, seed: int = 0) -> Typer:
    """A typer with fresh heads on a base: where training starts."""
    torch.manual_seed(seed)
    if isinstance(base, Encoder):
        base = TypingBase(encoder=base)
    config = replace(config or TyperConfig(), capitals=base.shapes is not None)
    return Typer(base.encoder, TypingNetwork(base.encoder.model, config, base.shapes), Judgement())


def _restore(network: TypingNetwork, tensors: dict[str, Tensor], folder: Path) -> None:
    odd = sorted(network.tuned().keys() ^ tensors.keys())
    if odd:
        raise BadArtifact(f"{folder}: {len(odd)} weights are missing or unknown, such as {odd[0]!r}")
    try:
        network.load_state_dict({name: tensor.float() for name, tensor in tensors.items()}, strict=False)
    except RuntimeError as error:
        raise BadArtifact(f"{folder}: weights do not fit the configuration: {error}") from error
