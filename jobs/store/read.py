"""What is asked of jobs: their state and counts, events and escalations. Each answer is one statement.

Where a job is named by `job_of`, the statement itself holds the tenant and finds nothing of another's job.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from sqlalchemy import ScalarSelect, Select, case, func, or_, select

from jobs.errors import UnknownJob
from jobs.records import JobView, StoredEscalation, StoredEvent
from jobs.states import OPEN_CHUNKS, JobKind, JobState
from jobs.store import outside
from jobs.store.moves import among
from jobs.tables import CHUNKS, ESCALATIONS, EVENTS, JOBS

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Subquery

    from jobs.states import EscalationState


#: Name of the events that move nothing: how far the work is.
PROGRESS = "progress"

#: How a statement names a job: by its id, or by the id that a tenant's job has.
JobKey: TypeAlias = str | ScalarSelect[str]


def job_of(tenant: str, job_id: str) -> ScalarSelect[str]:
    """Return the key of a tenant's job; it names no row where the job is another's or nobody's."""
    own = select(JOBS.c.id).where(JOBS.c.id == outside.job_id(job_id), JOBS.c.tenant == tenant)
    return own.scalar_subquery()


def check(connection: Connection, tenant: str, job_id: str) -> None:
    """Raise `UnknownJob` where a tenant has no such job."""
    if connection.scalar(select(job_of(tenant, job_id))) is None:
        raise UnknownJob(job_id)


def job(connection: Connection, job_id: str, tenant: str | None = None) -> JobView:
    """Return a job and its counts. Raises `UnknownJob`, also where a tenant is named and the job is another's."""
    wanted = select(JOBS).where(JOBS.c.id == outside.job_id(job_id))
    if tenant is not None:
        wanted = wanted.where(JOBS.c.tenant == tenant)
    row = connection.execute(_views(wanted)).one_or_none()
    if row is None:
        raise UnknownJob(job_id)
    return JobView(**row._mapping)


def as_queued(view: JobView) -> JobView:
    """Return the job as it was when it had just been queued: nothing else of it can have changed since."""
    return replace(
        view,
        state=JobState.QUEUED,
        pending=view.total or 0,
        completed=0,
        failed=0,
        escalated=0,
        running_at=None,
        finalizing_at=None,
        cancelling_at=None,
        completed_at=None,
        failed_at=None,
        expired_at=None,
        cancelled_at=None,
        error=None,
        progress=None,
    )


def jobs(connection: Connection, tenant: str, limit: int, after: str | None) -> list[JobView]:
    """Return a tenant's jobs, newest first, from the one after the id `after`."""
    page = select(JOBS).where(JOBS.c.tenant == tenant).order_by(JOBS.c.id.desc()).limit(outside.number(limit))
    if after is not None:
        page = page.where(JOBS.c.id < outside.job_id(after))
    return [JobView(**row._mapping) for row in connection.execute(_views(page))]


def _views(page: Select[Any]) -> Select[Any]:
    """Return the jobs of `page`, newest first, each with its counts."""
    chosen = page.subquery("chosen")
    counts, handed_over = _counts(chosen), _handed_over(chosen)
    own = [column.label("total") if column.name == "documents" else column for column in chosen.c]
    told = [func.coalesce(column, 0).label(column.name) for column in (*counts.c, *handed_over.c)]
    return (
        select(*own, *(column for column in told if column.name != "job_id"), _progress(chosen))
        .outerjoin(counts, counts.c.job_id == chosen.c.id)
        .outerjoin(handed_over, handed_over.c.job_id == chosen.c.id)
        .order_by(chosen.c.id.desc())
    )


def _counts(chosen: Subquery) -> Subquery:
    pending = case((among(CHUNKS.c.state, *OPEN_CHUNKS), CHUNKS.c.documents), else_=0)
    return (
        select(
            CHUNKS.c.job_id,
            func.sum(pending).label("pending"),
            func.sum(CHUNKS.c.completed).label("completed"),
            func.sum(CHUNKS.c.failed).label("failed"),
        )
        .where(CHUNKS.c.job_id.in_(select(chosen.c.id)))
        .group_by(CHUNKS.c.job_id)
        .subquery("counts")
    )


def _handed_over(chosen: Subquery) -> Subquery:
    return (
        select(ESCALATIONS.c.job_id, func.count().label("escalated"))
        .where(ESCALATIONS.c.job_id.in_(select(chosen.c.id)))
        .group_by(ESCALATIONS.c.job_id)
        .subquery("handed_over")
    )


def _progress(chosen: Subquery) -> ColumnElement[Any]:
    last = select(EVENTS.c.data).where(EVENTS.c.job_id == chosen.c.id, EVENTS.c.name == PROGRESS)
    newest = last.order_by(EVENTS.c.id.desc()).limit(1).scalar_subquery()
    # Only a worker that adapts tells of any, and other jobs may be many.
    return case((chosen.c.kind == JobKind.ADAPT, newest)).label("progress")


def events(connection: Connection, job: JobKey, after: int, limit: int) -> list[StoredEvent]:
    """Return a job's events in order, from the one after the id `after`."""
    wanted = select(EVENTS).where(EVENTS.c.job_id == job, EVENTS.c.id > outside.number(after))
    rows = connection.execute(wanted.order_by(EVENTS.c.id).limit(outside.number(limit)))
    return [
        StoredEvent(
            id=row.id,
            at=row.at,
            name=row.name,
            from_state=row.from_state,
            to_state=row.to_state,
            data=row.data,
        )
        for row in rows
    ]


def escalations(
    connection: Connection, job: JobKey, state: EscalationState | None, limit: int, after: int | None
) -> list[StoredEscalation]:
    """Return a job's escalations, worst first, from the one after the id `after`."""
    wanted = select(ESCALATIONS).where(ESCALATIONS.c.job_id == job)
    if state is not None:
        wanted = wanted.where(ESCALATIONS.c.state == state)
    if after is not None:
        wanted = wanted.where(_less_bad_than(job, outside.number(after)))
    rows = connection.execute(wanted.order_by(ESCALATIONS.c.risk.desc(), ESCALATIONS.c.id).limit(outside.number(limit)))
    return [
        StoredEscalation(
            id=row.id,
            line=row.line,
            document_id=row.document_id,
            reasons=row.reasons,
            risk=row.risk,
            state=row.state,
        )
        for row in rows
    ]


def _less_bad_than(job: JobKey, escalation_id: int) -> ColumnElement[bool]:
    # The job as well: the order must not tell how risky a document of another's job is.
    last = select(ESCALATIONS.c.risk).where(ESCALATIONS.c.job_id == job, ESCALATIONS.c.id == escalation_id)
    risk = last.scalar_subquery()
    alike = (ESCALATIONS.c.risk == risk) & (ESCALATIONS.c.id > escalation_id)
    return or_(ESCALATIONS.c.risk < risk, alike)
