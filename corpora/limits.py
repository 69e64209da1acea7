"""The limits a corpus is read under, as a plain value; where they come from is the settings' business."""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Sizes are bytes of UTF-8 after expansion."""

    #: Longest line that is read into memory, its line break left out.
    max_line_bytes: int = 8 * MIB
    max_corpus_bytes: int = 20 * GIB
    #: Most documents in a chunk.
    chunk_documents: int = 64
    #: Most bytes in a chunk, unless a single document is larger.
    chunk_bytes: int = 128 * KIB


DEFAULT_LIMITS = Limits()
