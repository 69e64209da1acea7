"""Taking a corpus in: one pass that checks it, stores it expanded and says where its chunks lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from corpora.chunks import Chunker, ChunkRange
from corpora.errors import InvalidCorpus
from corpora.expanding import expanded_blocks
from corpora.problems import Problems
from corpora.scanning import scan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from corpora.blobs import BlobStore, BlobWriter
    from corpora.limits import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCorpus:
    """A corpus that is valid and stored."""

    #: Name of its blob.
    key: str
    #: Size as stored: expanded, without a byte order mark.
    bytes: int
    documents: int
    chunks: tuple[ChunkRange, ...]


class _Copy:
    """Writes blocks to the blob on their way to the scan, until a first problem makes that pointless."""

    def __init__(self, blocks: Iterable[bytes], writer: BlobWriter, problems: Problems) -> None:
        self.bytes = 0
        self._blocks = blocks
        self._writer = writer
        self._problems = problems

    def __iter__(self) -> Iterator[bytes]:
        for block in self._blocks:
            self.bytes += len(block)
            if not self._problems:
                self._writer.write(block)
            yield block


def ingest(
    stream: BinaryIO, blobs: BlobStore, limits: Limits, progress: Callable[[int], None] | None = None
) -> StoredCorpus:
    """Check and store the JSON Lines, plain or gzip, that `stream` gives from where it stands.

    `progress` is told the number of good documents so far, now and then and at the end. Raises
    `InvalidCorpus` after the whole file was read, `CorpusTooLarge` at once; neither leaves anything stored.
    """
    problems = Problems()
    chunker = Chunker(chunk_documents=limits.chunk_documents, chunk_bytes=limits.chunk_bytes)
    documents = 0
    with blobs.writer() as writer:
        copy = _Copy(expanded_blocks(stream, limits.max_corpus_bytes), writer, problems)
        for placed in scan(copy, limits, problems):
            chunker.add(placed.place.number, placed.place.start, placed.place.end)
            documents += 1
            if progress and documents % limits.chunk_documents == 0:
                progress(documents)
        if problems:
            raise InvalidCorpus(problems.kept, problems.total)
        key = writer.commit()
    if progress:
        progress(documents)
    return StoredCorpus(key=key, bytes=copy.bytes, documents=documents, chunks=chunker.finish())
