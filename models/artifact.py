"""Tagger artifacts on disk: weights, configuration and calibration in one folder, every file hashed.

Owns the folder's layout and its checks. An artifact holds what differs from the base encoder, in half
precision, in files of at most 14 MiB; it is written aside and renamed, so that a folder that is there is whole.

    tagger.json                     what it is, which base it fits, SHA-256 of every weights file, how a memory is read
    weights-00001-of-0000N.safetensors
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from models.biencoder import BiEncoderConfig
from models.encoder import file_sha256, load_encoder
from models.errors import BadArtifact
from models.memory import OUTSIDE, Memory, recall_of
from models.shipped import MANIFEST, SHIPPED
from models.tagger import Calibration, Tagger
from models.tagging import network_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from models.biencoder import BiEncoder
    from models.encoder import Encoder
    from models.memory import Recall

#: Beginning of the names of a memory's units among the weights.
_UNITS = "memory."
#: Most bytes of tensors in one weights file.
SHARD_BYTES = 14 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What `tagger.json` says."""

    name: str
    engine: str
    base: str
    base_fingerprint: str
    config: BiEncoderConfig
    calibration: Calibration
    #: SHA-256 of each weights file, by name.
    files: dict[str, str]
    #: How what it remembers of its examples is read; None where it remembers none. The units are among the weights.
    memory: Recall | None = None
    #: How it came to be: data, minutes, scores; free-form, for people.
    receipt: dict[str, Any]


def shipped_folder(name: str = "default") -> Path:
    """Folder of a tagger that ships with the project."""
    return SHIPPED / name


def save(folder: Path, tagger: Tagger, *, name: str, receipt: dict[str, Any]) -> Manifest:
    """Write a tagger as a new artifact; `folder` must not be there yet."""
    if folder.exists():
        raise BadArtifact(f"{folder}: already there; artifacts are never written twice")
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    files = write_tensors(partial, shipped_weights(tagger.network) | _remembered(tagger.memory))
    manifest = Manifest(
        name=name,
        engine="biencoder",
        base=tagger.encoder.name,
        base_fingerprint=tagger.encoder.fingerprint,
        config=tagger.network.config,
        calibration=tagger.calibration,
        files=files,
        memory=None if tagger.memory is None else tagger.memory.recall,
        receipt=receipt,
    )
    text = json.dumps(asdict(manifest), indent=2, ensure_ascii=False)
    (partial / MANIFEST).write_text(text + "\n", encoding="utf-8")
    partial.rename(folder)
    return manifest


def read_manifest(folder: Path) -> Manifest:
    """What a folder holds; raises BadArtifact where it is no artifact."""
    path = folder / MANIFEST
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        config, calibration = BiEncoderConfig(**raw.pop("config")), Calibration(**raw.pop("calibration"))
        memory = recall_of(told) if (told := raw.pop("memory", None)) else None
        return Manifest(**raw, config=config, calibration=calibration, memory=memory)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadArtifact(f"{path}: not a tagger artifact: {error}") from error


def check_files(folder: Path) -> Manifest:
    """Hash every file of an artifact without loading it; returns its manifest, raises BadArtifact."""
    manifest = read_manifest(folder)
    for name, expected in manifest.files.items():
        check_file(folder / name, expected)
    return manifest


def load(
    folder: Path,
    *,
    base: str | None = None,
    device: torch.device | None = None,
    dtype: torch.dtype = torch.float32,
) -> Tagger:
    """Load a tagger; `base` overrides where its base encoder is found, not which one it is.

    Raises BadArtifact where a file is missing, damaged, or fits another base.
    """
    manifest = read_manifest(folder)
    encoder = load_encoder(base or manifest.base)
    if encoder.fingerprint != manifest.base_fingerprint:
        raise BadArtifact(
            f"{folder}: fits the base {manifest.base} ({manifest.base_fingerprint[:12]}), "
            f"not {encoder.name} ({encoder.fingerprint[:12]})"
        )
    network = network_of(encoder, manifest.config)
    device = device or torch.device("cpu")
    tensors = read_tensors(folder, manifest.files)
    memory = _memory(manifest, tensors, folder, device)
    _restore(network, tensors, folder)
    return Tagger(encoder, network.to(device), manifest.calibration, device=device, dtype=dtype, memory=memory)


