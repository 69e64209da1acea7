"""Chunks: byte ranges of a stored corpus, small enough to be one piece of work.

Owns where the cuts fall and how a range is read back with the file's own line numbers. Ranges are in order,
never overlap and leave out nothing but blank lines.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from corpora.documents import NumberedDocument, parse_document
from corpora.errors import DamagedBlob
from corpora.scanning import is_blank

if TYPE_CHECKING:
    from corpora.blobs import BlobStore


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkRange:
    """Bytes `byte_start` to `byte_end` (exclusive): whole lines, the first of them a document's."""

    #: Place among the chunks of the corpus, from 0.
    seq: int
    byte_start: int
    byte_end: int
    #: Line of the file at `byte_start`, from 1.
    first_line: int
    documents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberedLine:
    """The raw bytes of one document, without its line break, and its line in the file."""

    line: int
    data: bytes


class Chunker:
    """Cuts a corpus into chunks as its documents are fed in, in order."""

    def __init__(self, *, chunk_documents: int, chunk_bytes: int) -> None:
        self._max_documents = chunk_documents
        self._max_bytes = chunk_bytes
        self._closed: list[ChunkRange] = []
        self._documents = 0
        self._first_line = self._start = self._end = 0

    def add(self, line: int, byte_start: int, byte_end: int) -> None:
        """Take the next document, on `line`, in bytes `byte_start` to `byte_end`."""
        full = self._documents >= self._max_documents
        if self._documents and (full or byte_end - self._start > self._max_bytes):
            self._close()
        if not self._documents:
            self._first_line, self._start = line, byte_start
        self._documents += 1
        self._end = byte_end

    def finish(self) -> tuple[ChunkRange, ...]:
        """All chunks; call once, after the last document."""
        if self._documents:
            self._close()
        return tuple(self._closed)

    def _close(self) -> None:
        self._closed.append(
            ChunkRange(
                seq=len(self._closed),
                byte_start=self._start,
                byte_end=self._end,
                first_line=self._first_line,
                documents=self._documents,
            )
        )
        self._documents = 0


def read_lines(blobs: BlobStore, key: str, chunk: ChunkRange) -> list[NumberedLine]:
    """The raw lines of a chunk's documents, in order.

    Raises `UnknownBlob`, or `DamagedBlob` when the range does not hold as many documents as were counted.
    """
    data = blobs.open_range(key, chunk.byte_start, chunk.byte_end)
    lines = [
        NumberedLine(line=number, data=line)
        for number, line in enumerate(data.split(b"\n"), start=chunk.first_line)
        if not is_blank(line)
    ]
    if len(lines) != chunk.documents:
        raise DamagedBlob(key, f"chunk {chunk.seq} holds {len(lines)} documents, {chunk.documents} were counted")
    return lines


def read_chunk(blobs: BlobStore, key: str, chunk: ChunkRange) -> list[NumberedDocument]:
    """The documents of a chunk, in order; errors as `read_lines`."""
    return [
        NumberedDocument(line=raw.line, document=parse_document(raw.data, raw.line))
        for raw in read_lines(blobs, key, chunk)
    ]


def read_ids(blobs: BlobStore, key: str, chunk: ChunkRange) -> list[tuple[int, str]]:
    """Line and id of every document of a chunk, in order; errors as `read_lines`."""
    return [(numbered.line, numbered.document.id) for numbered in read_chunk(blobs, key, chunk)]
