"""The moves that every writing statement is made of: lock a job, move it on, drop or free chunks, settle.

Everything here runs inside the caller's transaction, after `lock_job`.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, exists, insert, select, update

from jobs.errors import IllegalTransition, UnknownJob
from jobs.states import OPEN_CHUNKS, ChunkState, DropReason, JobState, check
from jobs.store import outside
from jobs.store.engine import clock
from jobs.tables import CHUNKS, EVENTS, JOBS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from enum import StrEnum

    from sqlalchemy import Column, ColumnElement, Connection, Row

_NOTHING: Mapping[str, Any] = MappingProxyType({})


def among(column: Column[Any], *words: StrEnum) -> ColumnElement[bool]:
    """Return `column IN words`, written out in the statement so that partial indexes match it."""
    return column.in_(bindparam(None, list(words), expanding=True, literal_execute=True, type_=column.type))


def lock_job(connection: Connection, job_id: str, *columns: Column[Any], tenant: str | None = None) -> Row[Any]:
    """Lock a job's row until the transaction ends and return its `id`, `state` and the asked columns.

    Raises `UnknownJob`, also where a tenant is named and the job is another's. SQLite has no row locks and
    needs none: only one transaction writes at a time.
    """
    statement = select(JOBS.c.id, JOBS.c.state, *columns).where(JOBS.c.id == outside.job_id(job_id))
    if tenant is not None:
        statement = statement.where(JOBS.c.tenant == tenant)
    row = connection.execute(statement.with_for_update()).one_or_none()
    if row is None:
        raise UnknownJob(job_id)
    return row


def move(
    connection: Connection,
    job_id: str,
    old: JobState,
    new: JobState,
    at: datetime,
    columns: Mapping[str, Any] = _NOTHING,
) -> JobState:
    """Move a locked job from `old` to `new`, stamp it, write the event and return `new`.

    `columns` are set beside the state. Raises `IllegalTransition`.
    """
    try:
        name = check(old, new)
    except IllegalTransition:
        raise IllegalTransition(old, new, job_id) from None
    values = {"state": new, f"{new}_at": at, **columns}
    connection.execute(update(JOBS).where(JOBS.c.id == job_id).values(values))
    record(connection, job_id, name, old, new, at, columns.get("error"))
    return new


def record(
    connection: Connection,
    job_id: str,
    name: str,
    old: JobState | None,
    new: JobState,
    at: datetime,
    data: dict[str, Any] | None = None,
) -> None:
    """Write one event."""
    event = {"job_id": job_id, "at": at, "name": name, "from_state": old, "to_state": new, "data": data or {}}
    connection.execute(insert(EVENTS).values(event))


def drop(connection: Connection, reason: DropReason, *where: ColumnElement[bool]) -> int:
    """Give up the chunks that `where` names: all their documents fail with `reason`. Return how many."""
    given_up = {
        "state": ChunkState.DROPPED,
        "failed": CHUNKS.c.documents,
        "error_code": reason,
        "lease_until": None,
        "worker": None,
    }
    return connection.execute(update(CHUNKS).where(*where).values(given_up)).rowcount


def free(connection: Connection, *where: ColumnElement[bool]) -> int:
    """Hand the chunks that `where` names back: available, with the bell owed. Return how many."""
    handed_back = {"state": ChunkState.AVAILABLE, "lease_until": None, "worker": None, "rung_at": None}
    return connection.execute(update(CHUNKS).where(*where).values(handed_back)).rowcount


def open_chunks(job_id: str) -> ColumnElement[bool]:
    """Return the condition for a job's pending chunks."""
    return (CHUNKS.c.job_id == job_id) & among(CHUNKS.c.state, *OPEN_CHUNKS)


def settle(connection: Connection, job_id: str, state: JobState, at: datetime) -> JobState:
    """Move a locked job that runs or is being cancelled to its end, if no chunk is pending any more."""
    if connection.scalar(select(exists().where(open_chunks(job_id)))):
        return state
    if state is JobState.RUNNING:
        state = move(connection, job_id, state, JobState.FINALIZING, at)
        return move(connection, job_id, state, JobState.COMPLETED, at)
    return move(connection, job_id, state, JobState.CANCELLED, at)


def close(
    connection: Connection,
    job: Row[Any],
    new: JobState,
    reason: DropReason,
    columns: Mapping[str, Any] = _NOTHING,
) -> None:
    """End a locked job at once: drop all that is pending and move it to `new`."""
    at = clock(connection)
    drop(connection, reason, open_chunks(job.id))
    move(connection, job.id, job.state, new, at, columns)


def end_badly(connection: Connection, job: Row[Any], error: dict[str, Any]) -> JobState:
    """Fail a locked job as a whole, or cancel it where it is being cancelled; return its last state."""
    if job.state is JobState.CANCELLING:
        close(connection, job, JobState.CANCELLED, DropReason.JOB_CANCELLED)
        return JobState.CANCELLED
    close(connection, job, JobState.FAILED, DropReason.JOB_FAILED, {"error": error})
    return JobState.FAILED
