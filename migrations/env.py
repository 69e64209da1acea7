"""What Alembic runs: the revisions, on the connection that `migrations.running` opened.

From Alembic's own command line the address comes from `-x url=...`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from alembic import context

from jobs.tables import METADATA
from migrations.running import connected

if TYPE_CHECKING:
    from sqlalchemy import Connection


def migrate() -> None:
    """Run the revisions on the given connection, or on one to the address given as an argument."""
    connection = context.config.attributes.get("connection")
    if connection is not None:
        _run(connection)
        return
    url = context.get_x_argument(as_dictionary=True).get("url")
    if not url:
        raise SystemExit("give the ledger's address: alembic -x url=postgresql://... upgrade head")
    with connected(url) as own:
        _run(own)


def _run(connection: Connection) -> None:
    # SQLite's DDL is transactional where BEGIN is said by hand, as `connected` does.
    context.configure(
        connection=connection,
        target_metadata=METADATA,
        render_as_batch=True,
        compare_type=True,
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()


migrate()
