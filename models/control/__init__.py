"""The control set: sentences about all sorts of things, which tell what a tagger forgot while it learnt.

Written for this project and never trained on. Torch-free.
"""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from models.types import Document, Label, Span

_FOLDER = Path(__file__).parent


def control() -> tuple[list[Document], list[Label]]:
    """The documents with their entities, and the labels that these have."""
    labels = yaml.safe_load((_FOLDER / "labels.yaml").read_text(encoding="utf-8"))
    lines = (_FOLDER / "documents.jsonl").read_text(encoding="utf-8").splitlines()
    return [_document(line) for line in lines], [Label(**label) for label in labels]


def _document(line: str) -> Document:
    raw = json.loads(line)
    return Document(id=raw["id"], text=raw["text"], entities=tuple(Span(**span) for span in raw["entities"]))
