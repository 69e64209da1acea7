"""The Python client: corpora up, jobs made and waited for, results down, over the HTTP interface.

Owns what is asked of a server and what its answers mean. Answers are the classes of `api.schemas`.
"""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import uuid4

from api.schemas import (
    PAGE,
    Escalation,
    EscalationPage,
    Event,
    EventPage,
    File,
    FilePage,
    Job,
    JobPage,
    JobSummary,
    Readiness,
    Tagger,
    TaggerList,
)
from jobs.states import FINAL, EscalationState, JobState, TaggerState
from tagwerk.answers import Answers
from tagwerk.errors import (
    MissingKey,
    MissingServer,
    ServiceError,
    ServiceUnavailable,
    UnusableInput,
    WaitTimeout,
)
from tagwerk.exchange import Ask, Exchange
from tagwerk.sending import as_json, label_entries, source_of, type_entries
from tagwerk.settings import FaceSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tagwerk.sending import Corpus, Labels, Types

#: Seconds for which waiting bears with a server that does not answer.
PATIENCE = 60.0
#: Longest idempotency key, in characters.
KEY_MAX = 255


class Client:
    """A server, spoken to with a key. A context manager; threads may share one.

    What does no harm is tried again, up to `retries` times, where the server is away, is silent for `timeout` seconds,
    or answers 408, 429, 502, 503 or 504. All methods raise `ServiceError` for a refusal (`Unauthorized` for one of the
    key) and `ServiceUnavailable` where no answer came.
    """

    def __init__(
        self, url: str | None = None, key: str | None = None, *, timeout: float = 30.0, retries: int = 5
    ) -> None:
        """Without `url` and `key` those of TAGWERK_URL and TAGWERK_KEY. Connects to nothing yet."""
        settings = FaceSettings()
        address = url or settings.url
        secret = key or (settings.key and settings.key.get_secret_value())
        if not address:
            raise MissingServer
        if not secret:
            raise MissingKey
        self._exchange = Exchange(address, secret, timeout=timeout, retries=retries)
        self._answers = Answers(self._exchange)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client({self.url!r})"

    @property
    def url(self) -> str:
        """Address of the server."""
        return self._exchange.url

    @property
    def key(self) -> str:
        """The key; a secret."""
        return self._exchange.key

    def close(self) -> None:
        """Close the connections."""
        self._exchange.close()

    # sending work

    def upload(self, corpus: Corpus, name: str | None = None) -> File:
        """Send a corpus: a path, bytes, a binary stream, or an iterable of documents; it is never held in memory.

        Sent again after a lost connection where that can be done: not a pipe, and not a generator.
        """
        source = source_of(corpus)
        size: dict[str, str] = {} if source.size is None else {"Content-Length": str(source.size)}
        ask = Ask(
            method="POST",
            path="/v1/files",
            params={} if name is None else {"name": name},
            headers={"Content-Type": "application/jsonl"} | size,
            body=source.blocks,
            repeatable=source.repeatable,
            long=True,
        )
        return self._answers.read(File, ask)

    def submit(
        self,
        file: File | str,
        labels: Labels,
        *,
        tagger: str | None = None,
        engine: str | None = None,
        name: str | None = None,
        hours: float | None = None,
        types: Types | None = None,
        typer: str | None = None,
        idempotency_key: str | None = None,
    ) -> Job:
        """Make a job over an uploaded file.

        `labels`: names, `models.types.Label`s or mappings with `name`, `description` and `threshold`; a mapping from
        name to description; or the path of a label file. Without a `tagger` the engine's own is meant, without an
        `engine` the tagger's. One `idempotency_key` makes one job however often
        it is submitted, for as long as the server remembers; without one each call makes a job, and one alone.
        With `types`, as for `submit_typing`, what is found is given types by the tagger `typer`.
        """
        wanted = {"tagger": tagger, "engine": engine, "name": name, "hours": hours, "typer": typer}
        return self._submitted(file, labels, types, wanted, idempotency_key)

    def submit_typing(
        self,
        file: File | str,
        types: Types,
        *,
        tagger: str | None = None,
        name: str | None = None,
        hours: float | None = None,
        idempotency_key: str | None = None,
    ) -> Job:
        """Make a job that gives the mentions of an uploaded file their types; else as `submit`.

        `types`: names, paths such as `/person/singer`, mappings with `name`, `description`, `parent` and `words`, or
        the path of a type file.
        """
        wanted = {"kind": "type", "tagger": tagger, "name": name, "hours": hours}
        return self._submitted(file, None, types, wanted, idempotency_key)

    def submit_adaptation(
        self,
        file: File | str,
        labels: Labels | None = None,
        *,
        name: str,
        method: str | None = None,
        tagger: str | None = None,
        hours: float | None = None,
        types: Types | None = None,
        idempotency_key: str | None = None,
    ) -> Job:
        """Make a job that teaches `tagger` these labels by an uploaded file of examples; else as `submit`.

        `method` is `extend`, `contrastive`, `retrieve` or `lora`, or `finetype`, which is taught `types` instead of
        labels; without it `extend`, or, of types, `finetype`. Without a `tagger` it starts from its engine's own.

        What comes out is the next version of the tagger `name`, which the job's one result line names.
        """
        method = method or ("extend" if types is None else "finetype")
        wanted = {"kind": "adapt", "tagger": tagger, "method": method, "name": name, "hours": hours}
        return self._submitted(file, labels, types, wanted, idempotency_key)

    def tag(
        self,
        corpus: Corpus,
        labels: Labels,
        *,
        tagger: str | None = None,
        engine: str | None = None,
        name: str | None = None,
        hours: float | None = None,
        types: Types | None = None,
        typer: str | None = None,
    ) -> Job:
        """Upload a corpus and submit a job over it."""
        # Labels first: a corpus is not sent in vain.
        entries, finer = label_entries(labels), None if types is None else type_entries(types)
        file = self.upload(corpus, name)
        return self.submit(
            file, entries, tagger=tagger, engine=engine, name=name, hours=hours, types=finer, typer=typer
        )

    def type(
        self,
        corpus: Corpus,
        types: Types,
        *,
        tagger: str | None = None,
        name: str | None = None,
        hours: float | None = None,
    ) -> Job:
        """Upload a corpus whose documents carry mentions and submit a job that gives them types."""
        # Types first, as above.
        entries = type_entries(types)
        return self.submit_typing(self.upload(corpus, name), entries, tagger=tagger, name=name, hours=hours)

    def adapt(
        self,
        examples: Corpus,
        labels: Labels | None = None,
        *,
        name: str,
        method: str | None = None,
        tagger: str | None = None,
        hours: float | None = None,
        types: Types | None = None,
    ) -> Job:
        """Upload examples and submit an adaptation by them."""
        # Labels first, as above.
        entries = None if labels is None else label_entries(labels)
        finer = None if types is None else type_entries(types)
        file = self.upload(examples, name)
        return self.submit_adaptation(file, entries, name=name, method=method, tagger=tagger, hours=hours, types=finer)

    def cancel(self, job_id: str) -> Job:
        """Stop a job; what is finished stays."""
        try:
            return self._answers.read(Job, Ask(method="POST", path=f"{_path(job_id)}/cancel"))
        except ServiceError as refusal:
            # The lost answer to the first try was a yes.
            if refusal.tries > 1 and refusal.problem.status == HTTPStatus.CONFLICT:
                job = self.job(job_id)
                if job.state is JobState.CANCELLED:
                    return job
            raise

    def retry(self, job_id: str) -> Job:
        """Make a job of exactly the documents of an ended job that failed. Asked once, since two would be two jobs."""
        return self._answers.read(Job, Ask(method="POST", path=f"{_path(job_id)}/retry", repeatable=False, long=True))

    # looking

    def job(self, job_id: str) -> Job:
        """A job with its counts."""
        return self._answers.read(Job, Ask(path=_path(job_id)))

    def jobs(self, *, page: int = PAGE) -> Iterator[JobSummary]:
        """All jobs, newest first, without their labels and options, which `job` tells."""
        for found in self._answers.pages(JobPage, "/v1/jobs", {"limit": page}):
            yield from found.data

    def files(self, *, page: int = PAGE) -> Iterator[File]:
        """All uploaded files, newest first."""
        for found in self._answers.pages(FilePage, "/v1/files", {"limit": page}):
            yield from found.data

    def taggers(self) -> list[Tagger]:
        """The taggers that jobs may name."""
        return self._answers.read(TaggerList, Ask(path="/v1/taggers")).data

    def tagger(self, name: str) -> Tagger:
        """One tagger: `music@3`, or of `music` the promoted version."""
        return self._answers.read(Tagger, Ask(path=_tagger_path(name)))

    def promote(self, name: str) -> Tagger:
        """Let the name of `music@3` stand for it, as it may already."""
        return self._answers.read(Tagger, Ask(method="POST", path=f"{_tagger_path(name)}/promote"))

    def rollback(self, name: str) -> Tagger:
        """Let `music` stand for the version that was promoted before, and return that; again, for the one before."""
        # From the version that it stands for now: what a try whose answer was lost has done is not done again.
        promoted = (each.name for each in self.taggers() if each.state is TaggerState.PROMOTED)
        since = [("from", full_name) for full_name in promoted if full_name.partition("@")[0] == name]
        return self._answers.read(Tagger, Ask(method="POST", path=f"{_tagger_path(name)}/rollback", params=dict(since)))

    def ready(self) -> Readiness:
        """Whether the server can serve requests; asked once."""
        return self._answers.shaped(Readiness, self._exchange.peek("/readyz"))

    def wait(
        self,
        job_id: str,
        *,
        progress: Callable[[Job], None] | None = None,
        every: float = 0.5,
        timeout: float | None = None,
    ) -> Job:
        """Wait until a job ends, telling `progress` how it stands about every `every` seconds; how it ended.

        A server that is away for less than a minute only makes the wait longer. Raises `WaitTimeout` after `timeout`
        seconds; the job itself goes on.
        """
        began = answered = time.monotonic()
        while True:
            pause = every
            try:
                job = self._answers.shaped(Job, self._exchange.send(Ask(path=_path(job_id)), retries=0))
            except ServiceUnavailable as away:
                if time.monotonic() - answered > PATIENCE:
                    raise
                pause = max(every, away.retry_after or 0)
            else:
                answered = time.monotonic()
                if progress:
                    progress(job)
                if job.state in FINAL:
                    return job
            left = float("inf") if timeout is None else began + timeout - time.monotonic()
            if timeout is not None and left <= 0:
                raise WaitTimeout(job_id, timeout)
            time.sleep(min(pause, left))

    # reading what came of it

    def results(self, job_id: str, *, utf16: bool = False, page: int = 5000) -> Iterator[dict[str, Any]]:
        """The result lines, one for each document, in the order of the corpus; of a running job, those there are.

        `utf16` counts offsets in UTF-16 units. Read `page` lines at a time, each page whole, so that a lost
        connection neither loses nor doubles a line.
        """
        return map(self._answers.parsed, self.result_lines(job_id, utf16=utf16, page=page))

    def result_lines(self, job_id: str, *, utf16: bool = False, page: int = 5000) -> Iterator[str]:
        """The same as text, without line ends."""
        return self._answers.line_pages(f"{_path(job_id)}/results", page, {"offsets": "utf16"} if utf16 else {})

    def errors(self, job_id: str, *, page: int = 5000) -> Iterator[dict[str, Any]]:
        """The documents that failed: `{"line", "id", "error": {"code", "message"}}`, in the order of the corpus."""
        return map(self._answers.parsed, self._answers.line_pages(f"{_path(job_id)}/errors", page, {}))

    def documents(self, job_id: str) -> Iterator[dict[str, Any]]:
        """The job's corpus, document by document, while it comes."""
        lines = self._exchange.lines(Ask(path=f"{_path(job_id)}/documents"))
        return (self._answers.parsed(line) for line in lines if line.strip())

    def events(self, job_id: str, *, after: int = 0, page: int = PAGE) -> Iterator[Event]:
        """The moves of a job, oldest first, from the one after the id `after`."""
        for found in self._answers.pages(EventPage, f"{_path(job_id)}/events", {"limit": page, "after": after}):
            yield from found.data

    def escalations(
        self, job_id: str, state: EscalationState | str | None = None, *, page: int = PAGE
    ) -> Iterator[Escalation]:
        """The documents that were handed to people, worst first; those of one state where given."""
        params: dict[str, str | int] = {"limit": page} | ({} if state is None else {"state": str(state)})
        for found in self._answers.pages(EscalationPage, f"{_path(job_id)}/escalations", params):
            yield from found.data

    def _submitted(
        self,
        file: File | str,
        labels: Labels | None,
        types: Types | None,
        wanted: Mapping[str, Any],
        key: str | None,
    ) -> Job:
        given: dict[str, Any] = {"file": file if isinstance(file, str) else file.id}
        if labels is not None:
            given["labels"] = label_entries(labels)
        if types is not None:
            given["types"] = type_entries(types)
        # What is not said is not sent, so that a server of an older version takes what it knows.
        said = {field: value for field, value in wanted.items() if value is not None}
        body = as_json(given | said, "the job")
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": uuid4().hex if key is None else _checked(key),
        }
        ask = Ask(method="POST", path="/v1/jobs", headers=headers, body=lambda: body, long=True)
        return self._answers.read(Job, ask)


def _tagger_path(name: str) -> str:
    return f"/v1/taggers/{quote(name, safe='@')}"


def _path(job_id: str) -> str:
    return f"/v1/jobs/{quote(job_id, safe='')}"


def _checked(key: str) -> str:
    if not 0 < len(key) <= KEY_MAX or not all("!" <= character <= "~" for character in key):
        raise UnusableInput(f"the idempotency key {key[:60]!r} is not 1 to {KEY_MAX} visible ASCII characters")
    return key
