"""How a job is stopped by hand. What is finished stays; what runs may still commit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.errors import JobFinished
from jobs.states import FINAL, ChunkState, DropReason, JobState
from jobs.store.engine import clock
from jobs.store.moves import among, drop, lock_job, move, settle
from jobs.tables import CHUNKS

if TYPE_CHECKING:
    from sqlalchemy import Connection


def cancel(connection: Connection, job_id: str, tenant: str | None = None) -> JobState:
    """Drop what nobody has claimed; end the job at once, or with its last running chunk. Return its state."""
    job = lock_job(connection, job_id, tenant=tenant)
    state: JobState = job.state
    if state in FINAL:
        raise JobFinished(job_id, state)
    if state is JobState.CANCELLING:
        return state
    at = clock(connection)
    unclaimed = (CHUNKS.c.job_id == job_id) & among(CHUNKS.c.state, ChunkState.AVAILABLE)
    drop(connection, DropReason.JOB_CANCELLED, unclaimed)
    if state is not JobState.RUNNING:
        return move(connection, job_id, state, JobState.CANCELLED, at)
    state = move(connection, job_id, state, JobState.CANCELLING, at)
    return settle(connection, job_id, state, at)
