"""The shapes of the HTTP interface: what requests may say and what answers look like.

Owns names, types and the words that describe them in the OpenAPI text; the client reads answers with the same
classes. Imports no web framework.
"""

# ruff: noqa: TC001, TC003 -- pydantic reads annotations at run time
from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from corpora.labels import MAX_LABELS
from jobs.states import EscalationState, JobKind, JobState, TaggerState
from models.typing_hierarchy import MAX_TYPES

#: Most entries of a page, and what a page holds where nothing is said.
PAGE_MAX = 1000
PAGE = 100
#: Longest name of a job or a file, in characters.
NAME_MAX = 200
#: Most hours that a job may be given.
HOURS_MAX = 24 * 365
#: Fewest: a minute.
HOURS_MIN = 1 / 60
#: What is said of more labels than a job may have, as of label files.
TOO_MANY_LABELS = "too_many_labels"


class Answer(BaseModel):
    """Base of what the service answers; a client of an older version passes over fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Request(BaseModel):
    """Base of what the service is asked; a misspelt field is refused rather than passed over."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Complaint(Answer):
    """One thing that is wrong with a request."""

    code: str = Field(description="machine word")
    detail: str = Field(description="the whole sentence, with the value and what to do")
    line: int | None = Field(None, description="line of the uploaded file, from 1")
    pointer: str | None = Field(
        None, description="JSON pointer (RFC 6901) into the request's body, as `/labels/0/name`"
    )


class Problem(Answer):
    """Why a request failed: problem details, RFC 9457, as `application/problem+json`."""

    type: str = Field(description="the code as a URN: `urn:tagwerk:error:CODE`")
    title: str = Field(description="the status in words")
    status: int
    detail: str = Field(description="what is wrong with this request, and what to do")
    code: str = Field(description="machine word, stable across releases; docs/errors.md lists them all")
    errors: list[Complaint] = Field(
        default_factory=list, description="the first 20 complaints, where there are several"
    )
    total: int | None = Field(None, description="how many complaints there are in all")
    request_id: str | None = Field(None, description="the request's id, also in `X-Request-ID` and in the log")


class File(Answer):
    """A corpus that is valid and stored."""

    id: str = Field(description="`file_...`; ids sort by time")
    name: str | None
    bytes: int = Field(description="size as stored: expanded, without a byte order mark")
    documents: int
    created_at: datetime


class Progress(Answer):
    """How far an adaptation is."""

    stage: str = Field(description="`judging`, `learning` or `comparing`; docs/adaptation.md says what is done in each")
    share: float = Field(description="how much of the stage is done, in [0, 1]")


class JobSummary(Answer):
    """A job of a list, with its counts, read at one moment: `total = pending + completed + failed`, in documents."""

    id: str = Field(description="`job_...`; ids sort by time")
    kind: JobKind
    state: JobState
    name: str | None
    tagger: str
    engine: str
    parent: str | None = Field(description="the job of which this one does again what failed")
    total: int | None = Field(description="documents; null until the corpus is validated")
    pending: int
    completed: int
    failed: int
    escalated: int = Field(description="documents that were handed to people")
    created_at: datetime
    queued_at: datetime | None
    running_at: datetime | None
    finalizing_at: datetime | None
    cancelling_at: datetime | None
    completed_at: datetime | None
    failed_at: datetime | None
    expired_at: datetime | None
    cancelled_at: datetime | None
    expires_at: datetime = Field(description="when the job expires if it has not ended")
    error: dict[str, Any] | None = Field(
        description="why the job failed as a whole: `code` and `message`; of examples also `problems` and `total`"
    )
    progress: Progress | None = Field(
        None, description="how far an adaptation was when it last told; null before that, and of other kinds"
    )


class Job(JobSummary):
    """A job with its counts, read at one moment: `total = pending + completed + failed`, in documents."""

    labels: list[dict[str, Any]]
    options: dict[str, Any]
    warnings: list[str] = Field(
        default_factory=list,
        description="what may be worth changing in the labels and the examples; told at submission only",
    )


class Event(Answer):
    """One move of a job."""

    id: int
    at: datetime
    name: str
    from_state: JobState | None
    to_state: JobState
    data: dict[str, Any]


class Escalation(Answer):
    """A document that was handed to people."""

    id: int
    line: int = Field(description="line of the document in its corpus, from 1")
    document_id: str
    reasons: list[str]
    risk: float = Field(description="how likely the document is wrong, in [0, 1]")
    state: EscalationState


class Tagger(Answer):
    """A tagger that jobs may name."""

    name: str
    engine: str
    base: str = Field(description="the encoder it stands on")
    receipt: dict[str, Any] = Field(description="how it came to be")
    state: TaggerState | None = Field(None, description="what its name makes of it; null of those that ship")
    created_at: datetime | None = Field(None, description="null of those that ship")


class JobPage(Answer):
    """Jobs, newest first; their labels and options are told of each job alone."""

    data: list[JobSummary]
    has_more: bool
    after: str | None = Field(description="what to give as `after` for the next page; null on an empty page")


class FilePage(Answer):
    """Files, newest first."""

    data: list[File]
    has_more: bool
    after: str | None = Field(description="what to give as `after` for the next page; null on an empty page")


class EventPage(Answer):
    """Moves of a job, oldest first."""

    data: list[Event]
    has_more: bool
    after: int | None = Field(description="what to give as `after` for the next page; null on an empty page")