def untrained(encoder: Encoder, config: BiEncoderConfig | None = None) -> Tagger:
    """A tagger with fresh heads on a base encoder: where training starts."""
    return Tagger(encoder, network_of(encoder, config or BiEncoderConfig()), Calibration())


def shipped_weights(network: BiEncoder) -> dict[str, Tensor]:
    """The weights that belong in an artifact, by name: all but word embeddings and a label side not tuned by itself."""
    known = [each.get_input_embeddings().weight for each in (network.encoder, network.label_encoder)]
    skipped = () if network.config.label_side == "separate" else ("label_encoder.",)
    weights = network.state_dict(keep_vars=True).items()
    return {
        name: tensor
        for name, tensor in weights
        if not name.startswith(skipped) and not any(tensor is each for each in known)
    }


def _remembered(memory: Memory | None) -> dict[str, Tensor]:
    """Units by their owner, so that no number is kept in half precision but those of vectors."""
    if memory is None:
        return {}
    owners = range(OUTSIDE, len(memory.recall.labels))
    return {f"{_UNITS}{owner}": memory.vectors[memory.owners == owner] for owner in owners}


def _memory(manifest: Manifest, tensors: dict[str, Tensor], folder: Path, device: torch.device) -> Memory | None:
    """The memory, its units taken out of the weights; raises BadArtifact where some are missing."""
    if manifest.memory is None:
        return None
    try:
        parts = {owner: tensors.pop(f"{_UNITS}{owner}") for owner in range(OUTSIDE, len(manifest.memory.labels))}
        owners = torch.cat([torch.full((len(units),), owner) for owner, units in parts.items()])
        vectors = torch.cat([*parts.values()]).float()
    except (KeyError, RuntimeError) as error:
        raise BadArtifact(f"{folder}: what it remembers of its examples is not whole: {error}") from error
    return Memory(recall=manifest.memory, vectors=vectors.to(device), owners=owners.to(device))


def write_tensors(folder: Path, tensors: Mapping[str, Tensor]) -> dict[str, str]:
    """Write weights in half precision to files of at most `SHARD_BYTES`; returns each file's SHA-256 by name."""
    halved = {name: tensor.detach().to("cpu", torch.float16).contiguous() for name, tensor in tensors.items()}
    shards = _shards(halved)
    files = {}
    for number, shard in enumerate(shards, start=1):
        path = folder / f"weights-{number:05d}-of-{len(shards):05d}.safetensors"
        save_file(shard, path)
        path.chmod(0o644)  # safetensors lets its owner alone read what it writes
        files[path.name] = file_sha256(path)
    return files


def _shards(tensors: dict[str, Tensor]) -> list[dict[str, Tensor]]:
    shards: list[dict[str, Tensor]] = [{}]
    used = 0
    for name, tensor in tensors.items():
        if shards[-1] and used + tensor.nbytes > SHARD_BYTES:
            shards.append({})
            used = 0
        shards[-1][name] = tensor
        used += tensor.nbytes
    return shards


def read_tensors(folder: Path, files: Mapping[str, str]) -> dict[str, Tensor]:
    """Weights from files that hash to what they must; raises BadArtifact where one is missing or damaged."""
    tensors: dict[str, Tensor] = {}
    for name, expected in files.items():
        path = folder / name
        check_file(path, expected)
        try:
            tensors.update(load_file(path))
        except SafetensorError as error:
            raise BadArtifact(f"{path}: not a safetensors file: {error}") from error
    return tensors


def check_file(path: Path, expected: str) -> None:
    """Raise BadArtifact where a file is missing or hashes to something else."""
    if not path.is_file():
        raise BadArtifact(f"{path}: missing")
    found = file_sha256(path)
    if found != expected:
        raise BadArtifact(f"{path}: damaged: hashes to {found[:12]}, not {expected[:12]}")


def _restore(network: BiEncoder, tensors: dict[str, Tensor], folder: Path) -> None:
    expected = shipped_weights(network).keys()
    odd = sorted(expected ^ tensors.keys())
    if odd:
        raise BadArtifact(f"{folder}: {len(odd)} weights are missing or unknown, such as {odd[0]!r}")
    try:
        network.load_state_dict({name: tensor.float() for name, tensor in tensors.items()}, strict=False)
    except RuntimeError as error:
        raise BadArtifact(f"{folder}: weights do not fit the configuration: {error}") from error
