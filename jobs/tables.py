"""The ledger's tables: what is recorded, and as constraints what must never be.

Owns the schema as it is now; `migrations` owns how it came to be, and a test holds the two equal.
Only `jobs.store` reads and writes these tables.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    Enum,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from jobs.keys import KeyScope
from jobs.states import (
    EXPIRING,
    FINAL,
    OPEN_CHUNKS,
    ChunkState,
    DropReason,
    EscalationState,
    JobKind,
    JobState,
    TaggerState,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from enum import StrEnum

#: Names of constraints, so that a migration can speak of each on both databases.
NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

#: JSON whose missing value is SQL NULL, so that CHECK constraints can ask for it.
Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")

#: A counting key; SQLite counts only where the type is spelled INTEGER.
BigKey = BigInteger().with_variant(Integer(), "sqlite")


class UtcTime(TypeDecorator[datetime]):
    """A moment, always aware and in UTC; SQLite keeps it naive, which this hides."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return what the database keeps of an aware moment."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone; the ledger keeps aware times only")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the aware moment, in UTC, that the database kept."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _word_type(words: type[StrEnum]) -> Enum:
    """Return the column type of one of `words`, stored as its text."""
    return Enum(words, native_enum=False, length=16, values_callable=lambda e: [member.value for member in e])


def _word(words: type[StrEnum], *, nullable: bool = False) -> Column[Any]:
    """Return a column that holds one of `words`."""
    return Column(_word_type(words), nullable=nullable)


def _json(*, nullable: bool = False) -> Column[Any]:
    """Return a column that holds a JSON value."""
    return Column(Json, nullable=nullable)


def _moment(*, nullable: bool = True) -> Column[Any]:
    """Return a column that holds a UTC time."""
    return Column(UtcTime, nullable=nullable)


def _counting_key() -> Column[Any]:
    """Return a primary key that the database counts up."""
    return Column(BigKey, primary_key=True, autoincrement=True)


def _big_number() -> Column[Any]:
    """Return a column for byte offsets, which outgrow 32 bits."""
    return Column(BigInteger, nullable=False)


def _words(members: Iterable[StrEnum]) -> str:
    return "(" + ", ".join(f"'{member}'" for member in members) + ")"


def _partial(name: str, *columns: str, where: str) -> Index:
    return Index(name, *columns, postgresql_where=text(where), sqlite_where=text(where))


def _job_key() -> Column[Any]:
    return Column(ForeignKey("job.id"), nullable=False)


class Ledger(SQLModel):
    """Base of the tables, with a metadata of its own."""

    metadata: ClassVar[MetaData] = MetaData(naming_convention=NAMING)


class Job(Ledger, table=True):
    """One submission: what to do, with what, and when it moved through which state.

    `created_at` is the stamp of `validating`; every other state has its own.
    """

    __table_args__ = (
        CheckConstraint(f"state IN {_words(JobState)}", "state"),
        CheckConstraint(f"kind IN {_words(JobKind)}", "kind"),
        CheckConstraint(
            "documents IS NOT NULL OR state IN ('validating', 'failed', 'expired', 'cancelled')", "counted"
        ),
        CheckConstraint(
            "(documents IS NULL) = (blob IS NULL) AND (documents IS NULL) = (queue IS NULL)"
            " AND (documents IS NULL) = (queued_at IS NULL)",
            "queued_whole",
        ),
        CheckConstraint("documents >= 1", "documents"),
        CheckConstraint("(state = 'failed') = (error IS NOT NULL)", "error"),
        CheckConstraint("expires_at > created_at", "expires_at"),
        CheckConstraint("state NOT IN ('running', 'finalizing') OR running_at IS NOT NULL", "running_at"),
        CheckConstraint("state <> 'finalizing' OR finalizing_at IS NOT NULL", "finalizing_at"),
        CheckConstraint("state <> 'cancelling' OR cancelling_at IS NOT NULL", "cancelling_at"),
        *(CheckConstraint(f"(state = '{final}') = ({final}_at IS NOT NULL)", f"{final}_at") for final in sorted(FINAL)),
        Index("ix_job_tenant_id", "tenant", "id"),
        _partial("ix_job_expiring", "expires_at", where=f"state IN {_words(EXPIRING)}"),
    )

    id: str = Field(primary_key=True, max_length=24)
    tenant: str
    kind: JobKind = Field(sa_column=_word(JobKind))
    state: JobState = Field(sa_column=_word(JobState))
    name: str | None = None
    tagger: str
    engine: str
    labels: list[dict[str, Any]] = Field(sa_column=_json())
    options: dict[str, Any] = Field(sa_column=_json())
    queue: str | None = None
    blob: str | None = None
    documents: int | None = None
    parent_id: str | None = Field(None, foreign_key="job.id", max_length=24)
    created_at: datetime = Field(sa_column=_moment(nullable=False))
    queued_at: datetime | None = Field(None, sa_column=_moment())
    running_at: datetime | None = Field(None, sa_column=_moment())
    finalizing_at: datetime | None = Field(None, sa_column=_moment())
    cancelling_at: datetime | None = Field(None, sa_column=_moment())
    completed_at: datetime | None = Field(None, sa_column=_moment())
    failed_at: datetime | None = Field(None, sa_column=_moment())
    expired_at: datetime | None = Field(None, sa_column=_moment())
    cancelled_at: datetime | None = Field(None, sa_column=_moment())
    expires_at: datetime = Field(sa_column=_moment(nullable=False))
    error: dict[str, Any] | None = Field(None, sa_column=_json(nullable=True))


