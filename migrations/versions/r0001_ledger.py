"""The ledger: jobs, their chunks, results, escalations and events."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(JSONB(), "postgresql")
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)
WORD = sa.String(16)

JOB_STATES = (
    "('validating', 'queued', 'running', 'finalizing', 'cancelling', 'completed', 'failed', 'expired', 'cancelled')"
)
JOB_RULES = {
    "state": f"state IN {JOB_STATES}",
    "kind": "kind IN ('tag', 'adapt', 'type')",
    "counted": "documents IS NOT NULL OR state IN ('validating', 'failed', 'expired', 'cancelled')",
    "queued_whole": "(documents IS NULL) = (blob IS NULL) AND (documents IS NULL) = (queue IS NULL)"
    " AND (documents IS NULL) = (queued_at IS NULL)",
    "documents": "documents >= 1",
    "error": "(state = 'failed') = (error IS NOT NULL)",
    "expires_at": "expires_at > created_at",
    "running_at": "state NOT IN ('running', 'finalizing') OR running_at IS NOT NULL",
    "finalizing_at": "state <> 'finalizing' OR finalizing_at IS NOT NULL",
    "cancelling_at": "state <> 'cancelling' OR cancelling_at IS NOT NULL",
    "completed_at": "(state = 'completed') = (completed_at IS NOT NULL)",
    "failed_at": "(state = 'failed') = (failed_at IS NOT NULL)",
    "expired_at": "(state = 'expired') = (expired_at IS NOT NULL)",
    "cancelled_at": "(state = 'cancelled') = (cancelled_at IS NOT NULL)",
}
CHUNK_RULES = {
    "state": "state IN ('available', 'running', 'done', 'dropped')",
    "place": "seq >= 0 AND first_line >= 1 AND documents >= 1",
    "bytes": "byte_start >= 0 AND byte_start < byte_end",
    "crashes": "crashes >= 0 AND crashes <= attempt",
    "lease_until": "(state = 'running') = (lease_until IS NOT NULL)",
    "worker": "(state = 'running') = (worker IS NOT NULL)",
    "counts": "completed >= 0 AND failed >= 0 AND completed + failed <= documents",
    "open": "state NOT IN ('available', 'running') OR completed + failed = 0",
    "done": "state <> 'done' OR completed + failed = documents",
    "dropped": "state <> 'dropped' OR failed = documents",
    "error_code": "(state = 'dropped') = (error_code IS NOT NULL)",
    "drop_reason": "error_code IN ('job_cancelled', 'job_expired', 'job_failed', 'poison')",
}


def upgrade() -> None:
    """Make the five tables."""
    make_job()
    make_chunk()
    make_result()
    make_escalation()
    make_event()


def downgrade() -> None:
    """Remove them; those that refer to others first."""
    for table in ("event", "escalation", "result", "chunk", "job"):
        op.drop_table(table)


def make_job() -> None:
    """One row a submission."""
    stamps = ("queued", "running", "finalizing", "cancelling", "completed", "failed", "expired", "cancelled")
    op.create_table(
        "job",
        sa.Column("id", sa.String(24), nullable=False),
        required("tenant", sa.String()),
        required("kind", WORD),
        required("state", WORD),
        sa.Column("name", sa.String()),
        required("tagger", sa.String()),
        required("engine", sa.String()),
        required("labels", JSON),
        required("options", JSON),
        sa.Column("queue", sa.String()),
        sa.Column("blob", sa.String()),
        sa.Column("documents", sa.Integer()),
        sa.Column("parent_id", sa.String(24)),
        required("created_at", TIME),
        *(sa.Column(f"{state}_at", TIME) for state in stamps),
        required("expires_at", TIME),
        sa.Column("error", JSON),
        sa.PrimaryKeyConstraint("id", name="pk_job"),
        sa.ForeignKeyConstraint(["parent_id"], ["job.id"], name="fk_job_parent_id_job"),
        *rules("job", JOB_RULES),
    )
    op.create_index("ix_job_tenant_id", "job", ["tenant", "id"])
    partial_index(
        "ix_job_expiring", "job", ["expires_at"], "state IN ('validating', 'queued', 'running', 'cancelling')"
    )


def make_chunk() -> None:
    """One row a byte range of a job's corpus."""
    op.create_table(
        "chunk",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        required("job_id", sa.String(24)),
        required("seq", sa.Integer()),
        required("byte_start", sa.BigInteger()),
        required("byte_end", sa.BigInteger()),
        required("first_line", sa.BigInteger()),
        required("documents", sa.Integer()),
        required("state", WORD),
        required("attempt", sa.Integer()),
        required("crashes", sa.Integer()),
        sa.Column("lease_until", TIME),
        sa.Column("worker", sa.String()),
        sa.Column("rung_at", TIME),
        required("completed", sa.Integer()),
        required("failed", sa.Integer()),
        sa.Column("error_code", WORD),
        sa.PrimaryKeyConstraint("id", name="pk_chunk"),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name="fk_chunk_job_id_job"),
        sa.UniqueConstraint("job_id", "seq", name="uq_chunk_job_id_seq"),
        *rules("chunk", CHUNK_RULES),
    )
    partial_index("ix_chunk_open", "chunk", ["job_id"], "state IN ('available', 'running')")
    partial_index("ix_chunk_leased", "chunk", ["lease_until"], "state = 'running'")
    partial_index("ix_chunk_owed", "chunk", ["id"], "state = 'available' AND rung_at IS NULL")
    partial_index("ix_chunk_rung", "chunk", ["rung_at", "id"], "state = 'available' AND rung_at IS NOT NULL")


