"""The whole answer to a job: one line for every document of the corpus, in its order.

Owns the lines of documents that no worker reached; those that one did reach are stored as they are given out.
"""

from __future__ import annotations

from heapq import merge
from operator import itemgetter
from typing import TYPE_CHECKING

from corpora.chunks import read_ids
from corpora.results import dump, error_line
from jobs.states import DropReason, JobKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from corpora.blobs import BlobStore
    from jobs.records import DroppedChunk, JobView
    from jobs.store import Ledger

#: What is said of a document of a dropped chunk.
MESSAGES = {
    DropReason.JOB_CANCELLED: "the job was cancelled before this document was tagged; retry it for the rest",
    DropReason.JOB_EXPIRED: "the job expired before this document was tagged; retry it for the rest",
    DropReason.JOB_FAILED: "the job failed before it came to this document; the job's error says why",
    DropReason.POISON: "workers died again and again on this document or on one beside it",
}


def iter_lines(ledger: Ledger, blobs: BlobStore, job_id: str) -> Iterator[str]:
    """Yield a result line, without a line end, for every document of a finished job, in document order.

    Memory is bounded by a page of results. Of an unfinished job it yields what is there. Raises `UnknownJob`
    at once, and `UnknownBlob` or `DamagedBlob` on the way where the corpus is needed and gone.
    """
    return _lines(ledger, blobs, ledger.job(job_id))


def _lines(ledger: Ledger, blobs: BlobStore, job: JobView) -> Iterator[str]:
    stored = ((result.line, result.body) for result in ledger.results_in_order(job.id))
    unreached = (pair for chunk in ledger.dropped_chunks(job.id) for pair in _unreached(blobs, job, chunk))
    for _line, body in merge(stored, unreached, key=itemgetter(0)):
        yield body


def _unreached(blobs: BlobStore, job: JobView, dropped: DroppedChunk) -> Iterator[tuple[int, str]]:
    for line, document_id in _ids(blobs, job, dropped):
        yield line, dump(error_line(document_id, dropped.reason, MESSAGES[dropped.reason]))


def _ids(blobs: BlobStore, job: JobView, dropped: DroppedChunk) -> list[tuple[int, str]]:
    if job.kind is JobKind.ADAPT:
        # An adaptation answers with one line for all its examples, under the job's own id.
        return [(dropped.chunk.first_line, job.id)]
    return read_ids(blobs, job.blob or "", dropped.chunk)
