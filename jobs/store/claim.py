"""How a worker holds a chunk: claim it, renew the lease, hand it back, commit what came of it.

All but the claim itself hold only while the chunk is running with the claim's attempt: that keeps stale
workers out.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, insert, select, update

from corpora.chunks import ChunkRange
from jobs.records import Claim, NewEscalation, NewResult, Renewal
from jobs.states import ChunkState, DropReason, EscalationState, JobState
from jobs.store import registry
from jobs.store.engine import clock
from jobs.store.moves import drop, free, lock_job, move, settle
from jobs.tables import CHUNKS, ESCALATIONS, JOBS, RESULTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Connection, Row


_FOR_THE_WORK = (JOBS.c.tenant, JOBS.c.kind, JOBS.c.tagger, JOBS.c.engine, JOBS.c.labels, JOBS.c.options)


def claim(connection: Connection, chunk_id: int, *, worker: str, lease_s: float) -> Claim | None:
    """Take an available chunk for `lease_s` seconds; None where there is nothing to take."""
    job_id = connection.scalar(
        select(CHUNKS.c.job_id).where(CHUNKS.c.id == chunk_id, CHUNKS.c.state == ChunkState.AVAILABLE)
    )
    if job_id is None:
        return None
    job = lock_job(connection, job_id, JOBS.c.blob, *_FOR_THE_WORK)
    if job.state not in (JobState.QUEUED, JobState.RUNNING):
        return None
    return _take(connection, job, chunk_id, worker, lease_s)


def _take(connection: Connection, job: Row[Any], chunk_id: int, worker: str, lease_s: float) -> Claim | None:
    at = clock(connection)
    taken = {
        "state": ChunkState.RUNNING,
        "attempt": CHUNKS.c.attempt + 1,
        "worker": worker,
        "lease_until": at + timedelta(seconds=lease_s),
    }
    still_there = (CHUNKS.c.id == chunk_id) & (CHUNKS.c.state == ChunkState.AVAILABLE)
    chunk = connection.execute(update(CHUNKS).where(still_there).values(taken).returning(CHUNKS)).one_or_none()
    if chunk is None:
        return None
    if job.state is JobState.QUEUED:
        move(connection, job.id, job.state, JobState.RUNNING, at)
    return Claim(
        chunk_id=chunk_id,
        job_id=job.id,
        attempt=chunk.attempt,
        blob=job.blob,
        chunk=chunk_range(chunk),
        folder=registry.folder(connection, job.tenant, job.tagger),
        typer_folder=registry.folder(connection, job.tenant, job.options.get("typer", "")),
        **{column.name: job._mapping[column] for column in _FOR_THE_WORK},
    )


def chunk_range(row: Row[Any]) -> ChunkRange:
    """Return the byte range that a row of `chunk` describes."""
    return ChunkRange(
        seq=row.seq,
        byte_start=row.byte_start,
        byte_end=row.byte_end,
        first_line=row.first_line,
        documents=row.documents,
    )


def held(claim: Claim) -> ColumnElement[bool]:
    """Return the condition for a claim's chunk, as long as it is the claim's."""
    return and_(
        CHUNKS.c.id == claim.chunk_id,
        CHUNKS.c.attempt == claim.attempt,
        CHUNKS.c.state == ChunkState.RUNNING,
    )


def is_held(connection: Connection, claim: Claim) -> bool:
    """Say whether a chunk is still the claim's; ask after `lock_job`."""
    return connection.scalar(select(CHUNKS.c.id).where(held(claim))) is not None


def renew(connection: Connection, claim: Claim, lease_s: float) -> Renewal:
    """Extend the lease to `lease_s` seconds from now and say whether to go on.

    Locks one chunk and waits for nothing else, so it needs no lock on the job.
    """
    lease = {"lease_until": clock(connection) + timedelta(seconds=lease_s)}
    if not connection.execute(update(CHUNKS).where(held(claim)).values(lease)).rowcount:
        return Renewal.LOST
    state = connection.scalar(select(JOBS.c.state).where(JOBS.c.id == claim.job_id))
    return Renewal.CANCELLING if state is JobState.CANCELLING else Renewal.HELD


def release(connection: Connection, claim: Claim) -> bool:
    """Hand the chunk back without a crash; a job that is being cancelled drops it. False: not held."""
    job = lock_job(connection, claim.job_id)
    if job.state is not JobState.CANCELLING:
        return free(connection, held(claim)) == 1
    if not drop(connection, DropReason.JOB_CANCELLED, held(claim)):
        return False
    settle(connection, job.id, job.state, clock(connection))
    return True


def commit(
    connection: Connection,
    claim: Claim,
    results: Sequence[NewResult],
    escalations: Sequence[NewEscalation],
) -> bool:
    """Store a chunk's results and end it, and the job with its last chunk. False: not held."""
    if len(results) != claim.chunk.documents:
        raise ValueError(
            f"chunk {claim.chunk_id} has {claim.chunk.documents} documents, {len(results)} results were given"
        )
    job = lock_job(connection, claim.job_id)
    if not finish(connection, claim, results):
        return False
    owner = {"job_id": claim.job_id}
    connection.execute(insert(RESULTS), [result_row(owner, claim.chunk_id, result) for result in results])
    if escalations:
        connection.execute(insert(ESCALATIONS), [_escalation_row(owner, each) for each in escalations])
    settle(connection, job.id, job.state, clock(connection))
    return True


def finish(connection: Connection, claim: Claim, results: Sequence[NewResult]) -> bool:
    """End a chunk with the counts of its results; the job is locked. False: not held."""
    completed = sum(result.ok for result in results)
    done = {
        "state": ChunkState.DONE,
        "completed": completed,
        "failed": len(results) - completed,
        "lease_until": None,
        "worker": None,
    }
    return connection.execute(update(CHUNKS).where(held(claim)).values(done)).rowcount == 1


def result_row(owner: dict[str, Any], chunk_id: int, result: NewResult) -> dict[str, Any]:
    """Return the row of a result of a job, `owner` holding its key."""
    told = {"line": result.line, "document_id": result.document_id, "ok": result.ok, "body": result.body}
    return owner | {"chunk_id": chunk_id} | told


def _escalation_row(owner: dict[str, Any], escalation: NewEscalation) -> dict[str, Any]:
    return owner | {
        "line": escalation.line,
        "document_id": escalation.document_id,
        "reasons": list(escalation.reasons),
        "risk": escalation.risk,
        "state": EscalationState.OPEN,
    }
