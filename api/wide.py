"""Result lines with offsets in UTF-16 code units: each line paired with its own document's text.

Owns the pairing, by line of the corpus. Of the corpus only lines whose offsets may differ are taken apart.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from corpora.documents import parse_document
from corpora.errors import DamagedBlob, UnknownBlob
from corpora.lines import split_lines
from corpora.results import dump, utf16_offsets

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from corpora.blobs import BlobStore

BLOCK = 256 * 1024


def wide_lines(lines: Iterable[tuple[int, str]], blobs: BlobStore, key: str | None) -> Iterator[tuple[int, str]]:
    """The same numbered lines with offsets in UTF-16 units; `key` names the corpus, `lines` rise.

    Raises `UnknownBlob` or `DamagedBlob` on the way.
    """
    if key is None:
        yield from lines
        return
    stored = _stored(blobs.path(key), key)
    for number, body in lines:
        line = json.loads(body)
        if not line.get("entities"):
            yield number, body
            continue
        yield number, dump(utf16_offsets(line, _text(stored, number, key)))


def _stored(path: Path, key: str) -> Iterator[tuple[int, bytes]]:
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise UnknownBlob(key) from None
    with file:
        for line in split_lines(iter(lambda: file.read(BLOCK), b""), sys.maxsize):
            yield line.number, line.data or b""


def _text(stored: Iterator[tuple[int, bytes]], number: int, key: str) -> str:
    data = next((data for found, data in stored if found == number), None)
    if data is None:
        raise DamagedBlob(key, f"line {number:,} was tagged and is not there")
    return parse_document(data, number).text
