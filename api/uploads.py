"""Uploads: a corpus checked and stored while it streams in, at the pace of the slower of sender and disk.

Owns the bridge from the event loop, which receives, to a thread, which checks and writes. Memory holds one piece
of the body; uploads have threads of their own, so that slow ones starve nobody else.
"""

from __future__ import annotations

import errno
import io
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import anyio
import structlog
from anyio import CapacityLimiter, from_thread, to_thread

from api.bodies import announced, pieces
from api.errors import StorageFull, StorageUnavailable, TooManyUploads
from corpora.errors import CorpusTooLarge
from corpora.ingest import ingest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from starlette.requests import Request

    from api.figures import Figures
    from api.parts import Parts
    from jobs.records import FileView
    from jobs.store.tenancy import TenantLedger

_log = structlog.get_logger("tagwerk.api")

#: Bytes that the checking thread reads at a time.
BLOCK = 256 * 1024
_FULL = {errno.ENOSPC, errno.EDQUOT}


class Uploads:
    """The uploads of one process."""

    def __init__(self, parts: Parts, figures: Figures) -> None:
        self._parts, self._figures = parts, figures
        self._turns = CapacityLimiter(parts.settings.max_uploads)
        # Apart from the one that other requests share; a turn is a thread, so nobody waits here.
        self._threads = CapacityLimiter(parts.settings.max_uploads)

    async def receive(self, request: Request, tenant: TenantLedger, name: str | None) -> FileView:
        """Store the corpus that a request brings as a file of its tenant; an error leaves nothing stored.

        Raises `InvalidCorpus`, `CorpusTooLarge`, `StorageFull`, `StorageUnavailable`, `TooManyUploads`,
        `UploadStalled`, and `ClientDisconnect` where the sender went away.
        """
        limit = self._parts.limits.max_corpus_bytes
        if announced(request) > limit:
            raise CorpusTooLarge(limit)
        await self._take_turn(request)
        try:
            with self._figures.uploads_in_flight.track_inprogress():
                body = _Body(pieces(request, self._parts.settings.upload_stall_seconds))
                file = await to_thread.run_sync(self._store, body, tenant, name, limiter=self._threads)
        finally:
            self._turns.release_on_behalf_of(request)
        self._figures.uploaded(file.bytes, file.documents)
        return file

    async def _take_turn(self, request: Request) -> None:
        try:
            with anyio.fail_after(self._parts.settings.upload_wait_seconds):
                await self._turns.acquire_on_behalf_of(request)
        except TimeoutError:
            raise TooManyUploads(self._parts.settings.max_uploads) from None

    def _store(self, body: _Body, tenant: TenantLedger, name: str | None) -> FileView:
        with storage():
            corpus = ingest(io.BufferedReader(body, BLOCK), self._parts.blobs, self._parts.limits)
        return tenant.add_file(corpus, name)


class _Body(io.RawIOBase):
    """The body of a request as a stream for a thread; each read waits for the event loop."""

    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        super().__init__()
        self._pieces = pieces
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 -- any writable buffer, as the base class says
        if not self._rest:
            self._rest = memoryview(from_thread.run(self._next))
        taken = min(len(buffer), len(self._rest))
        buffer[:taken], self._rest = self._rest[:taken], self._rest[taken:]
        return taken

    async def _next(self) -> bytes:
        async for piece in self._pieces:
            if piece:
                return piece
        return b""


@contextmanager
def storage() -> Iterator[None]:
    """Turn what disks do into `StorageFull` or `StorageUnavailable`."""
    try:
        yield
    # Ids are compared in a temporary database, on a disk that may be another.
    except (OSError, sqlite3.OperationalError) as error:
        raise storage_error(error) from error


def storage_error(cause: Exception) -> StorageFull | StorageUnavailable:
    """What is told of a disk that failed; the cause is logged."""
    _log.warning("storage_failed", reason=repr(cause))
    full = getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL or getattr(cause, "errno", 0) in _FULL
    return StorageFull() if full else StorageUnavailable()
