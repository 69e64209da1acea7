"""How a job comes into the ledger: made, then queued with its chunks, or rejected."""

from __future__ import annotations

from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert

from jobs.errors import JobFinished
from jobs.routing import pieces, queue_for
from jobs.states import FINAL, ChunkState, JobState
from jobs.store import files, outside
from jobs.store.engine import clock
from jobs.store.moves import end_badly, lock_job, move, record
from jobs.tables import CHUNKS, JOBS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import Connection

    from corpora.chunks import ChunkRange

#: Chunk rows written with one statement.
BATCH = 1000


def create_job(connection: Connection, hours: float, columns: Mapping[str, Any]) -> str:
    """Write a job in state validating and return its id. `columns` are those the caller chooses."""
    outside.name(columns.get("name"))
    at = clock(connection)
    job_id = outside.new_job_id(at)
    row = {
        "id": job_id,
        "state": JobState.VALIDATING,
        "created_at": at,
        "expires_at": at + timedelta(hours=hours),
    }
    connection.execute(insert(JOBS).values(row | dict(columns)))
    record(connection, job_id, "created", None, JobState.VALIDATING, at)
    return job_id


def submit_file(connection: Connection, file_id: str, hours: float, columns: Mapping[str, Any]) -> str:
    """Write a job over a tenant's file and queue it at once; return its id. Raises `UnknownFile`.

    `columns` are as for `create_job`; the tenant, kind and engine among them decide the file and the queue.
    """
    kind = columns["kind"]
    file = files.file(connection, columns["tenant"], file_id)
    chunks = pieces(kind, file.bytes, files.chunks(connection, columns["tenant"], file_id))
    job_id = create_job(connection, hours, columns)
    documents = sum(chunk.documents for chunk in chunks)
    queue = queue_for(kind, columns["engine"])
    enqueue(connection, job_id, blob=file.blob, documents=documents, chunks=chunks, queue=queue)
    return job_id


def enqueue(
    connection: Connection,
    job_id: str,
    *,
    blob: str,
    documents: int,
    chunks: Iterable[ChunkRange],
    queue: str,
) -> None:
    """Write the chunks of a validated job, all bells owed, and move it to queued."""
    job = lock_job(connection, job_id)
    at = clock(connection)
    move(
        connection,
        job_id,
        job.state,
        JobState.QUEUED,
        at,
        {"blob": blob, "documents": documents, "queue": queue},
    )
    stored = _insert_chunks(connection, job_id, chunks)
    if stored != documents:
        raise ValueError(f"the chunks of job {job_id!r} hold {stored} documents, the corpus {documents}")


def _insert_chunks(connection: Connection, job_id: str, chunks: Iterable[ChunkRange]) -> int:
    remaining = iter(chunks)
    documents = 0
    while batch := list(islice(remaining, BATCH)):
        connection.execute(insert(CHUNKS), [_chunk_row(job_id, chunk) for chunk in batch])
        documents += sum(chunk.documents for chunk in batch)
    return documents


def _chunk_row(job_id: str, chunk: ChunkRange) -> dict[str, Any]:
    return {
        "job_id": job_id,
        "seq": chunk.seq,
        "byte_start": chunk.byte_start,
        "byte_end": chunk.byte_end,
        "first_line": chunk.first_line,
        "documents": chunk.documents,
        "state": ChunkState.AVAILABLE,
    }


def reject(connection: Connection, job_id: str, error: dict[str, Any]) -> JobState:
    """Fail a job as a whole, with all that is pending; one that is being cancelled is cancelled instead."""
    job = lock_job(connection, job_id)
    if job.state in FINAL:
        raise JobFinished(job_id, job.state)
    return end_badly(connection, job, error)
