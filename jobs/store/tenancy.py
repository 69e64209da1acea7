"""The ledger as one tenant sees it: one class, one transaction a call.

Every statement holds the tenant, so that what belongs to another cannot be told from what never was: both raise
`UnknownJob`, `UnknownFile` or `UnknownTagger`. Every method raises `LedgerUnavailable` where the database does not
answer.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from jobs.records import Submission
from jobs.store import cancel, files, lines, outside, read, registry, replays, submit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from corpora.ingest import StoredCorpus
    from jobs.records import (
        DroppedChunk,
        FileView,
        Idempotency,
        JobView,
        StoredEscalation,
        StoredEvent,
        StoredResult,
        StoredTagger,
    )
    from jobs.states import EscalationState, JobKind, JobState
    from jobs.store.engine import Engines
    from jobs.store.read import JobKey


class TenantLedger:
    """The files, jobs and taggers of one tenant. Threads may share one; `Ledger.tenant` makes it."""

    def __init__(self, engines: Engines, tenant: str) -> None:
        self._engines = engines
        self._tenant = outside.tenant(tenant)

    @property
    def tenant(self) -> str:
        """The tenant's name."""
        return self._tenant

    # files

    def add_file(self, corpus: StoredCorpus, name: str | None) -> FileView:
        """Write down a stored corpus as a file. Raises `BadName`."""
        with self._engines.writing() as connection:
            return files.add(connection, self._tenant, corpus, name)

    def file(self, file_id: str) -> FileView:
        """Return a file."""
        with self._engines.reading() as connection:
            return files.file(connection, self._tenant, file_id)

    def files(self, limit: int = 50, after: str | None = None) -> list[FileView]:
        """Return files, newest first; `after` is the last id of the page before."""
        with self._engines.reading() as connection:
            return files.files(connection, self._tenant, limit, after)

    # jobs

    def submit(
        self,
        *,
        file_id: str,
        kind: JobKind,
        tagger: str,
        engine: str,
        labels: list[dict[str, Any]],
        options: dict[str, Any],
        hours: float,
        name: str | None,
        idempotency: Idempotency | None = None,
    ) -> Submission:
        """Queue a job over a file, all bells owed, to expire `hours` from now; ringing is the caller's.

        The same request with the same idempotency key is answered with the job it made before. Raises
        `UnknownFile`, `BadName`, `KeyInUse` while that request is at work, `KeyReused` where it was another.
        """
        chosen = {
            "tenant": self._tenant,
            "kind": kind,
            "tagger": tagger,
            "engine": engine,
            "labels": labels,
            "options": options,
            "name": name,
        }
        with self._engines.writing() as connection:
            if idempotency and (known := replays.recall(connection, self._tenant, idempotency)):
                job = read.job(connection, known, self._tenant)
                return Submission(job=read.as_queued(job), replayed=True)
            job_id = submit.submit_file(connection, file_id, hours, chosen)
            if idempotency:
                replays.remember(connection, self._tenant, idempotency, job_id)
            return Submission(job=read.job(connection, job_id, self._tenant), replayed=False)

    def check(self, job_id: str) -> None:
        """Raise `UnknownJob` where there is no such job."""
        with self._engines.reading() as connection:
            read.check(connection, self._tenant, job_id)

    def job(self, job_id: str) -> JobView:
        """Return a job with its counts."""
        with self._engines.reading() as connection:
            return read.job(connection, job_id, self._tenant)

    def jobs(self, limit: int = 50, after: str | None = None) -> list[JobView]:
        """Return jobs, newest first; `after` is the last id of the page before."""
        with self._engines.reading() as connection:
            return read.jobs(connection, self._tenant, limit, after)

    def cancel(self, job_id: str) -> JobState:
        """Stop a job and return its state: cancelled, or cancelling while a chunk runs. Raises `JobFinished`."""
        with self._engines.writing() as connection:
            return cancel.cancel(connection, job_id, self._tenant)

    # taggers

    def taggers(self) -> list[StoredTagger]:
        """Return all versions of all taggers made here, by name and version."""
        with self._engines.reading() as connection:
            return registry.taggers(connection, self._tenant)

    def tagger(self, asked: str) -> StoredTagger:
        """Return `music@3`, or of `music` the promoted version. Raises `UnknownTagger`."""
        with self._engines.reading() as connection:
            return registry.tagger(connection, self._tenant, asked)

    def promote(self, full_name: str) -> StoredTagger:
        """Let the name of `music@3` stand for it, and return it. Raises `UnknownTagger` or `BadTaggerName`."""
        with self._engines.writing() as connection:
            return registry.promote(connection, self._tenant, full_name)

    def rollback(self, name: str, since: str | None = None) -> StoredTagger:
        """Let a name stand for the version promoted before, and return that; again, for the one before that.

        With `since`, as `music@3`, nothing changes where the name does not stand for that any more. Raises
        `UnknownTagger`, `BadTaggerName` or `NothingToRollBack`.
        """
        with self._engines.writing() as connection:
            return registry.rollback(connection, self._tenant, name, since)

    # what came of a job

    def events(self, job_id: str, after: int = 0, limit: int = 1000) -> list[StoredEvent]:
        """Return a job's moves in order; `after` is the last id of the page before."""
        with self._own(job_id) as (connection, job):
            return read.events(connection, job, after, limit)

    def escalations(
        self, job_id: str, *, state: EscalationState | None = None, limit: int = 100, after: int | None = None
    ) -> list[StoredEscalation]:
        """Return a job's escalations, worst first; `after` is the last id of the page before."""
        with self._own(job_id) as (connection, job):
            return read.escalations(connection, job, state, limit, after)

    def results(self, job_id: str, after: int = 0, limit: int = 1000) -> list[StoredResult]:
        """Return result lines as they come; `after` is the last id of the page before."""
        with self._own(job_id) as (connection, job):
            return lines.results(connection, job, after, limit)

    def results_in_order(self, job_id: str, after: int = 0) -> Iterator[StoredResult]:
        """Yield the stored lines behind the corpus line `after`, in the order of the corpus, a page at a time."""
        self.check(job_id)
        return lines.results_in_order(self._engines, read.job_of(self._tenant, job_id), after)

    def failed_in_order(self, job_id: str, after: int = 0) -> Iterator[StoredResult]:
        """Yield the same of documents that failed on their own."""
        self.check(job_id)
        return lines.failed_in_order(self._engines, read.job_of(self._tenant, job_id), after)

    def dropped_chunks(self, job_id: str, after: int = 0) -> Iterator[DroppedChunk]:
        """Yield the chunks that were given up and reach behind the corpus line `after`, in its order."""
        self.check(job_id)
        return lines.dropped_chunks(self._engines, read.job_of(self._tenant, job_id), after)

    @contextmanager
    def _own(self, job_id: str) -> Iterator[tuple[Connection, JobKey]]:
        with self._engines.reading() as connection:
            read.check(connection, self._tenant, job_id)
            yield connection, read.job_of(self._tenant, job_id)
