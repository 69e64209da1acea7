"""The registry of taggers: which versions there are, and which of them a name stands for."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
JSON = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "tagger",
        required("job_id", sa.String(24)),
        required("tenant", sa.String()),
        required("name", sa.String()),
        required("version", sa.Integer()),
        required("folder", sa.String()),
        required("state", sa.String(16)),
        required("receipt", JSON),
        required("created_at", TIME),
        sa.Column("promoted_at", TIME),
        sa.PrimaryKeyConstraint("job_id", name="pk_tagger"),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name="fk_tagger_job_id_job"),
        sa.UniqueConstraint("tenant", "name", "version", name="uq_tagger_tenant_name_version"),
        rule("state", "state IN ('candidate', 'promoted', 'retired')"),
        rule("version", "version >= 1"),
        rule("promoted", "state <> 'promoted' OR promoted_at IS NOT NULL"),
        rule("candidate", "state <> 'candidate' OR promoted_at IS NULL"),
    )
    promoted = sa.text("state = 'promoted'")
    op.create_index(
        "ix_tagger_promoted",
        "tagger",
        ["tenant", "name"],
        unique=True,
        postgresql_where=promoted,
        sqlite_where=promoted,
    )


def downgrade() -> None:
    """Remove it; the artifacts stay where they lie, but have no name any more."""
    op.drop_table("tagger")


def required(name: str, kind: sa.types.TypeEngine[Any]) -> sa.Column[Any]:
    """Return a column that is never null."""
    return sa.Column(name, kind, nullable=False)


def rule(name: str, condition: str) -> sa.CheckConstraint:
    """Return a CHECK constraint; op.f keeps the naming convention from prefixing it twice."""
    return sa.CheckConstraint(condition, name=op.f(f"ck_tagger_{name}"))