class Chunk(Ledger, table=True):
    """A byte range of a job's corpus: the unit of claiming, committing and ringing."""

    __table_args__ = (
        UniqueConstraint("job_id", "seq"),
        CheckConstraint(f"state IN {_words(ChunkState)}", "state"),
        CheckConstraint("seq >= 0 AND first_line >= 1 AND documents >= 1", "place"),
        CheckConstraint("byte_start >= 0 AND byte_start < byte_end", "bytes"),
        CheckConstraint("crashes >= 0 AND crashes <= attempt", "crashes"),
        CheckConstraint("(state = 'running') = (lease_until IS NOT NULL)", "lease_until"),
        CheckConstraint("(state = 'running') = (worker IS NOT NULL)", "worker"),
        CheckConstraint("completed >= 0 AND failed >= 0 AND completed + failed <= documents", "counts"),
        CheckConstraint(f"state NOT IN {_words(OPEN_CHUNKS)} OR completed + failed = 0", "open"),
        CheckConstraint("state <> 'done' OR completed + failed = documents", "done"),
        CheckConstraint("state <> 'dropped' OR failed = documents", "dropped"),
        CheckConstraint("(state = 'dropped') = (error_code IS NOT NULL)", "error_code"),
        CheckConstraint(f"error_code IN {_words(DropReason)}", "drop_reason"),
        _partial("ix_chunk_open", "job_id", where=f"state IN {_words(OPEN_CHUNKS)}"),
        _partial("ix_chunk_leased", "lease_until", where="state = 'running'"),
        _partial("ix_chunk_owed", "id", where="state = 'available' AND rung_at IS NULL"),
        _partial("ix_chunk_rung", "rung_at", "id", where="state = 'available' AND rung_at IS NOT NULL"),
    )

    id: int | None = Field(None, sa_column=_counting_key())
    job_id: str = Field(sa_column=_job_key())
    seq: int
    byte_start: int = Field(sa_column=_big_number())
    byte_end: int = Field(sa_column=_big_number())
    first_line: int = Field(sa_column=_big_number())
    documents: int
    state: ChunkState = Field(ChunkState.AVAILABLE, sa_column=_word(ChunkState))
    attempt: int = 0  # fences: a commit must name the attempt it was claimed with
    crashes: int = 0  # leases that ran out since it last came farther; these alone condemn
    lease_until: datetime | None = Field(None, sa_column=_moment())
    worker: str | None = None
    rung_at: datetime | None = Field(None, sa_column=_moment())  # null while available: the bell is owed
    completed: int = 0
    failed: int = 0
    error_code: DropReason | None = Field(None, sa_column=_word(DropReason, nullable=True))


class Result(Ledger, table=True):
    """One document's result line; ids rise in the order of commits within a job."""

    __table_args__ = (
        UniqueConstraint("job_id", "line"),
        CheckConstraint("line >= 1", "line"),
        Index("ix_result_job_id_id", "job_id", "id"),
        _partial("ix_result_failed", "job_id", "line", where="NOT ok"),
    )

    id: int | None = Field(None, sa_column=_counting_key())
    job_id: str = Field(sa_column=_job_key())
    chunk_id: int = Field(sa_column=Column(BigKey, ForeignKey("chunk.id"), nullable=False))
    line: int = Field(sa_column=_big_number())
    document_id: str
    ok: bool
    body: str = Field(sa_column=Column(Text, nullable=False))


