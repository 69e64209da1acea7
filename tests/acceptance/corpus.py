"""A corpus of any size, of documents so short that a small machine tags hundreds a second."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_BANDS = ("Glass Harbour", "The Quiet Foxes", "Ada Lindqvist", "Northern Weather", "Mount Orchid")
_CITIES = ("Oslo", "Porto", "Leipzig", "Galway", "Turin", "Ghent", "Aarhus")


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """A corpus file, its label file, and the ids of its documents in order."""

    path: Path
    labels: Path
    ids: list[str]


def write(folder: Path, documents: int) -> Corpus:
    """Write so many documents of five to eight words."""
    folder.mkdir(exist_ok=True)
    path, labels = folder / "corpus.jsonl", folder / "labels.yaml"
    ids = [f"d{number:05}" for number in range(documents)]
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps({"id": name, "text": _text(n)}) + "\n" for n, name in enumerate(ids))
    labels.write_text("- name: band\n  description: a music group that performs together\n", encoding="utf-8")
    return Corpus(path=path, labels=labels, ids=ids)


def _text(number: int) -> str:
    return f"{_BANDS[number % len(_BANDS)]} play {_CITIES[number % len(_CITIES)]} on night {number}"
