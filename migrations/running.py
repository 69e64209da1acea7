"""Running the migrations from Python, wherever the process stands: no ini file, no working directory.

Owns the connection they run on, and says `LedgerUnavailable` where there is none to be had. One transaction
holds all revisions, so a run that dies leaves nothing half made, and two runs at once wait for each other.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import NullPool, create_engine, event, func, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import InterfaceError, OperationalError

from jobs.errors import LedgerUnavailable
from jobs.store.engine import CONNECT_SECONDS

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from sqlalchemy import URL, Connection, Engine

HEAD = "head"
#: Seconds to wait for another process that migrates, or for writers of an SQLite ledger.
PATIENCE_SECONDS = 60
#: Any number, the same in every process: the name of PostgreSQL's advisory lock.
_LOCK = 0x7A67_7765


def upgrade(url: str, revision: str = HEAD) -> None:
    """Bring the database at `url` to a revision; at it already, do nothing. SQLite files are made."""
    with connected(url) as connection:
        command.upgrade(configuration(connection), revision)


def downgrade(url: str, revision: str) -> None:
    """Take the database at `url` back to a revision; `base` removes every table."""
    with connected(url) as connection:
        command.downgrade(configuration(connection), revision)


def at_head(url: str) -> bool:
    """Say whether the database at `url` is at the newest revision. Changes nothing."""
    parsed = _driven(url)
    if _is_sqlite(parsed) and not Path(parsed.database or "").is_file():
        return False
    # No migration's engine: on SQLite that one would wait for writers.
    engine = create_engine(parsed, poolclass=NullPool) if _is_sqlite(parsed) else _postgres(parsed)
    with _open(engine) as connection:
        current = MigrationContext.configure(connection).get_current_heads()
    return set(current) == set(ScriptDirectory.from_config(configuration()).get_heads())


def configuration(connection: Connection | None = None) -> Config:
    """Return Alembic's configuration for these revisions, on a connection where one is given."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    if connection is not None:
        config.attributes["connection"] = connection
    return config


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    """Open the one transaction that a migration runs in, alone on its database."""
    parsed = _driven(url)
    sqlite = _is_sqlite(parsed)
    with _open(_sqlite(parsed) if sqlite else _postgres(parsed)) as connection, connection.begin():
        if not sqlite:
            connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
        yield connection


def _open(engine: Engine) -> Connection:
    try:
        return engine.connect()
    except (OperationalError, InterfaceError) as error:
        raise LedgerUnavailable(str(engine.url), error.orig or error) from error


def _is_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


def _postgres(url: URL) -> Engine:
    return create_engine(url, poolclass=NullPool, connect_args={"connect_timeout": CONNECT_SECONDS})


def _driven(url: str) -> URL:
    parsed = make_url(url)
    if parsed.get_backend_name() in ("postgres", "postgresql"):
        return parsed.set(drivername="postgresql+psycopg")
    return parsed


def _sqlite(url: URL) -> Engine:
    engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": PATIENCE_SECONDS})

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None
        # Rebuilding a table drops the old one, and that would take the rows that refer to it along.
        connection.execute("PRAGMA foreign_keys=OFF")

    @event.listens_for(engine, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine
