"""From blocks of bytes to numbered lines with their place in the file.

An overlong line is measured, not kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@dataclass(frozen=True, slots=True, kw_only=True)
class RawLine:
    """One line, blank ones included. `start` and `end` are byte offsets, `end` after the line break."""

    #: From 1.
    number: int
    start: int
    end: int
    #: Bytes without the line feed.
    size: int
    #: None where the line is over the limit.
    data: bytes | None


class _OpenLine:
    """The line being read; lets go of its bytes as soon as they pass the limit."""

    def __init__(self, max_bytes: int) -> None:
        self.size = 0
        self._max_bytes = max_bytes
        self._number = 1
        self._start = 0
        self._pieces: list[bytes] = []

    def extend(self, piece: bytes) -> None:
        self.size += len(piece)
        if self.size > self._max_bytes:
            self._pieces.clear()
        else:
            self._pieces.append(piece)

    def close(self, break_bytes: int) -> RawLine:
        data = b"".join(self._pieces) if self.size <= self._max_bytes else None
        end = self._start + self.size + break_bytes
        line = RawLine(number=self._number, start=self._start, end=end, size=self.size, data=data)
        self._pieces.clear()
        self._number, self._start, self.size = self._number + 1, end, 0
        return line


def split_lines(blocks: Iterable[bytes], max_line_bytes: int) -> Iterator[RawLine]:
    """The lines of a file given in blocks of any size; only a line feed ends a line."""
    line = _OpenLine(max_line_bytes)
    for block in blocks:
        first, *others = block.split(b"\n")
        line.extend(first)
        for piece in others:
            yield line.close(break_bytes=1)
            line.extend(piece)
    if line.size:
        yield line.close(break_bytes=0)
