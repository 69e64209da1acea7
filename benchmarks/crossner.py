"""The five CrossNER domains, and two more sets, as the commands read them: documents, and labels in plain words.

Owns the reading alone. A data folder holds crossner_ai, crossner_literature and so on, each with its splits as gzipped
JSON Lines and labels.json, a description for each type; conll2003 likewise; btc, tweets, has parts in the place of
splits and no descriptions.
"""

from __future__ import annotations

import json
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from models.scores import Scorer
from models.training.sets import join, read_file
from models.types import Document, Label, Span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.tagger import Tagger

DOMAINS = ("ai", "literature", "music", "politics", "science")
#: Sets besides, by the files of their splits where these are named otherwise; of btc as its paper has it.
FURTHER: dict[str, dict[str, tuple[str, ...]]] = {
    "conll2003": {},
    "btc": {"train": ("part_a", "part_b", "part_e", "part_g"), "test": ("part_f",)},
}
TWEETS = {
    "PER": Label(name="person", description="the name of a human being, or the handle of one"),
    "ORG": Label(name="organisation", description="the name of a company, an institution, a team or another group"),
    "LOC": Label(name="location", description="the name of a place: a country, city, region or building"),
}
#: What the domain calls what fits none of its types; only counted where that is asked for.
MISC = Label(name="miscellaneous", description="a named entity of the domain that is none of the other types")


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """A domain's labels, by their name in the data, and sentences of one split with the entities of these labels."""

    name: str
    labels: dict[str, Label]
    documents: tuple[Document, ...]


def read(data: Path, name: str, split: str, *, misc: bool = False, limit: int | None = None) -> Domain:
    """A domain's split; entities of `misc` are left out unless it is asked for."""
    folder = data / (name if name in FURTHER else f"crossner_{name}")
    labels = TWEETS if name == "btc" else labels_of(folder) | ({"misc": MISC} if misc else {})
    files = FURTHER.get(name, {}).get(split, (split,))
    found = [document for file in files for document in documents(folder, file, labels)]
    return Domain(name=name, labels=labels, documents=tuple(found[:limit]))


def labels_of(folder: Path) -> dict[str, Label]:
    """The domain's types but `misc`, by their name in the data, in plain words."""
    descriptions = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
    names = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
    return {
        name: Label(name=names.get(name, name), description=description)
        for name, description in descriptions.items()
        if name != "misc"
    }


def documents(folder: Path, split: str, labels: dict[str, Label]) -> list[Document]:
    """A split's sentences, tokens joined by spaces, with the entities of `labels`, named as these are."""
    found = []
    for number, record in enumerate(read_file(folder / f"{split}.jsonl.gz")):
        text, offsets = join(record["tokens"])
        spans = tuple(
            Span(start=offsets[e["start"]][0], end=offsets[e["end"] - 1][1], label=labels[e["label"]].name)
            for e in record["entities"]
            if e["label"] in labels
        )
        found.append(Document(id=str(number), text=text, entities=spans))
    return found


def judged(tagger: Tagger, documents: Sequence[Document], labels: Sequence[Label]) -> Scorer:
    """One pass over documents with gold entities."""
    scorer = Scorer()
    answers = tagger.predict([document.text for document in documents], labels)
    for document, answer in zip(documents, answers, strict=True):
        scorer.add(document.entities or (), answer.spans)
    return scorer


def average(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The row that holds the mean over domains of every figure."""
    means = {name: statistics.mean(row[name] for row in rows) for name in rows[0] if name != "domain"}
    return {"domain": "average"} | means
