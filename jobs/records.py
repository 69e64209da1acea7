"""The values that go into the ledger and come out of it. Plain frozen records, no behaviour."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from corpora.chunks import ChunkRange
    from jobs.states import DropReason, EscalationState, JobKind, JobState, TaggerState


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A chunk that one worker holds until its lease runs out, with all it needs to do the work."""

    chunk_id: int
    job_id: str
    tenant: str
    #: Which claim of this chunk it is, from 1; a commit, renewal or release must match it.
    attempt: int
    #: Key of the corpus in the blob store; `chunk` is a byte range of it.
    blob: str
    chunk: ChunkRange
    kind: JobKind
    tagger: str
    #: Where the tagger lies below the folder of taggers made here; None: it ships, or there is none of this name.
    folder: str | None
    engine: str
    labels: list[dict[str, Any]]
    options: dict[str, Any]
    #: Where the tagger lies that gives types to what is found; None: it ships, or nobody asked for types.
    typer_folder: str | None = None


class Renewal(Enum):
    """What a renewal tells the worker."""

    HELD = "held"  # go on
    LOST = "lost"  # the chunk is somebody else's or dropped: stop, a commit would be refused
    CANCELLING = "cancelling"  # still held, but nobody wants the rest: release it


@dataclass(frozen=True, slots=True, kw_only=True)
class NewResult:
    """One document's result line, ready to be stored."""

    #: Line of the document in its corpus, from 1.
    line: int
    document_id: str
    #: False where the body is an error line.
    ok: bool
    #: The result line as JSON text, without a line end.
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEscalation:
    """A document to be handed to people."""

    line: int
    document_id: str
    reasons: tuple[str, ...]
    #: How likely the document is wrong, in [0, 1].
    risk: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTagger:
    """A tagger that a job has made; its artifact lies in the folder that is named like the job."""

    name: str
    #: How it came to be and what it is worth; what JSON can hold.
    receipt: dict[str, Any]
    #: Whether the name is to stand for it from now on.
    promote: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTagger:
    """One version of a tagger that was made here."""

    #: With its version, as `music@3`.
    full_name: str
    name: str
    version: int
    #: The job that made it.
    job_id: str
    #: Where it lies below the folder of taggers made here.
    folder: str
    engine: str
    state: TaggerState
    receipt: dict[str, Any]
    created_at: datetime
    #: When its name last came to stand for it; None where it never did, or was rolled back.
    promoted_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReapReport:
    """What one round of reaping did."""

    #: Chunks whose lease had run out.
    crashed: int = 0
    #: Of these: dropped as poison.
    poisoned: int = 0
    #: Of these: dropped because their job is being cancelled.
    cancelled: int = 0
    #: Jobs whose time was over.
    expired: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class JobView:
    """A job with its counts, read at one moment: `total = pending + completed + failed`, in documents."""

    id: str
    tenant: str
    kind: JobKind
    state: JobState
    name: str | None
    tagger: str
    engine: str
    labels: list[dict[str, Any]]
    options: dict[str, Any]
    queue: str | None
    blob: str | None
    parent_id: str | None
    #: Null until the corpus is validated.
    total: int | None
    pending: int
    completed: int
    failed: int
    #: Documents that were handed to people.
    escalated: int
    created_at: datetime
    queued_at: datetime | None
    running_at: datetime | None
    finalizing_at: datetime | None
    cancelling_at: datetime | None
    completed_at: datetime | None
    failed_at: datetime | None
    expired_at: datetime | None
    cancelled_at: datetime | None
    expires_at: datetime
    #: Why the job failed as a whole: an object with `code` and `message`.
    error: dict[str, Any] | None
    #: How far an adaptation was when its worker last told: an object with `stage` and `share`, in [0, 1].
    progress: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileView:
    """A corpus that is valid and stored, as one tenant's file."""

    id: str
    tenant: str
    name: str | None
    #: Key of the corpus in the blob store.
    blob: str
    #: Size as stored: expanded, without a byte order mark.
    bytes: int
    documents: int
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Idempotency:
    """What makes two requests the same one: the caller's key, and a digest of all that was asked."""

    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """The answer to a submission."""

    #: The job as it was when it was queued, also where it has moved on since.
    job: JobView
    #: True where an earlier request with the same idempotency key made the job.
    replayed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """One move of a job, or `progress` with `stage` and `share` in its data; ids rise."""

    id: int
    at: datetime
    name: str
    from_state: JobState | None
    to_state: JobState
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredResult:
    """One stored result line; ids rise in the order of commits."""

    id: int
    line: int
    document_id: str
    ok: bool
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEscalation:
    """A document that was handed to people."""

    id: int
    line: int
    document_id: str
    reasons: list[str]
    risk: float
    state: EscalationState


@dataclass(frozen=True, slots=True, kw_only=True)
class DroppedChunk:
    """A chunk that was given up; all its documents failed with `reason`."""

    chunk: ChunkRange
    reason: DropReason


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedLines:
    """The lines of a finished chunk whose documents failed on their own, rising."""

    chunk: ChunkRange
    lines: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerFacts:
    """What a broker says of itself; None where it does not."""

    version: str
    #: Whether an append-only file keeps its messages through a restart.
    append_only: bool | None
    #: What it does where memory is short, as `noeviction`.
    eviction: str | None
