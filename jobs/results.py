"""The whole answer to a job: one line for every document of the corpus, in its order.

Owns the lines of documents that no worker reached; those that one did reach are stored as they are given out.
"""

from __future__ import annotations

import json
from heapq import merge
from operator import itemgetter
from typing import TYPE_CHECKING, Protocol

from corpora.chunks import read_ids
from corpora.results import dump, error_line
from jobs.states import DropReason, JobKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from corpora.blobs import BlobStore
    from jobs.records import DroppedChunk, JobView, StoredResult

#: What is said of a document of a dropped chunk.
MESSAGES = {
    DropReason.JOB_CANCELLED: "the job was cancelled before this document was tagged; retry it for the rest",
    DropReason.JOB_EXPIRED: "the job expired before this document was tagged; retry it for the rest",
    DropReason.JOB_FAILED: "the job failed before it came to this document; the job's error says why",
    DropReason.POISON: "workers died again and again on this document or on one beside it",
}


class Source(Protocol):
    """What lines are read from: a `Ledger`, or a `TenantLedger`, which knows its own jobs alone."""

    def job(self, job_id: str) -> JobView:
        """Return a job; raise `UnknownJob`."""
        ...

    def results_in_order(self, job_id: str, after: int = 0) -> Iterator[StoredResult]:
        """Yield the stored lines behind a corpus line."""
        ...

    def failed_in_order(self, job_id: str, after: int = 0) -> Iterator[StoredResult]:
        """Yield those that are error lines."""
        ...

    def dropped_chunks(self, job_id: str, after: int = 0) -> Iterator[DroppedChunk]:
        """Yield the chunks that no worker did and that reach behind a corpus line."""
        ...


def iter_lines(source: Source, blobs: BlobStore, job_id: str) -> Iterator[str]:
    """Yield a result line, without a line end, for every document of a finished job; as `numbered_lines`."""
    return (body for _line, body in numbered_lines(source, blobs, job_id))


def numbered_lines(source: Source, blobs: BlobStore, job_id: str, after: int = 0) -> Iterator[tuple[int, str]]:
    """Yield line number and result line of every document behind the corpus line `after`, in document order.

    Memory is bounded by a page of results. Of an unfinished job it yields what is there. Raises `UnknownJob`
    at once, and `UnknownBlob` or `DamagedBlob` on the way where the corpus is needed and gone.
    """
    job = source.job(job_id)
    stored = ((result.line, result.body) for result in source.results_in_order(job_id, after))
    return merge(stored, _unreached(source, blobs, job, after), key=itemgetter(0))


def error_lines(source: Source, blobs: BlobStore, job_id: str, after: int = 0) -> Iterator[tuple[int, str]]:
    """Yield line number and `{"line", "id", "error"}` of every document that failed; else as `numbered_lines`."""
    job = source.job(job_id)
    stored = ((result.line, result.body) for result in source.failed_in_order(job_id, after))
    failed = merge(stored, _unreached(source, blobs, job, after), key=itemgetter(0))
    return ((line, dump({"line": line, **json.loads(body)})) for line, body in failed)


def _unreached(source: Source, blobs: BlobStore, job: JobView, after: int) -> Iterator[tuple[int, str]]:
    for dropped in source.dropped_chunks(job.id, after):
        for line, document_id in _ids(blobs, job, dropped):
            if line > after:
                yield line, dump(error_line(document_id, dropped.reason, MESSAGES[dropped.reason]))


def _ids(blobs: BlobStore, job: JobView, dropped: DroppedChunk) -> list[tuple[int, str]]:
    if job.kind is JobKind.ADAPT:
        # An adaptation answers with one line for all its examples, under the job's own id.
        return [(dropped.chunk.first_line, job.id)]
    return read_ids(blobs, job.blob or "", dropped.chunk)
