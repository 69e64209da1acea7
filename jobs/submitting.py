"""From a stream of documents to a queued job, and from a job that ended to one over what failed in it.

Owns the order of steps: the job row first, then the corpus, then the chunks, then the bell; of a retry, whose
corpus is no stranger's, the corpus first. The broker may be away: the job is queued all the same and its bells
stay owed.
"""

from __future__ import annotations

import io
from contextlib import suppress
from datetime import timedelta
from heapq import merge
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import structlog

from corpora.chunks import read_lines
from corpora.errors import InvalidCorpus
from corpora.ingest import ingest
from corpora.limits import DEFAULT_LIMITS
from jobs.errors import BrokerUnavailable, JobUnfinished, LedgerError, NothingToRetry
from jobs.queue import ring_owed
from jobs.records import DroppedChunk
from jobs.routing import pieces, queue_for
from jobs.states import FINAL, JobKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import BinaryIO

    from corpora.blobs import BlobStore
    from corpora.ingest import StoredCorpus
    from corpora.limits import Limits
    from jobs.queue import Doorbell
    from jobs.records import FailedLines, JobView
    from jobs.store import Ledger

#: What a job is told of an error that no room raises on purpose.
_NOT_STORED = "the corpus could not be read to its end or not be stored; submit it again"

_log = structlog.get_logger("tagwerk.submitting")


def submit_corpus(
    ledger: Ledger,
    blobs: BlobStore,
    bell: Doorbell,
    stream: BinaryIO,
    *,
    kind: JobKind,
    tagger: str,
    engine: str,
    labels: list[dict[str, Any]],
    options: dict[str, Any],
    hours: float,
    limits: Limits = DEFAULT_LIMITS,
    name: str | None = None,
    tenant: str = "local",
    progress: Callable[[int], None] | None = None,
) -> str:
    """Make a job of the JSON Lines that `stream` gives and return its id; it expires `hours` from now.

    `progress` is told the number of good documents so far. Raises `InvalidCorpus` or `CorpusTooLarge`; the
    job is then failed, with the problems as its error. A broker that is away is no error.
    """
    job_id = ledger.create_job(
        kind=kind,
        tagger=tagger,
        engine=engine,
        labels=labels,
        options=options,
        hours=hours,
        name=name,
        tenant=tenant,
    )
    try:
        corpus = ingest(stream, blobs, limits, progress)
    except Exception as error:
        # The first error is the one to tell, also where the job was cancelled meanwhile.
        with suppress(LedgerError):
            ledger.reject(job_id, _told(error))
        raise
    ring(ledger, bell, _enqueue(ledger, job_id, corpus))
    return job_id


def retry(
    ledger: Ledger,
    blobs: BlobStore,
    bell: Doorbell | None,
    job_id: str,
    *,
    limits: Limits = DEFAULT_LIMITS,
    tenant: str | None = None,
) -> str:
    """Make a child job of exactly the documents of a finished job that failed, and return its id.

    It has as much time as its parent had. Without a bell its bells stay owed, and ringing is the caller's. Raises
    `UnknownJob`, also where a tenant is named and the job is another's, `JobUnfinished`, `NothingToRetry`, and
    `UnknownBlob` or `DamagedBlob` where the corpus is gone or torn; where it cannot be read there is no child.
    """
    parent = ledger.job(job_id) if tenant is None else ledger.tenant(tenant).job(job_id)
    if parent.state not in FINAL:
        raise JobUnfinished(job_id, parent.state)
    if not parent.failed or parent.blob is None:
        raise NothingToRetry(job_id)
    # Before there is a child: a corpus that cannot be read would leave one that failed.
    failed = io.BufferedReader(_Stream(_failed_documents(ledger, blobs, parent, parent.blob)))
    corpus = ingest(failed, blobs, limits)
    child_id = ledger.create_job(
        kind=parent.kind,
        tagger=parent.tagger,
        engine=parent.engine,
        labels=parent.labels,
        options=parent.options,
        hours=(parent.expires_at - parent.created_at) / timedelta(hours=1),
        name=parent.name,
        tenant=parent.tenant,
        parent_id=job_id,
    )
    queue = _enqueue(ledger, child_id, corpus)
    if bell is not None:
        ring(ledger, bell, queue)
    return child_id


def _enqueue(ledger: Ledger, job_id: str, corpus: StoredCorpus) -> str:
    """Queue a job over its stored corpus, all bells owed, and return the queue."""
    job = ledger.job(job_id)
    chunks = pieces(job.kind, corpus.bytes, corpus.chunks)
    documents = sum(chunk.documents for chunk in chunks)
    queue = queue_for(job.kind, job.engine)
    ledger.enqueue(job_id, blob=corpus.key, documents=documents, chunks=chunks, queue=queue)
    return queue


def ring(ledger: Ledger, bell: Doorbell, queue: str) -> None:
    """Ring the bells that a queue is owed; those of a broker that is away stay owed, which is only logged."""
    try:
        ring_owed(ledger, bell, queue)
    except BrokerUnavailable as error:
        _log.warning("bells_owed", queue=queue, code=error.code, reason=str(error))


def _told(error: Exception) -> dict[str, Any]:
    if isinstance(error, InvalidCorpus):
        problems = [{"line": each.line, "code": each.code, "message": each.message} for each in error.problems]
        return {"code": error.code, "message": str(error), "problems": problems, "total": error.total}
    if isinstance(error, OSError) or not hasattr(error, "code"):
        # Its text is made for operators, who have the log, and may hold paths of this machine.
        return {"code": getattr(error, "code", "ingest_failed"), "message": _NOT_STORED}
    return {"code": error.code, "message": str(error)}


def _failed_documents(ledger: Ledger, blobs: BlobStore, job: JobView, blob: str) -> Iterator[bytes]:
    """Yield the raw lines of all documents that failed, in the order of the corpus, a chunk at a time."""
    dropped: Iterable[DroppedChunk | FailedLines] = ledger.dropped_chunks(job.id)
    for part in merge(dropped, ledger.failed_lines(job.id), key=attrgetter("chunk.seq")):
        if job.kind is JobKind.ADAPT:
            yield blobs.open_range(blob, part.chunk.byte_start, part.chunk.byte_end)
            continue
        wanted = None if isinstance(part, DroppedChunk) else set(part.lines)
        for raw in read_lines(blobs, blob, part.chunk):
            if wanted is None or raw.line in wanted:
                yield raw.data + b"\n"


class _Stream(io.RawIOBase):
    """A readable stream over pieces that are made as they are read."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 -- any writable buffer, as the base class says
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = piece
        taken = min(len(buffer), len(self._rest))
        buffer[:taken], self._rest = self._rest[:taken], self._rest[taken:]
        return taken