class Escalation(Ledger, table=True):
    """A document that people should look at, with the reasons and how likely it is wrong."""

    __table_args__ = (
        UniqueConstraint("job_id", "line"),
        CheckConstraint("line >= 1", "line"),
        CheckConstraint("risk >= 0 AND risk <= 1", "risk"),
        CheckConstraint(f"state IN {_words(EscalationState)}", "state"),
        Index("ix_escalation_job_id_risk_id", "job_id", "risk", "id"),
    )

    id: int | None = Field(None, sa_column=_counting_key())
    job_id: str = Field(sa_column=_job_key())
    line: int = Field(sa_column=_big_number())
    document_id: str
    reasons: list[str] = Field(sa_column=_json())
    risk: float
    state: EscalationState = Field(EscalationState.OPEN, sa_column=_word(EscalationState))


class Event(Ledger, table=True):
    """One move of a job, written in the transaction that made it, or a sign that its work goes on."""

    __table_args__ = (
        CheckConstraint(f"to_state IN {_words(JobState)}", "to_state"),
        Index("ix_event_job_id_id", "job_id", "id"),
    )

    id: int | None = Field(None, sa_column=_counting_key())
    job_id: str = Field(sa_column=_job_key())
    at: datetime = Field(sa_column=_moment(nullable=False))
    name: str
    from_state: JobState | None = Field(None, sa_column=_word(JobState, nullable=True))
    to_state: JobState = Field(sa_column=_word(JobState))
    data: dict[str, Any] = Field(sa_column=_json())


class ApiKey(Ledger, table=True):
    """A key to the service; of its token only the hash."""

    __tablename__ = "api_key"
    __table_args__ = (
        UniqueConstraint("digest"),
        CheckConstraint(f"scope IN {_words(KeyScope)}", "scope"),
        CheckConstraint("length(digest) = 64", "digest"),
    )

    id: str = Field(primary_key=True, max_length=24)
    tenant: str
    name: str | None = None
    scope: KeyScope = Field(sa_column=_word(KeyScope))
    digest: str
    created_at: datetime = Field(sa_column=_moment(nullable=False))
    revoked_at: datetime | None = Field(None, sa_column=_moment())


class File(Ledger, table=True):
    """A tenant's stored corpus and where its chunks lie, so that a job over it need not read it again."""

    __table_args__ = (
        CheckConstraint("bytes > 0 AND documents >= 1", "size"),
        Index("ix_file_tenant_id", "tenant", "id"),
    )

    id: str = Field(primary_key=True, max_length=25)
    tenant: str
    name: str | None = None
    blob: str
    bytes: int = Field(sa_column=_big_number())
    documents: int
    # Not JSONB: a large file has a hundred thousand numbers here, which are only ever read whole.
    layout: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    created_at: datetime = Field(sa_column=_moment(nullable=False))


class Idempotency(Ledger, table=True):
    """Which job a tenant's idempotency key made, and from which request."""

    __table_args__ = (Index("ix_idempotency_created_at", "created_at"),)

    tenant: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    fingerprint: str
    job_id: str = Field(sa_column=_job_key())
    created_at: datetime = Field(sa_column=_moment(nullable=False))


class Tagger(Ledger, table=True):
    """A version of a tagger that a job has made; what it can do lies in a folder, named here."""

    __table_args__ = (
        UniqueConstraint("tenant", "name", "version"),
        CheckConstraint(f"state IN {_words(TaggerState)}", "state"),
        CheckConstraint("version >= 1", "version"),
        CheckConstraint("state <> 'promoted' OR promoted_at IS NOT NULL", "promoted"),
        CheckConstraint("state <> 'candidate' OR promoted_at IS NULL", "candidate"),
        Index(
            "ix_tagger_promoted",
            "tenant",
            "name",
            unique=True,
            postgresql_where=text("state = 'promoted'"),
            sqlite_where=text("state = 'promoted'"),
        ),
    )

    job_id: str = Field(sa_column=Column(ForeignKey("job.id"), primary_key=True))
    tenant: str
    name: str
    version: int
    folder: str
    state: TaggerState = Field(sa_column=_word(TaggerState))
    receipt: dict[str, Any] = Field(sa_column=_json())
    created_at: datetime = Field(sa_column=_moment(nullable=False))
    promoted_at: datetime | None = Field(None, sa_column=_moment())


METADATA = Ledger.metadata
JOBS = METADATA.tables["job"]
CHUNKS = METADATA.tables["chunk"]
RESULTS = METADATA.tables["result"]
ESCALATIONS = METADATA.tables["escalation"]
EVENTS = METADATA.tables["event"]
API_KEYS = METADATA.tables["api_key"]
FILES = METADATA.tables["file"]
IDEMPOTENCY = METADATA.tables["idempotency"]
TAGGERS = METADATA.tables["tagger"]
