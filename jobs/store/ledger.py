"""The ledger as the other rooms see it: one class, one transaction a call.

Owns the signatures; the statements live in the modules beside it. Every method raises `LedgerUnavailable`
where the database does not answer, and `UnknownJob` where it is asked of a job that does not exist.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from jobs.keys import is_token
from jobs.records import ReapReport
from jobs.store import access, adapting, bells, cancel, claim, law, lines, outside, read, reap, replays, submit
from jobs.store.engine import Engines, clock
from jobs.store.moves import lock_job
from jobs.store.tenancy import TenantLedger

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from corpora.chunks import ChunkRange
    from jobs.keys import ApiKey, KeyScope
    from jobs.records import (
        Claim,
        DroppedChunk,
        FailedLines,
        JobView,
        NewEscalation,
        NewResult,
        NewTagger,
        Renewal,
        StoredEscalation,
        StoredEvent,
        StoredResult,
        StoredTagger,
    )
    from jobs.states import EscalationState, JobKind, JobState

Answer = TypeVar("Answer")


class Ledger:
    """The truth about all jobs, in PostgreSQL or SQLite. Threads may share one; processes open their own."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines

    @classmethod
    def open(cls, url: str) -> Ledger:
        """Open the ledger at a `postgresql://` or `sqlite:///file` URL; it connects when first asked.

        The tables must exist (`migrations.running.upgrade`). Raises `BadLedgerUrl`.
        """
        return cls(Engines(url))

    def close(self) -> None:
        """Close every connection."""
        self._engines.close()

    def now(self) -> datetime:
        """Return the database's time."""
        with self._engines.reading() as connection:
            return clock(connection)

    # tenants

    def tenant(self, name: str) -> TenantLedger:
        """Return the ledger as one tenant sees it, on the same connections. Raises `BadTenant`."""
        return TenantLedger(self._engines, name)

    def create_key(self, tenant: str, scope: KeyScope, name: str | None) -> tuple[ApiKey, str]:
        """Make a key and return it with its token, which is told this once. Raises `BadTenant`, `BadName`."""
        with self._engines.writing() as connection:
            return access.create(connection, tenant, scope, name)

    def keys(self, tenant: str | None = None) -> list[ApiKey]:
        """Return all keys, or one tenant's, oldest first, the revoked ones among them."""
        with self._engines.reading() as connection:
            return access.keys(connection, tenant)

    def revoke_key(self, key_id: str) -> ApiKey:
        """Make a key useless and return it; one that is revoked stays as it is. Raises `UnknownKey`."""
        with self._engines.writing() as connection:
            return access.revoke(connection, key_id)

    def authenticate(self, token: str) -> ApiKey | None:
        """Return the key that a token stands for; None where there is none, or it is revoked."""
        if not is_token(token):
            return None
        with self._engines.reading() as connection:
            return access.authenticate(connection, token)

    def forget_idempotency(self, hours: float) -> int:
        """Delete the records of idempotency keys that are older than so many hours. Return how many."""
        with self._engines.writing() as connection:
            return replays.forget(connection, hours)

    # submitting

    def create_job(
        self,
        *,
        kind: JobKind,
        tagger: str,
        engine: str,
        labels: list[dict[str, Any]],
        options: dict[str, Any],
        hours: float,
        name: str | None = None,
        tenant: str = "local",
        parent_id: str | None = None,
    ) -> str:
        """Write a job in state validating, to expire `hours` from now, and return its id."""
        chosen = {
            "kind": kind,
            "tagger": tagger,
            "engine": engine,
            "labels": labels,
            "options": options,
            "name": name,
            "tenant": tenant,
            "parent_id": parent_id,
        }
        with self._engines.writing() as connection:
            return submit.create_job(connection, hours, chosen)

    def enqueue(self, job_id: str, *, blob: str, documents: int, chunks: Iterable[ChunkRange], queue: str) -> None:
        """Queue a validated job with its chunks, all bells owed.

        Raises `IllegalTransition` where it is not validating any more, ValueError where the chunks do not
        hold `documents` documents.
        """
        with self._engines.writing() as connection:
            submit.enqueue(connection, job_id, blob=blob, documents=documents, chunks=chunks, queue=queue)

    def reject(self, job_id: str, error: dict[str, Any]) -> JobState:
        """Fail a job as a whole; `error` has `code` and `message`. What is pending fails as `job_failed`.

        A job that is being cancelled ends as cancelled. Raises `JobFinished`.
        """
        with self._engines.writing() as connection:
            return submit.reject(connection, job_id, error)

    # working

    def claim(self, chunk_id: int, *, worker: str, lease_s: float) -> Claim | None:
        """Take a chunk for `lease_s` seconds; None where it is not there to be taken."""
        with self._engines.writing() as connection:
            return claim.claim(connection, chunk_id, worker=worker, lease_s=lease_s)

    def renew(self, claimed: Claim, lease_s: float) -> Renewal:
        """Extend the lease to `lease_s` seconds from now; the answer says whether to go on."""
        with self._engines.writing() as connection:
            return claim.renew(connection, claimed, lease_s)

    def release(self, claimed: Claim) -> bool:
        """Hand the chunk back, without a crash, its bell owed. False: it was not held any more."""
        with self._engines.writing() as connection:
            return claim.release(connection, claimed)

    def commit(self, claimed: Claim, results: Sequence[NewResult], escalations: Sequence[NewEscalation] = ()) -> bool:
        """Store the results of a chunk and end it, and the job with its last chunk.

        False: the claim was not held any more and nothing was written. Raises ValueError where there is not
        one result for each document.
        """
        with self._engines.writing() as connection:
            return claim.commit(connection, claimed, results, escalations)

    def commit_tagger(self, claimed: Claim, made: NewTagger) -> StoredTagger | None:
        """Register what an adaptation made, as the next version of its name, and end the job with one result.

        The result is `{"id", "tagger", "promoted", "receipt"}` under the job's id. A job that is being cancelled
        promotes nothing. None: the claim was not held any more and nothing was written. Raises `BadTaggerName`.
        """
        with self._engines.writing() as connection:
            return adapting.commit_tagger(connection, claimed, made)

    def progress(self, claimed: Claim, stage: str, share: float) -> bool:
        """Write an event `progress` that says which stage of the work is done to which share. False: not held.

        Crashes are forgotten where no attempt came as far before: work that goes on is no poison.
        """
        with self._engines.writing() as connection:
            return adapting.progress(connection, claimed, stage, round(share, 3))

    def fail(self, claimed: Claim, error: dict[str, Any]) -> bool:
        """Fail the job of a claim as `reject` does; False: it was not held any more and nothing happened."""
        with self._engines.writing() as connection:
            return adapting.fail(connection, claimed, error)

    # stopping

    def cancel(self, job_id: str) -> JobState:
        """Stop a job and return its state: cancelled, or cancelling while a chunk runs.

        Finished documents stay. Raises `JobFinished`.
        """
        with self._engines.writing() as connection:
            return cancel.cancel(connection, job_id)

    def expire_due(self) -> list[str]:
        """End every job whose time is over and return their ids."""
        return [job_id for job_id in self._ask(reap.jobs_due) if self._each(reap.expire, job_id)]

    def reap(self, max_crashes: int) -> ReapReport:
        """Take back leases that ran out, drop chunks that crashed `max_crashes` times, expire jobs."""
        reports = [
            self._each(reap.reap_leases, job_id, max_crashes) for job_id in self._ask(reap.jobs_with_lost_leases)
        ]
        return ReapReport(
            crashed=sum(report.crashed for report in reports),
            poisoned=sum(report.poisoned for report in reports),
            cancelled=sum(report.cancelled for report in reports),
            expired=len(self.expire_due()),
        )

    def void_leases(self) -> int:
        """Take every running chunk back without a crash; only for one who knows that no worker lives."""
        running = self._ask(reap.jobs_with_running_chunks)
        return sum(self._each(reap.void_leases, job_id) for job_id in running)

    # ringing

    def owed(self, queue: str, limit: int) -> list[int]:
        """Return at most `limit` ids of chunks of a queue that nobody rang for, oldest first."""
        with self._engines.reading() as connection:
            return bells.owed(connection, queue, limit)

    def mark_rung(self, chunk_ids: Collection[int]) -> int:
        """Note that the bells of these chunks rang just now. Return how many still wait to be claimed."""
        with self._engines.writing() as connection:
            return bells.mark_rung(connection, chunk_ids)

    def rung_unclaimed(self, queue: str) -> int:
        """Count the chunks of a queue that were rung and that nobody has claimed."""
        with self._engines.reading() as connection:
            return bells.rung_unclaimed(connection, queue)

    def oldest_rung(self, queue: str, limit: int) -> list[int]:
        """Return at most `limit` of these chunks, those first whose bell rang longest ago."""
        with self._engines.reading() as connection:
            return bells.oldest_rung(connection, queue, limit)

    # reading

    def job(self, job_id: str) -> JobView:
        """Return a job with its counts."""
        with self._engines.reading() as connection:
            return read.job(connection, job_id)

    def jobs(self, tenant: str = "local", limit: int = 50, after: str | None = None) -> list[JobView]:
        """Return a tenant's jobs, newest first; `after` is the last id of the page before."""
        with self._engines.reading() as connection:
            return read.jobs(connection, tenant, limit, after)

    def events(self, job_id: str, after: int = 0, limit: int = 1000) -> list[StoredEvent]:
        """Return a job's moves in order; `after` is the last id of the page before."""
        with self._engines.reading() as connection:
            return read.events(connection, outside.job_id(job_id), after, limit)

    def escalations(
        self, job_id: str, *, state: EscalationState | None = None, limit: int = 100, after: int | None = None
    ) -> list[StoredEscalation]:
        """Return a job's escalations, worst first; `after` is the last id of the page before."""
        with self._engines.reading() as connection:
            return read.escalations(connection, outside.job_id(job_id), state, limit, after)

    def results(self, job_id: str, after: int = 0, limit: int = 1000) -> list[StoredResult]:
        """Return result lines as they come; `after` is the last id of the page before."""
        with self._engines.reading() as connection:
            return lines.results(connection, outside.job_id(job_id), after, limit)

    def results_in_order(self, job_id: str, after: int = 0) -> Iterator[StoredResult]:
        """Yield the stored lines behind the corpus line `after`, in the order of the corpus, a page at a time."""
        return lines.results_in_order(self._engines, outside.job_id(job_id), after)

    def failed_in_order(self, job_id: str, after: int = 0) -> Iterator[StoredResult]:
        """Yield the same of documents that failed on their own."""
        return lines.failed_in_order(self._engines, outside.job_id(job_id), after)

    def dropped_chunks(self, job_id: str, after: int = 0) -> Iterator[DroppedChunk]:
        """Yield the chunks that were given up and reach behind the corpus line `after`, in its order."""
        return lines.dropped_chunks(self._engines, outside.job_id(job_id), after)

    def failed_lines(self, job_id: str) -> Iterator[FailedLines]:
        """Yield the lines that failed on their own, chunk by chunk, in the order of the corpus."""
        return lines.failed_lines(self._engines, outside.job_id(job_id))

    def law(self, job_id: str) -> tuple[str, ...]:
        """Return every breach of `total = pending + completed + failed` in a job; empty where it holds."""
        with self._engines.writing() as connection:
            lock_job(connection, job_id)
            return law.law(connection, job_id)

    def _ask(self, question: Callable[[Connection], list[str]]) -> list[str]:
        with self._engines.reading() as connection:
            return question(connection)

    def _each(self, step: Callable[..., Answer], job_id: str, *more: object) -> Answer:
        with self._engines.writing() as connection:
            return step(connection, job_id, *more)
