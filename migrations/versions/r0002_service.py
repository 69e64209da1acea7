"""The service: keys of tenants, their files, and which request made which job."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the three tables."""
    make_api_key()
    make_file()
    make_idempotency()


def downgrade() -> None:
    """Remove them."""
    for table in ("idempotency", "file", "api_key"):
        op.drop_table(table)


def make_api_key() -> None:
    """One row a key."""
    op.create_table(
        "api_key",
        sa.Column("id", sa.String(24), nullable=False),
        required("tenant", sa.String()),
        sa.Column("name", sa.String()),
        required("scope", sa.String(16)),
        required("digest", sa.String()),
        required("created_at", TIME),
        sa.Column("revoked_at", TIME),
        sa.PrimaryKeyConstraint("id", name="pk_api_key"),
        sa.UniqueConstraint("digest", name="uq_api_key_digest"),
        rule("api_key", "scope", "scope IN ('tenant', 'metrics')"),
        rule("api_key", "digest", "length(digest) = 64"),
    )


def make_file() -> None:
    """One row an uploaded corpus."""
    op.create_table(
        "file",
        sa.Column("id", sa.String(25), nullable=False),
        required("tenant", sa.String()),
        sa.Column("name", sa.String()),
        required("blob", sa.String()),
        required("bytes", sa.BigInteger()),
        required("documents", sa.Integer()),
        required("layout", sa.JSON()),
        required("created_at", TIME),
        sa.PrimaryKeyConstraint("id", name="pk_file"),
        rule("file", "size", "bytes > 0 AND documents >= 1"),
    )
    op.create_index("ix_file_tenant_id", "file", ["tenant", "id"])


def make_idempotency() -> None:
    """One row a submission that came with an idempotency key."""
    op.create_table(
        "idempotency",
        required("tenant", sa.String()),
        required("key", sa.String()),
        required("fingerprint", sa.String()),
        required("job_id", sa.String(24)),
        required("created_at", TIME),
        sa.PrimaryKeyConstraint("tenant", "key", name="pk_idempotency"),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name="fk_idempotency_job_id_job"),
    )
    op.create_index("ix_idempotency_created_at", "idempotency", ["created_at"])


def required(name: str, kind: sa.types.TypeEngine[Any]) -> sa.Column[Any]:
    """Return a column that is never null."""
    return sa.Column(name, kind, nullable=False)


def rule(table: str, name: str, condition: str) -> sa.CheckConstraint:
    """Return a CHECK constraint; op.f keeps the naming convention from prefixing it twice."""
    return sa.CheckConstraint(condition, name=op.f(f"ck_{table}_{name}"))
