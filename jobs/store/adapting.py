"""What a worker says of an adaptation that it holds: how far it is, what it made, or why there is nothing to make.

As in `jobs.store.claim`, all of it holds only while the chunk is running with the claim's attempt.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from corpora.results import dump
from jobs.records import NewResult
from jobs.states import JobState, TaggerState
from jobs.store import registry
from jobs.store.claim import finish, held, is_held, result_row
from jobs.store.engine import clock
from jobs.store.moves import end_badly, lock_job, record, settle
from jobs.store.read import PROGRESS
from jobs.tables import CHUNKS, EVENTS, RESULTS

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from jobs.records import Claim, NewTagger, StoredTagger


def commit_tagger(connection: Connection, claim: Claim, made: NewTagger) -> StoredTagger | None:
    """Register the tagger of an adaptation and end its job with one result that names it. None: not held."""
    job = lock_job(connection, claim.job_id)
    # Nobody's name should change its meaning by a job that was called off.
    promote = made.promote and job.state is JobState.RUNNING
    result = NewResult(line=claim.chunk.first_line, document_id=job.id, ok=True, body="")
    if not finish(connection, claim, [result]):
        return None
    tagger = registry.register(connection, claim, made, promote=promote)
    promoted = tagger.state is TaggerState.PROMOTED
    body = dump({"id": job.id, "tagger": tagger.full_name, "promoted": promoted, "receipt": made.receipt})
    row = result_row({"job_id": job.id}, claim.chunk_id, replace(result, body=body))
    connection.execute(insert(RESULTS).values(row))
    settle(connection, job.id, job.state, clock(connection))
    return tagger


def progress(connection: Connection, claim: Claim, stage: str, share: float) -> bool:
    """Write an event `progress`, the job staying as it is. False: not held.

    An attempt that comes farther than any before it is no poison: the crashes that were counted are forgotten.
    """
    job = lock_job(connection, claim.job_id)
    if not is_held(connection, claim):
        return False
    told = select(EVENTS.c.data).where(EVENTS.c.job_id == job.id, EVENTS.c.name == PROGRESS)
    before = [data["share"] for data in connection.scalars(told) if data["stage"] == stage]
    if share > max(before, default=-1.0):
        connection.execute(update(CHUNKS).where(held(claim)).values(crashes=0))
    data = {"stage": stage, "share": share}
    record(connection, job.id, PROGRESS, job.state, job.state, clock(connection), data)
    return True


def fail(connection: Connection, claim: Claim, error: dict[str, Any]) -> bool:
    """Fail the job of a chunk as a whole; one that is being cancelled is cancelled instead. False: not held."""
    job = lock_job(connection, claim.job_id)
    if not is_held(connection, claim):
        return False
    end_badly(connection, job, error)
    return True
