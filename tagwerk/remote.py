"""The jobs of a server, as commands need them: what the client answers, in the ledger's own records."""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

from api.schemas import PAGE_MAX
from corpora.documents import parse_document
from jobs.errors import UnknownTagger
from jobs.records import JobView, StoredEvent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from api.schemas import Event, JobSummary
    from models.types import Document
    from tagwerk.client import Client
    from tagwerk.service import Typing


class RemoteService:
    """Jobs of a server; a `Service`."""

    def __init__(self, client: Client, *, option: str) -> None:
        self._client = client
        self.option = option

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
        """See `Service`. An unknown tagger is told before the corpus is sent."""
        self._check_tagger(tagger)
        types, typer = (None, None) if typing is None else (typing.types, typing.typer)
        self._check_tagger(typer)
        return self._client.tag(corpus, labels, tagger=tagger, engine=engine, name=name, types=types, typer=typer).id

    def type(self, corpus: BinaryIO, typing: Typing, *, name: str) -> str:
        """See `Service`; as `submit`."""
        self._check_tagger(typing.typer)
        return self._client.type(corpus, typing.types, tagger=typing.typer, name=name).id

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
        """See `Service`; as `submit`."""
        self._check_tagger(tagger)
        given = None if types is not None else labels
        return self._client.adapt(examples, given, name=name, method=method, tagger=tagger, types=types).id

    def job(self, job_id: str) -> JobView:
        """See `Service`."""
        return job_view(self._client.job(job_id))

    def jobs(self, limit: int) -> list[JobView]:
        """See `Service`."""
        return [job_view(job) for job in islice(self._client.jobs(page=min(limit, PAGE_MAX)), limit)]

    def events(self, job_id: str, after: int = 0) -> list[StoredEvent]:
        """See `Service`."""
        return [_stored(event) for event in self._client.events(job_id, after=after, page=PAGE_MAX)]

    def lines(self, job: JobView, *, utf16: bool = False) -> Iterator[str]:
        """See `Service`."""
        return self._client.result_lines(job.id, utf16=utf16)

    def documents(self, job: JobView) -> Iterator[Document]:
        """See `Service`."""
        for number, fields in enumerate(self._client.documents(job.id), 1):
            yield parse_document(json.dumps(fields).encode(), number)

    def cancel(self, job_id: str) -> JobView:
        """See `Service`."""
        return job_view(self._client.cancel(job_id))

    def retry(self, job_id: str) -> str:
        """See `Service`."""
        return self._client.retry(job_id).id

    def tend(self) -> None:
        """Nothing: a server keeps itself up."""

    def _check_tagger(self, tagger: str | None) -> None:
        if tagger is None:
            return
        known = [each.name for each in self._client.taggers()]
        # A name without its version stands for the promoted one, which the server knows.
        if tagger not in {*known, *(name.partition("@")[0] for name in known)}:
            raise UnknownTagger(tagger, known)


def job_view(job: JobSummary) -> JobView:
    """A server's job as the ledger's record; what is not told, as the labels in a list, is left empty."""
    told = {"labels": [], "options": {}} | job.model_dump(exclude={"parent", "warnings"})
    return JobView(**told, parent_id=job.parent, tenant="", queue=None, blob=None)


def _stored(event: Event) -> StoredEvent:
    return StoredEvent(**event.model_dump())
