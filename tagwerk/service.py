"""What commands need of whoever holds the jobs, and how a ledger of one's own gives it.

`DirectService` speaks to the ledger, the blob folder and the broker itself, be they services or the embedded stack;
`tagwerk.remote` asks a server for the same.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from corpora.reading import read_documents
from corpora.results import dump, utf16_offsets
from corpora.settings import CorporaSettings
from jobs.results import iter_lines
from jobs.settings import JobsSettings
from jobs.states import JobKind
from jobs.submitting import retry, submit_corpus
from jobs.taggers import ENGINE, ENGINES, METHODS, OWN, TYPER, TYPING
from tagwerk.pairing import paired

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from corpora.blobs import BlobStore
    from jobs.queue import Doorbell
    from jobs.records import JobView, StoredEvent
    from jobs.store import Ledger
    from models.types import Document


@dataclass(frozen=True, slots=True, kw_only=True)
class Typing:
    """Fine types, as the ledger stores them, and the typer that is to tell them; None: the one that ships."""

    types: list[dict[str, str]]
    typer: str | None = None


class Service(Protocol):
    """Jobs, wherever they are."""

    @property
    def option(self) -> str:
        """What a further command needs in its words to reach the same jobs: nothing, or ` --server URL`."""

    def submit(
        self,
        corpus: BinaryIO,
        labels: list[dict[str, Any]],
        *,
        tagger: str | None,
        engine: str | None,
        name: str,
        typing: Typing | None = None,
    ) -> str:
        """Submit a corpus for tagging and return the job's id; without a tagger it is the engine's own.

        With `typing` whatever is found is given types, too.
        """

    def type(self, corpus: BinaryIO, typing: Typing, *, name: str) -> str:
        """Submit a corpus whose mentions are to be given types and return the job's id."""

    def adapt(
        self,
        examples: bytes,
        labels: list[dict[str, Any]],
        *,
        tagger: str | None,
        method: str,
        name: str,
        types: list[dict[str, str]] | None = None,
    ) -> str:
        """Queue the adaptation of a tagger under a new name and return the job's id.

        A typer is taught `types` instead of labels.
        """

    def job(self, job_id: str) -> JobView:
        """A job with its counts."""

    def jobs(self, limit: int) -> list[JobView]:
        """The newest jobs, newest first."""

    def events(self, job_id: str, after: int = 0) -> list[StoredEvent]:
        """All moves of a job, in order, from the one after the id `after`."""

    def lines(self, job: JobView, *, utf16: bool = False) -> Iterator[str]:
        """The job's result lines in document order, without line ends; of a running job, those there are."""

    def documents(self, job: JobView) -> Iterator[Document]:
        """The job's corpus."""

    def cancel(self, job_id: str) -> JobView:
        """Stop a job and return it."""

    def retry(self, job_id: str) -> str:
        """Make a job of exactly the documents that failed and return its id."""

    def tend(self) -> None:
        """To be called now and then while waiting; keeps the embedded stack up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectService:
    """Jobs in a ledger that this process may open."""

    ledger: Ledger
    blobs: BlobStore
    bell: Doorbell
    tend: Callable[[], None]
    option: str = ""

    def submit(
        self,
        corpus: BinaryIO,
        labels: list[dict[str, Any]],
        *,
        tagger: str | None,
        engine: str | None,
        name: str,
        typing: Typing | None = None,
    ) -> str:
        """See `Service`; raises what `submit_corpus` raises."""
        engine = engine or ENGINE
        wanted = {} if typing is None else {"types": typing.types, "typer": typing.typer or TYPER}
        return self._submitted(
            corpus,
            kind=JobKind.TAG,
            labels=labels,
            tagger=tagger or ENGINES[engine],
            engine=engine,
            options=wanted,
            name=name,
        )

    def type(self, corpus: BinaryIO, typing: Typing, *, name: str) -> str:
        """See `Service`; raises what `submit_corpus` raises."""
        return self._submitted(
            corpus,
            kind=JobKind.TYPE,
            labels=[],
            tagger=typing.typer or TYPER,
            engine=TYPING,
            options={"types": typing.types},
            name=name,
        )

    def adapt(
        self,
        examples: bytes,
        labels: list[dict[str, Any]],
        *,
        tagger: str | None,
        method: str,
        name: str,
        types: list[dict[str, str]] | None = None,
    ) -> str:
        """See `Service`; raises what `submit_corpus` raises."""
        return self._submitted(
            io.BytesIO(examples),
            kind=JobKind.ADAPT,
            labels=labels,
            tagger=tagger or OWN[METHODS[method]],
            engine=METHODS[method],
            options={"method": method, "name": name} | ({} if types is None else {"types": types}),
            name=name,
        )

    def job(self, job_id: str) -> JobView:
        """See `Service`; raises `UnknownJob`."""
        return self.ledger.job(job_id)

    def jobs(self, limit: int) -> list[JobView]:
        """See `Service`."""
        return self.ledger.jobs(limit=limit)

    def events(self, job_id: str, after: int = 0) -> list[StoredEvent]:
        """See `Service`."""
        return self.ledger.events(job_id, after)

    def lines(self, job: JobView, *, utf16: bool = False) -> Iterator[str]:
        """See `Service`; raises `UnknownBlob` or `DamagedBlob` where the corpus is needed and gone."""
        found = iter_lines(self.ledger, self.blobs, job.id)
        if not utf16:
            return found
        return (dump(utf16_offsets(line, document.text)) for document, line in paired(self.documents(job), found))

    def documents(self, job: JobView) -> Iterator[Document]:
        """See `Service`; raises `FileNotFoundError` where the corpus is gone."""
        return (numbered.document for numbered in read_documents(self.blobs.path(job.blob or "")))

    def cancel(self, job_id: str) -> JobView:
        """See `Service`; raises `JobFinished`."""
        self.ledger.cancel(job_id)
        return self.ledger.job(job_id)

    def retry(self, job_id: str) -> str:
        """See `Service`; raises `JobUnfinished` or `NothingToRetry`."""
        return retry(self.ledger, self.blobs, self.bell, job_id, limits=CorporaSettings().limits())

    def close(self) -> None:
        """Close what is open."""
        self.ledger.close()
        self.bell.close()

    def _submitted(self, corpus: BinaryIO, **chosen: Any) -> str:  # noqa: ANN401 -- what `submit_corpus` is told
        bounds: dict[str, Any] = {"hours": JobsSettings().job_hours, "limits": CorporaSettings().limits()}
        return submit_corpus(self.ledger, self.blobs, self.bell, corpus, **bounds, **chosen)
