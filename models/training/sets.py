"""Public NER sets as training reads them: sentences of words with spans, and the mix they are drawn from.

Owns reading, filtering (held-out types, sentences of test splits) and cutting into words as in service.
A set is a folder of gzipped JSON lines, `{"tokens": [...], "entities": [{"start", "end", "label"}]}`.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

import yaml

from models.errors import BadTrainingData
from models.passages import tokenize_words
from models.shapes import shapes
from models.types import Document, Span
from models.verbalise import verbalisations
from models.words import split_words

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from transformers import PreTrainedTokenizerFast

    from models.shapes import Shape

#: Longest training sentence, in pieces; the few longer ones are left out.
MAX_PIECES = 192


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """A group of types that training never shows."""

    name: str
    data_set: str
    file: str
    #: Names of the types; None for all of the set's.
    labels: frozenset[str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """The sets to train on, with weights, and what is kept from them."""

    files: dict[str, tuple[str, ...]]
    weights: dict[str, float]
    held_out: tuple[HeldOut, ...]
    forbidden: tuple[str, ...]
    #: Unseen sentences of sets whose types are partly known: with `held_out`, what calibration is chosen on.
    familiar: tuple[HeldOut, ...] = ()

    def hidden(self, data_set: str) -> frozenset[str]:
        """Held-out types of a set that is otherwise trained on."""
        groups = [group.labels for group in self.held_out if group.data_set == data_set and group.labels]
        return frozenset().union(*groups)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A sentence ready for the network; spans count words, both ends included."""

    pieces: tuple[tuple[int, ...], ...]
    shapes: tuple[Shape, ...]
    spans: tuple[tuple[int, int, str], ...]


def load_mix(*, everything: bool = False) -> Mix:
    """The mix that the shipped weights were trained on (models/training/mix.yaml).

    With `everything` the held-out groups are part of it, and nothing is left to measure by.
    """
    raw = yaml.safe_load((resources.files("models.training") / "mix.yaml").read_text(encoding="utf-8"))
    if everything:
        raw |= {"sets": raw["sets"] | raw["joining"], "held_out": [], "familiar": []}
    return Mix(
        files={name: tuple(entry["files"]) for name, entry in raw["sets"].items()},
        weights={name: float(entry["weight"]) for name, entry in raw["sets"].items()},
        held_out=tuple(_held_out(group) for group in raw["held_out"]),
        forbidden=tuple(raw["forbidden"]),
        familiar=tuple(_held_out(group) for group in raw["familiar"]),
    )


def _held_out(group: dict[str, Any]) -> HeldOut:
    labels = frozenset(group["labels"]) if "labels" in group else None
    return HeldOut(name=group["name"], data_set=group["set"], file=group["file"], labels=labels)


def read_file(path: Path) -> Iterator[dict[str, Any]]:
    """Records of one gzipped JSON lines file. Raises BadTrainingData naming the file where it is not there."""
    if not path.is_file():
        raise BadTrainingData(f"{path}: no such file; --data must name a folder with one folder a set")
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        for line in stream:
            yield json.loads(line)


def forbidden_sentences(data: Path, mix: Mix) -> set[int]:
    """Hashes of the lower-cased sentences of every test split that training must not see."""
    return {
        hash(_key(record))
        for pattern in mix.forbidden
        for path in sorted(data.glob(f"{pattern}.jsonl.gz"))
        for record in read_file(path)
    }


def load_documents(data: Path, group: HeldOut, limit: int) -> list[Document]:
    """Held-out sentences as documents, at most `limit`, spread evenly, with the group's entities as gold."""
    wanted = group.labels or frozenset(verbalisations(group.data_set))
    found = [
        document
        for i, record in enumerate(read_file(data / group.data_set / f"{group.file}.jsonl.gz"))
        if (document := _document(f"{group.data_set}-{i}", record, wanted)).entities
    ]
    return found[:: max(1, len(found) // limit)][:limit]


def load_sentences(
    data: Path, data_set: str, mix: Mix, tokenizer: PreTrainedTokenizerFast, forbidden: set[int]
) -> list[Sentence]:
    """Training sentences of one set, without those of test splits and those that show a held-out type."""
    records = _records(data, data_set, mix, forbidden)
    return [sentence for record in records if (sentence := _sentence(record, tokenizer)) is not None]


def training_documents(data: Path, data_set: str, mix: Mix, forbidden: set[int]) -> list[Document]:
    """The same sentences as documents; entities carry the set's own type names, without those that say nothing."""
    wanted = frozenset(verbalisations(data_set))
    records = _records(data, data_set, mix, forbidden)
    return [_document(f"{data_set}-{i}", record, wanted) for i, record in enumerate(records)]


def _records(data: Path, data_set: str, mix: Mix, forbidden: set[int]) -> Iterator[dict[str, Any]]:
    hidden = mix.hidden(data_set)
    for file in mix.files[data_set]:
        for record in read_file(data / data_set / f"{file}.jsonl.gz"):
            shows_hidden = any(entity["label"] in hidden for entity in record["entities"])
            if hash(_key(record)) not in forbidden and not shows_hidden:
                yield record


def _key(record: dict[str, Any]) -> str:
    return " ".join(record["tokens"]).lower()


def _document(name: str, record: dict[str, Any], wanted: frozenset[str] | None) -> Document:
    text, offsets = join(record["tokens"])
    spans = tuple(
        Span(start=offsets[entity["start"]][0], end=offsets[entity["end"] - 1][1], label=entity["label"])
        for entity in record["entities"]
        if wanted is None or entity["label"] in wanted
    )
    return Document(id=name, text=text, entities=spans)


def join(tokens: list[str]) -> tuple[str, list[tuple[int, int]]]:
    """Tokens as one text, separated by spaces, with each token's code-point offsets."""
    offsets, position = [], 0
    for token in tokens:
        offsets.append((position, position + len(token)))
        position += len(token) + 1
    return " ".join(tokens), offsets


def _sentence(record: dict[str, Any], tokenizer: PreTrainedTokenizerFast) -> Sentence | None:
    document = _document("", record, None)
    words = split_words(document.text)
    strings = [document.text[word.start : word.end] for word in words]
    pieces = tokenize_words(tokenizer, strings) if strings else []
    seen = [i for i, ids in enumerate(pieces) if ids]
    if not seen or sum(len(ids) for ids in pieces) > MAX_PIECES:
        return None
    starts = {words[i].start: n for n, i in enumerate(seen)}
    ends = {words[i].end: n for n, i in enumerate(seen)}
    return Sentence(
        pieces=tuple(tuple(pieces[i]) for i in seen),
        shapes=tuple(shapes([strings[i] for i in seen])),
        spans=tuple(
            (starts[span.start], ends[span.end], span.label)
            for span in document.entities or ()
            if span.start in starts and span.end in ends
        ),
    )
