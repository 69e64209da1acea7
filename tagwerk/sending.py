"""Corpora and labels as callers of the client hand them over, and as they are sent.

Owns the many forms that are welcome. What is in them is for the server to judge.
"""

from __future__ import annotations

import errno
import io
import json
import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from corpora.labels import load_labels
from corpora.quoting import quoted
from models.types import Document, Label
from models.typing_hierarchy import load_types, stored
from tagwerk.errors import UnusableInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from models.types import Span

#: What a corpus may be: a file by name, bytes, a stream of bytes, or documents.
Corpus = Path | str | bytes | BinaryIO | io.BufferedIOBase | Iterable[Mapping[str, Any] | Document]
#: What labels may be: a label file by path, names, objects, or a mapping from name to description.
Labels = Path | str | Mapping[str, Any] | Iterable[str | Label | Mapping[str, Any]]

#: What types may be: a type file by path, or names, paths and objects.
Types = Path | str | Iterable[str | Mapping[str, Any]]

#: Bytes sent at a time.
BLOCK = 2**16


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A corpus on its way out."""

    #: Gives it from its beginning.
    blocks: Callable[[], Iterator[bytes]]
    #: Whether `blocks` can be called a second time.
    repeatable: bool
    #: Bytes that it has, where that is known beforehand.
    size: int | None = None


def source_of(corpus: Corpus) -> Source:
    """How to send a corpus. Raises `OSError` for a file that is not there, `UnusableInput` for what is no corpus."""
    if isinstance(corpus, str | Path):
        return _of_file(Path(corpus))
    if isinstance(corpus, bytes):
        return _of_stream(io.BytesIO(corpus))
    if hasattr(corpus, "read"):
        return _of_stream(cast("BinaryIO", corpus))
    if isinstance(corpus, Iterable) and not isinstance(corpus, Mapping):
        # A generator is its own iterator and has one life.
        return Source(blocks=lambda: _joined(corpus), repeatable=iter(corpus) is not corpus)
    raise UnusableInput(f"{quoted(corpus)} is no corpus; give a path, a binary stream, or an iterable of documents")


def label_entries(labels: Labels) -> list[Any] | dict[str, Any]:
    """Labels as a request has them. Raises `InvalidLabels` and `OSError` for a label file."""
    if isinstance(labels, str | Path):
        return [asdict(label) for label in load_labels(Path(labels)).labels]
    if isinstance(labels, bytes) or not isinstance(labels, Iterable):
        raise UnusableInput(f"{quoted(labels)} are no labels; give a list of names, a mapping, or a label file's path")
    if isinstance(labels, Mapping):
        return dict(labels)
    return [_entry(label) for label in labels]


def type_entries(types: Types) -> list[Any]:
    """Types as a request has them. Raises `InvalidTypes` and `OSError` for a type file."""
    if isinstance(types, str | Path):
        return stored(load_types(Path(types)))
    if isinstance(types, bytes | Mapping) or not isinstance(types, Iterable):
        raise UnusableInput(f"{quoted(types)} are no types; give a list of names or paths, or a type file's path")
    return [dict(each) if isinstance(each, Mapping) else each for each in types]


def as_json(value: object, what: str) -> bytes:
    """A value as JSON; `what` names it where it cannot be. All ASCII, so that nothing fails to be encoded."""
    try:
        return json.dumps(value, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise UnusableInput(f"{what} cannot be written as JSON: {error}") from error


def _entry(label: str | Label | Mapping[str, Any]) -> Any:  # noqa: ANN401 -- what is no label is for the server to refuse
    if isinstance(label, Label):
        return asdict(label)
    return dict(label) if isinstance(label, Mapping) else label


def _of_file(path: Path) -> Source:
    found = path.stat()
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    regular = stat.S_ISREG(found.st_mode)

    def blocks() -> Iterator[bytes]:
        with path.open("rb") as file:
            yield from _blocks(file)

    return Source(blocks=blocks, repeatable=regular, size=found.st_size if regular else None)


def _of_stream(stream: BinaryIO) -> Source:
    if not stream.seekable():
        return Source(blocks=lambda: _blocks(stream), repeatable=False)
    start = stream.tell()

    def blocks() -> Iterator[bytes]:
        stream.seek(start)
        yield from _blocks(stream)

    return Source(blocks=blocks, repeatable=True, size=_size(stream, start))


def _size(stream: BinaryIO, start: int) -> int | None:
    """What a plain file has left; of others the number that the system tells may not be what they give."""
    plain = isinstance(stream, io.BufferedReader) and isinstance(stream.raw, io.FileIO)
    if not plain:
        return None
    found = os.fstat(stream.fileno())
    return max(0, found.st_size - start) if stat.S_ISREG(found.st_mode) else None


def _blocks(stream: BinaryIO) -> Iterator[bytes]:
    while block := stream.read(BLOCK):
        if isinstance(block, str):
            raise UnusableInput("the corpus is a stream of text; open it in binary mode")
        yield block


def _joined(documents: Iterable[Mapping[str, Any] | Document]) -> Iterator[bytes]:
    """The documents as JSON Lines, many a block."""
    block = bytearray()
    for number, document in enumerate(documents, 1):
        block += as_json(_fields(document, number), f"document {number:,}") + b"\n"
        if len(block) >= BLOCK:
            yield bytes(block)
            block.clear()
    yield bytes(block)


def _fields(document: Mapping[str, Any] | Document, number: int) -> dict[str, Any]:
    if isinstance(document, Mapping):
        return dict(document)
    if not isinstance(document, Document):
        raise UnusableInput(f"document {number:,} is {quoted(document)}, not a mapping with id and text")
    spans = document.entities
    entities = spans and [_entity(span) for span in spans]
    return {"id": document.id, "text": document.text, "meta": document.meta, "entities": entities}


def _entity(span: Span) -> dict[str, Any]:
    told: dict[str, Any] = {"start": span.start, "end": span.end}
    if span.label:
        told["label"] = span.label
    if span.types is not None:
        told["types"] = [each.name for each in span.types]
    return told
