"""Stored corpora: immutable files named by the SHA-256 of their content, in one shared folder.

Owns writing them whole or not at all, and reading ranges of them; knows nothing of what is in them.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import time
import uuid
from typing import TYPE_CHECKING, BinaryIO

from corpora.errors import DamagedBlob, UnknownBlob

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_KEY = re.compile(r"[0-9a-f]{64}")
_UNFINISHED = ".part"


class BlobWriter:
    """A blob in the making; it becomes visible, under its key, by `commit` and not before."""

    def __init__(self, root: Path, temporary: Path, file: BinaryIO) -> None:
        self._root = root
        self._temporary = temporary
        self._file = file
        self._digest = hashlib.sha256()

    def write(self, data: bytes) -> None:
        """Append bytes."""
        self._digest.update(data)
        self._file.write(data)

    def commit(self) -> str:
        """Make the blob durable and visible; returns its key. The same content again is one blob."""
        self._file.flush()
        os.fsync(self._file.fileno())
        key = self._digest.hexdigest()
        self._temporary.replace(self._root / key)
        _sync_folder(self._root)
        return key


class BlobStore:
    """The blobs under `root`, a folder that is made on the first write."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, key: str) -> Path:
        """Where the blob of this key lies or would lie; `UnknownBlob` for what cannot be a key."""
        if not _KEY.fullmatch(key):
            raise UnknownBlob(key)
        return self.root / key

    def exists(self, key: str) -> bool:
        """Whether the blob is stored."""
        return self.path(key).is_file()

    def open_range(self, key: str, start: int, end: int) -> bytes:
        """Bytes `start` to `end` (exclusive) of a blob; `DamagedBlob` when it has fewer."""
        try:
            with self.path(key).open("rb") as file:
                file.seek(start)
                data = file.read(end - start)
        except FileNotFoundError:
            raise UnknownBlob(key) from None
        if len(data) != end - start:
            raise DamagedBlob(key, f"bytes {start:,} to {end:,} were wanted, {len(data):,} are there")
        return data

    @contextlib.contextmanager
    def writer(self) -> Iterator[BlobWriter]:
        """A writer whose temporary file is gone afterwards, however the block ends."""
        self.root.mkdir(parents=True, exist_ok=True)
        temporary = self.root / f"{uuid.uuid4().hex}{_UNFINISHED}"
        try:
            with temporary.open("xb") as file:
                yield BlobWriter(self.root, temporary, file)
        finally:
            temporary.unlink(missing_ok=True)

    def sweep(self, older_than_s: float) -> int:
        """Delete temporary files that nothing was written to for so many seconds; returns how many."""
        limit = time.time() - older_than_s
        swept = 0
        for temporary in self.root.glob(f"*{_UNFINISHED}"):
            with contextlib.suppress(FileNotFoundError):
                if temporary.stat().st_mtime <= limit:
                    temporary.unlink()
                    swept += 1
        return swept


def _sync_folder(folder: Path) -> None:
    # Without this a power cut can lose the renaming although the file itself is on disk.
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
