"""Building small corpora for tests, as bytes and as streams with the habits of real ones."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def line(**fields: object) -> bytes:
    """One document as a line, without its line break."""
    return json.dumps(fields, ensure_ascii=False).encode()


def corpus(*identifiers: str) -> bytes:
    """A corpus of documents with these ids."""
    return b"".join(line(id=identifier, text=f"text of {identifier}") + b"\n" for identifier in identifiers)


class Trickle(io.RawIOBase):
    """A stream made of pieces, which gives at most one of them per read, as a socket does."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        super().__init__()
        self._pieces: Iterator[bytes] = iter(pieces)
        self._left = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        self._left = self._left or next(self._pieces, b"")
        size = len(self._left) if size < 0 else size
        data, self._left = self._left[:size], self._left[size:]
        return data
