"""From a caller's stream to plain blocks of bytes: gzip expanded, byte order mark dropped, size held.

Knows nothing of lines. The limit is checked as data expands, so a small file that unfolds into a huge one
costs neither memory nor disk.
"""

from __future__ import annotations

import gzip
import io
import zlib
from typing import TYPE_CHECKING, BinaryIO

from corpora.errors import CorpusTooLarge, InvalidCorpus, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _typeshed import WriteableBuffer

BLOCK_BYTES = 128 * 1024
_GZIP_MAGIC = b"\x1f\x8b"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class _Filling(io.RawIOBase):
    """A stream that may give fewer bytes than asked, read so that only its end does."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__()
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer).cast("B")
        filled = 0
        while filled < len(view):
            data = self._stream.read(len(view) - filled)
            if not data:
                break
            view[filled : filled + len(data)] = data
            filled += len(data)
        return filled


def expanded_blocks(stream: BinaryIO, max_bytes: int) -> Iterator[bytes]:
    """Blocks of the expanded content, none empty, without a byte order mark at the start.

    Raises `CorpusTooLarge` once more than `max_bytes` came, `InvalidCorpus` (`bad_gzip`) for gzip that is
    cut short or corrupt. The stream itself is left open.
    """
    source = io.BufferedReader(_Filling(stream), BLOCK_BYTES)
    compressed = source.peek(len(_GZIP_MAGIC)).startswith(_GZIP_MAGIC)
    blocks = _expand(source) if compressed else iter(lambda: source.read(BLOCK_BYTES), b"")
    total = 0
    for block in blocks:
        content = block if total else block.removeprefix(_BYTE_ORDER_MARK)
        total += len(block)
        if total > max_bytes:
            raise CorpusTooLarge(max_bytes)
        if content:
            yield content


def _expand(source: io.BufferedReader[_Filling]) -> Iterator[bytes]:
    expanded = 0
    with gzip.GzipFile(fileobj=source, mode="rb") as unfolding:
        try:
            # read1, not read: what came before the damage is still handed on and checked.
            while block := unfolding.read1(BLOCK_BYTES):
                expanded += len(block)
                yield block
        except EOFError:
            raise _damaged("ends early", expanded) from None
        except (gzip.BadGzipFile, zlib.error) as error:
            raise _damaged(f"is corrupt ({error})", expanded) from None


def _damaged(what: str, expanded: int) -> InvalidCorpus:
    sentence = f"the gzip data {what}, after {expanded:,} expanded bytes; compress the file again"
    return InvalidCorpus((Problem.at(None, "bad_gzip", sentence),))
