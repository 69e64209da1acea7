"""Sets in the layout that the commands read, written for a test."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


def record(text: str, **entities: str) -> dict[str, Any]:
    """A sentence of words; each entity is a word of it by its label."""
    tokens = text.split(" ")
    spans = [
        {"start": tokens.index(word), "end": tokens.index(word) + 1, "label": label} for label, word in entities.items()
    ]
    return {"tokens": tokens, "entities": spans}


def write(path: Path, records: list[dict[str, Any]]) -> None:
    """A split, gzipped."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt", encoding="utf-8") as stream:
        stream.writelines(json.dumps(each) + "\n" for each in records)


def write_domain(data: Path, name: str, labels: dict[str, str], **splits: list[dict[str, Any]]) -> None:
    """A CrossNER domain: descriptions of its types, and splits."""
    folder = data / f"crossner_{name}"
    for split, records in splits.items():
        write(folder / f"{split}.jsonl.gz", records)
    (folder / "labels.json").write_text(json.dumps(labels), encoding="utf-8")
