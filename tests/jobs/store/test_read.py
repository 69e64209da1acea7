"""Jobs, events and escalations as they are asked for: counts, order, pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update

from jobs.errors import UnknownJob
from jobs.records import NewEscalation
from jobs.states import EscalationState, JobState
from jobs.store.engine import Engines
from jobs.tables import ESCALATIONS
from tests.jobs.building import claim_one, finish, new_job, queued_job, results_of

if TYPE_CHECKING:
    from jobs.store import Ledger


def escalated_job(ledger: Ledger, risks: list[float]) -> str:
    """A completed job of one chunk with an escalation for each risk, from line 1 on."""
    job_id = queued_job(ledger, chunks=1, documents=len(risks))
    claim = claim_one(ledger)
    doubts = [
        NewEscalation(line=line, document_id=f"d{line}", reasons=("audit",), risk=risk)
        for line, risk in enumerate(risks, start=1)
    ]
    assert ledger.commit(claim, results_of(claim), doubts)
    return job_id


def test_counts_come_from_the_chunks_and_are_not_multiplied_by_escalations(ledger: Ledger) -> None:
    job_id = escalated_job(ledger, [0.1, 0.2, 0.3])

    job = ledger.job(job_id)

    assert (job.total, job.pending, job.completed, job.failed, job.escalated) == (3, 0, 3, 0, 3)


def test_jobs_are_listed_newest_first_in_pages_with_their_own_counts(ledger: Ledger) -> None:
    made = sorted((queued_job(ledger, chunks=n) for n in (1, 2, 3)), reverse=True)
    new_job(ledger, tenant="other")

    page = ledger.jobs(limit=2)
    rest = ledger.jobs(limit=2, after=page[-1].id)

    assert [job.id for job in page + rest] == made
    assert {job.id: job.pending for job in page + rest} == {job_id: ledger.job(job_id).pending for job_id in made}
    assert {job.pending for job in page + rest} == {2, 4, 6}
    assert len(ledger.jobs("other")) == 1


def test_an_unknown_job_is_named(ledger: Ledger) -> None:
    with pytest.raises(UnknownJob, match="'job_nobody'"):
        ledger.job("job_nobody")


def test_events_are_a_chain_in_pages(ledger: Ledger) -> None:
    job_id = queued_job(ledger)
    finish(ledger)

    first = ledger.events(job_id, limit=2)
    rest = ledger.events(job_id, after=first[-1].id)

    chain = first + rest
    assert len(chain) == 5
    assert chain[0].from_state is None
    assert [event.from_state for event in chain[1:]] == [event.to_state for event in chain[:-1]]
    assert chain[-1].to_state is JobState.COMPLETED
    assert [event.at for event in chain] == sorted(event.at for event in chain)


def test_a_stamp_is_the_time_of_its_event(ledger: Ledger) -> None:
    job_id = queued_job(ledger)
    finish(ledger)

    job = ledger.job(job_id)

    stamps = {event.to_state: event.at for event in ledger.events(job_id)}
    assert stamps[JobState.VALIDATING] == job.created_at
    assert (stamps[JobState.RUNNING], stamps[JobState.COMPLETED]) == (job.running_at, job.completed_at)


def test_escalations_are_worst_first_in_pages(ledger: Ledger) -> None:
    job_id = escalated_job(ledger, [0.5, 0.9, 0.5, 0.1])

    first = ledger.escalations(job_id, limit=2)
    rest = ledger.escalations(job_id, after=first[-1].id)

    assert [(each.line, each.risk) for each in first + rest] == [(2, 0.9), (1, 0.5), (3, 0.5), (4, 0.1)]


def test_escalations_by_state(ledger: Ledger, ledger_url: str) -> None:
    job_id = escalated_job(ledger, [0.5, 0.9])
    engines = Engines(ledger_url)
    with engines.writing() as connection:
        connection.execute(update(ESCALATIONS).where(ESCALATIONS.c.line == 1).values(state="accepted"))
    engines.close()

    assert [each.line for each in ledger.escalations(job_id, state=EscalationState.OPEN)] == [2]
    assert [each.line for each in ledger.escalations(job_id, state=EscalationState.ACCEPTED)] == [1]
