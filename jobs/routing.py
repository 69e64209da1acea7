"""Where the work of a job goes: the queue it waits in, and the pieces it is done in.

Owns these two decisions alone, so that the store can take them without speaking to a broker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from corpora.chunks import ChunkRange
from jobs.states import JobKind

if TYPE_CHECKING:
    from collections.abc import Sequence


def queue_for(kind: JobKind, engine: str) -> str:
    """Return the queue whose workers can do a job of this kind with this engine."""
    if kind is JobKind.ADAPT:
        return "adapt"
    return "llm" if engine in ("llm", "cascade") else "tag"


def pieces(kind: JobKind, size: int, chunks: Sequence[ChunkRange]) -> Sequence[ChunkRange]:
    """Return the chunks of a job over a corpus of `size` bytes that lies in `chunks`."""
    if kind is not JobKind.ADAPT:
        return chunks
    # All examples are learnt from together, so an adaptation is one piece of work.
    return (ChunkRange(seq=0, byte_start=0, byte_end=size, first_line=1, documents=1),)
