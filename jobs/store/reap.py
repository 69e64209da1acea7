"""What the reaper does to the ledger: leases that ran out, jobs whose time is over, leases of a dead holder.

Each step takes one job in one transaction and asks again under its lock, so doing it twice does no harm.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, select, update

from jobs.records import ReapReport
from jobs.states import EXPIRING, ChunkState, DropReason, JobState
from jobs.store.engine import clock
from jobs.store.moves import among, close, drop, free, lock_job, settle
from jobs.tables import CHUNKS, JOBS

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection


def _running() -> ColumnElement[bool]:
    return among(CHUNKS.c.state, ChunkState.RUNNING)


def _overdue(at: datetime) -> ColumnElement[bool]:
    return _running() & (CHUNKS.c.lease_until < at)


def jobs_with_lost_leases(connection: Connection) -> list[str]:
    """Return the ids of jobs that have a chunk whose lease ran out."""
    late = select(CHUNKS.c.job_id).where(_overdue(clock(connection))).distinct()
    return list(connection.scalars(late.order_by(CHUNKS.c.job_id)))


def jobs_with_running_chunks(connection: Connection) -> list[str]:
    """Return the ids of jobs that have a claimed chunk."""
    held = select(CHUNKS.c.job_id).where(_running()).distinct()
    return list(connection.scalars(held.order_by(CHUNKS.c.job_id)))


def jobs_due(connection: Connection) -> list[str]:
    """Return the ids of unfinished jobs whose time is over."""
    due = select(JOBS.c.id).where(among(JOBS.c.state, *EXPIRING), JOBS.c.expires_at <= clock(connection))
    return list(connection.scalars(due.order_by(JOBS.c.id)))


def reap_leases(connection: Connection, job_id: str, max_crashes: int) -> ReapReport:
    """Count a crash for each of a job's lost leases; free the chunk, or drop it at its last."""
    job = lock_job(connection, job_id)
    at = clock(connection)
    late = select(CHUNKS.c.id, CHUNKS.c.crashes).where(CHUNKS.c.job_id == job_id, _overdue(at))
    crashes = {row.id: row.crashes + 1 for row in connection.execute(late.order_by(CHUNKS.c.id).with_for_update())}
    if not crashes:
        return ReapReport()
    crashed = CHUNKS.c.id.in_(crashes)
    connection.execute(update(CHUNKS).where(crashed).values(crashes=CHUNKS.c.crashes + 1))
    cancelled = poisoned = 0
    if job.state is JobState.CANCELLING:
        cancelled = drop(connection, DropReason.JOB_CANCELLED, crashed)
    else:
        condemned = CHUNKS.c.crashes >= max_crashes
        poisoned = drop(connection, DropReason.POISON, crashed, condemned)
        free(connection, crashed, ~condemned)
    settle(connection, job_id, job.state, at)
    return ReapReport(crashed=len(crashes), poisoned=poisoned, cancelled=cancelled)


def expire(connection: Connection, job_id: str) -> bool:
    """End a job whose time is over; one that is being cancelled ends so. False: not due any more."""
    job = lock_job(connection, job_id, JOBS.c.expires_at)
    if job.state not in EXPIRING or job.expires_at > clock(connection):
        return False
    if job.state is JobState.CANCELLING:
        close(connection, job, JobState.CANCELLED, DropReason.JOB_CANCELLED)
    else:
        close(connection, job, JobState.EXPIRED, DropReason.JOB_EXPIRED)
    return True


def void_leases(connection: Connection, job_id: str) -> int:
    """Take a job's chunks back from workers known to be dead, without a crash. Return how many."""
    job = lock_job(connection, job_id)
    held = (CHUNKS.c.job_id == job_id) & _running()
    if job.state is not JobState.CANCELLING:
        return free(connection, held)
    dropped = drop(connection, DropReason.JOB_CANCELLED, held)
    settle(connection, job_id, job.state, clock(connection))
    return dropped