def make_result() -> None:
    """One row a document whose chunk is done."""
    op.create_table(
        "result",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        required("job_id", sa.String(24)),
        required("chunk_id", KEY),
        required("line", sa.BigInteger()),
        required("document_id", sa.String()),
        required("ok", sa.Boolean()),
        required("body", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_result"),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name="fk_result_job_id_job"),
        sa.ForeignKeyConstraint(["chunk_id"], ["chunk.id"], name="fk_result_chunk_id_chunk"),
        sa.UniqueConstraint("job_id", "line", name="uq_result_job_id_line"),
        *rules("result", {"line": "line >= 1"}),
    )
    op.create_index("ix_result_job_id_id", "result", ["job_id", "id"])
    partial_index("ix_result_failed", "result", ["job_id", "line"], "NOT ok")


def make_escalation() -> None:
    """One row a document handed to people."""
    op.create_table(
        "escalation",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        required("job_id", sa.String(24)),
        required("line", sa.BigInteger()),
        required("document_id", sa.String()),
        required("reasons", JSON),
        required("risk", sa.Float()),
        required("state", WORD),
        sa.PrimaryKeyConstraint("id", name="pk_escalation"),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name="fk_escalation_job_id_job"),
        sa.UniqueConstraint("job_id", "line", name="uq_escalation_job_id_line"),
        *rules(
            "escalation",
            {
                "line": "line >= 1",
                "risk": "risk >= 0 AND risk <= 1",
                "state": "state IN ('open', 'accepted', 'corrected')",
            },
        ),
    )
    op.create_index("ix_escalation_job_id_risk_id", "escalation", ["job_id", "risk", "id"])


def make_event() -> None:
    """One row a move of a job."""
    op.create_table(
        "event",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        required("job_id", sa.String(24)),
        required("at", TIME),
        required("name", sa.String()),
        sa.Column("from_state", WORD),
        required("to_state", WORD),
        required("data", JSON),
        sa.PrimaryKeyConstraint("id", name="pk_event"),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name="fk_event_job_id_job"),
        *rules("event", {"to_state": f"to_state IN {JOB_STATES}"}),
    )
    op.create_index("ix_event_job_id_id", "event", ["job_id", "id"])


def required(name: str, kind: sa.types.TypeEngine[Any]) -> sa.Column[Any]:
    """Return a column that is never null."""
    return sa.Column(name, kind, nullable=False)


def rules(table: str, conditions: dict[str, str]) -> list[sa.CheckConstraint]:
    """Return the CHECK constraints of a table; op.f keeps the naming convention from prefixing them twice."""
    return [sa.CheckConstraint(text, name=op.f(f"ck_{table}_{name}")) for name, text in conditions.items()]


def partial_index(name: str, table: str, columns: list[str], where: str) -> None:
    """Make an index over the rows that match `where`, on either database."""
    op.create_index(name, table, columns, postgresql_where=sa.text(where), sqlite_where=sa.text(where))
