"""What is asked of jobs: their state and counts, events and escalations. Each answer is one statement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, case, func, or_, select

from jobs.errors import UnknownJob
from jobs.records import JobView, StoredEscalation, StoredEvent
from jobs.states import OPEN_CHUNKS
from jobs.store.moves import among
from jobs.tables import CHUNKS, ESCALATIONS, EVENTS, JOBS

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Subquery

    from jobs.states import EscalationState


def job(connection: Connection, job_id: str) -> JobView:
    """Return a job and its counts. Raises `UnknownJob`."""
    row = connection.execute(_views(select(JOBS).where(JOBS.c.id == job_id))).one_or_none()
    if row is None:
        raise UnknownJob(job_id)
    return JobView(**row._mapping)


def jobs(connection: Connection, tenant: str, limit: int, after: str | None) -> list[JobView]:
    """Return a tenant's jobs, newest first, from the one after the id `after`."""
    page = select(JOBS).where(JOBS.c.tenant == tenant).order_by(JOBS.c.id.desc()).limit(limit)
    if after is not None:
        page = page.where(JOBS.c.id < after)
    return [JobView(**row._mapping) for row in connection.execute(_views(page))]


def _views(page: Select[Any]) -> Select[Any]:
    """Return the jobs of `page`, newest first, each with its counts."""
    chosen = page.subquery("chosen")
    counts, handed_over = _counts(chosen), _handed_over(chosen)
    own = [column.label("total") if column.name == "documents" else column for column in chosen.c]
    told = [func.coalesce(column, 0).label(column.name) for column in (*counts.c, *handed_over.c)]
    return (
        select(*own, *(column for column in told if column.name != "job_id"))
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


def events(connection: Connection, job_id: str, after: int, limit: int) -> list[StoredEvent]:
    """Return a job's events in order, from the one after the id `after`."""
    wanted = select(EVENTS).where(EVENTS.c.job_id == job_id, EVENTS.c.id > after)
    rows = connection.execute(wanted.order_by(EVENTS.c.id).limit(limit))
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
    connection: Connection, job_id: str, state: EscalationState | None, limit: int, after: int | None
) -> list[StoredEscalation]:
    """Return a job's escalations, worst first, from the one after the id `after`."""
    wanted = select(ESCALATIONS).where(ESCALATIONS.c.job_id == job_id)
    if state is not None:
        wanted = wanted.where(ESCALATIONS.c.state == state)
    if after is not None:
        wanted = wanted.where(_less_bad_than(after))
    rows = connection.execute(wanted.order_by(ESCALATIONS.c.risk.desc(), ESCALATIONS.c.id).limit(limit))
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


def _less_bad_than(escalation_id: int) -> ColumnElement[bool]:
    risk = select(ESCALATIONS.c.risk).where(ESCALATIONS.c.id == escalation_id).scalar_subquery()
    alike = (ESCALATIONS.c.risk == risk) & (ESCALATIONS.c.id > escalation_id)
    return or_(ESCALATIONS.c.risk < risk, alike)
