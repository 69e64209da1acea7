"""Example sets on disk, the truth that indexes are rebuilt from: a folder with the documents and their words' vectors.

    examples.jsonl          a document a line
    vectors.safetensors     bounds, words and vectors; which encoder, and hashes, in its metadata

Written aside and renamed, so that a folder that is there is whole; checked when it is read.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from retrieval.errors import BadExampleSet
from retrieval.examples import ExampleSet, document_of, key_of, line_of

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

DOCUMENTS = "examples.jsonl"
VECTORS = "vectors.safetensors"
_FORMAT = "1"


def save(folder: Path, examples: ExampleSet) -> None:
    """Write a set as a new folder; `folder` must not be there yet."""
    if folder.exists():
        raise BadExampleSet(f"{folder}: already there; example sets are never written twice")
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    lines = "".join(line_of(document) + "\n" for document in examples.documents)
    (partial / DOCUMENTS).write_text(lines, encoding="ascii")
    arrays = {"bounds": examples.bounds, "words": examples.words, "vectors": examples.vectors}
    tensors: dict[str, NDArray[Any]] = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    said = {
        "format": _FORMAT,
        "key": examples.key,
        "fingerprint": examples.fingerprint,
        "sha256": _hash(tensors, examples.fingerprint),
    }
    save_file(tensors, partial / VECTORS, metadata=said)
    (partial / VECTORS).chmod(0o644)  # safetensors lets its owner alone read what it writes
    partial.rename(folder)


def load(folder: Path) -> ExampleSet:
    """Read a set; raises BadExampleSet where a file is missing, damaged, or is not of the others."""
    try:
        said, tensors = _read(folder / VECTORS)
        lines = (folder / DOCUMENTS).read_text(encoding="ascii").splitlines()
        documents = tuple(document_of(json.loads(line)) for line in lines)
        told = (said["format"], said["sha256"], said["key"])
        arrays = {name: tensors[name] for name in ("bounds", "words", "vectors")}
        found = ExampleSet(documents=documents, **arrays, fingerprint=said["fingerprint"], key=said["key"])
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise BadExampleSet(f"{folder}: not an example set: {error}") from error
    if told != (_FORMAT, _hash(tensors, found.fingerprint), key_of(documents)):
        raise BadExampleSet(f"{folder}: damaged, or of another format than {_FORMAT}: it is not what it says it is")
    return found


def _read(path: Path) -> tuple[dict[str, str], dict[str, NDArray[Any]]]:
    with safe_open(path, framework="numpy") as file:
        return dict(file.metadata() or {}), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def _hash(tensors: dict[str, NDArray[Any]], fingerprint: str) -> str:
    digest = hashlib.sha256(fingerprint.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tensor.shape}\n".encode())
        digest.update(tensor.data)
    return digest.hexdigest()