class EscalationPage(Answer):
    """Escalated documents of a job, worst first."""

    data: list[Escalation]
    has_more: bool
    after: int | None = Field(description="what to give as `after` for the next page; null on an empty page")


class TaggerList(Answer):
    """All taggers, the shipped ones first."""

    data: list[Tagger]


class FineType(Answer):
    """A fine type of a mention."""

    name: str
    score: float = Field(description="how likely it is, in [0, 1]")


class Entity(Answer):
    """One entity of a document; `text[start:end]` of the document is its text."""

    start: int
    end: int = Field(description="position after the last character")
    text: str
    label: str | None = Field(description="null of a mention that was given without one")
    score: float = Field(description="in [0, 1]; 1 of a mention that was given")
    types: list[FineType] | None = Field(
        None, description="the likeliest first, with all that they are kinds of; absent where no types were asked for"
    )


class HandedOver(Answer):
    """Why a document goes to people."""

    reasons: list[str] = Field(description="machine words, most telling first")
    risk: float = Field(description="how likely the document is wrong, in [0, 1]")


class Failure(Answer):
    """Why a document failed."""

    code: str
    message: str


class ResultLine(Answer):
    """What came of one document: its entities, or an error. An adaptation has one line, which names its tagger."""

    id: str = Field(description="the document's own id; of an adaptation the job's")
    entities: list[Entity] | None = Field(None, description="in order; absent where the document failed")
    escalation: HandedOver | None = None
    tagger: str | None = Field(None, description="the tagger that found or typed them, or that an adaptation made")
    engine: str | None = None
    windows: int | None = Field(None, description="pieces that a long text was read in")
    typer: str | None = Field(None, description="the tagger that gave types to what `tagger` found")
    promoted: bool | None = Field(None, description="whether a tagger that was made is what its name stands for")
    receipt: dict[str, Any] | None = Field(None, description="how a tagger that was made came to be")
    error: Failure | None = Field(None, description="absent where the document was tagged")


class ErrorLine(Answer):
    """A document that failed."""

    line: int = Field(description="line of the document in its corpus, from 1")
    id: str = Field(description="the document's own id")
    error: Failure


class DocumentLine(Answer):
    """A document as it was uploaded."""

    id: str
    text: str
    meta: dict[str, Any] | None = None
    entities: list[dict[str, Any]] | None = None


def _few_labels(labels: object) -> object:
    """Refuse too many before each is looked at, in the words for label files."""
    if isinstance(labels, list | dict) and len(labels) > MAX_LABELS:
        sentence = "there are {count} labels, over the limit of {most}; use several jobs"
        raise PydanticCustomError(TOO_MANY_LABELS, sentence, {"count": f"{len(labels):,}", "most": f"{MAX_LABELS:,}"})
    return labels


class JobRequest(Request):
    """A job over an uploaded file."""

    kind: Literal["tag", "adapt", "type"] = Field(
        "tag",
        description="what to do: `tag` finds entities, `type` gives fine types to the mentions that documents carry as "
        "`entities`, `adapt` makes a tagger from examples",
    )
    file: str = Field(description="id of an uploaded file; of an adaptation its examples, documents with `entities`")
    labels: Annotated[list[Any] | dict[str, Any] | None, BeforeValidator(_few_labels)] = Field(
        None,
        description="names, or objects with `name`, `description` and `threshold`, or a mapping from name to "
        f"description; as in a label file; at most {MAX_LABELS:,}. Every job needs them but one that types, and an "
        "adaptation by `finetype`, which have `types` instead",
    )
    types: list[Any] | None = Field(
        None,
        description="fine types: names, paths such as `/person/singer`, or objects with `name`, `description`, "
        f"`parent` and `words`; as in a type file; at most {MAX_TYPES:,}. Of a job that tags: types of what it "
        "finds",
    )
    typer: str | None = Field(
        None,
        max_length=NAME_MAX,
        description="of a job that tags and has `types`: the tagger that tells them; without it `typer`, which ships",
    )
    tagger: str | None = Field(
        None,
        max_length=NAME_MAX,
        description="name of a registered tagger, never a path; of an adaptation the one to start from; without it the "
        "engine's own: `default`, `compact`, or, of types, `typer`",
    )
    engine: str | None = Field(
        None,
        max_length=NAME_MAX,
        description="how to tag: `biencoder` or `llm`; without it the tagger's own. An adaptation's follows from its "
        "method",
    )
    method: str | None = Field(
        None,
        max_length=NAME_MAX,
        description="how an adaptation learns: `extend`, `contrastive`, `retrieve` or `lora`, or, of types, "
        "`finetype`; without it `extend`, or `finetype` where it has types. Of no other kind",
    )
    name: str | None = Field(
        None,
        max_length=NAME_MAX,
        description="a name for people; an adaptation must have one, which is its tagger's: 1 to 64 of `a-z`, `0-9`, "
        "`_` and `-`",
    )
    hours: Annotated[float, Field(ge=HOURS_MIN, le=HOURS_MAX)] | None = Field(
        None,
        description="time after which the job expires, at least a minute (1/60); without it the server's default",
    )


class Health(Answer):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Readiness(Answer):
    """Whether requests can be served; the broker may be away, submissions are accepted all the same."""

    ready: bool
    ledger: str = Field(description="`ok`, `unavailable` or `not_migrated`")
    blobs: str = Field(description="`ok`, or why nothing can be stored")
    broker: str = Field(description="`ok` or `unavailable`; queued jobs then wait for it")
