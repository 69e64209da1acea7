"""Running the migrations from Python, wherever the process stands: no ini file, no working directory.

Owns the connection they run on, and says `LedgerUnavailable` where there is none to be had. One transaction
holds all revisions, so a run that dies leaves nothing half made, and two runs at once wait for each other. On
PostgreSQL a run that waits too long for a table gives way, with all that queues behind it, and begins anew.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import NullPool, create_engine, event, func, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import InterfaceError, OperationalError

from jobs.errors import LedgerUnavailable
from jobs.store.engine import CONNECT_SECONDS, hide_values

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator

    from sqlalchemy import URL, Connection, Engine

HEAD = "head"
#: Seconds to wait for another process that migrates, or for writers of the ledger.
PATIENCE_SECONDS = 60
#: Seconds of them to wait for a table of PostgreSQL at a time: whoever comes to it later waits as well.
LOCK_SECONDS = 5.0
#: Seconds in between, in which those who waited go on.
PAUSE_SECONDS = 2.0
#: PostgreSQL's word for a lock that was not to be had in time.
_LOCK_NOT_AVAILABLE = "55P03"
#: Any number, the same in every process: the name of PostgreSQL's advisory lock.
_LOCK = 0x7A67_7765


def upgrade(url: str, revision: str = HEAD) -> None:
    """Bring the database at `url` to a revision; at it already, do nothing. SQLite files are made.

    Raises `LedgerUnavailable`, also where others hold a table all the time.
    """
    _patiently(url, lambda config: command.upgrade(config, revision))


def downgrade(url: str, revision: str) -> None:
    """Take the database at `url` back to a revision; `base` removes every table."""
    _patiently(url, lambda config: command.downgrade(config, revision))


def at_head(url: str) -> bool:
    """Say whether the database at `url` is at the newest revision. Changes nothing; raises `LedgerUnavailable`."""
    parsed = _driven(url)
    if _is_sqlite(parsed) and not Path(parsed.database or "").is_file():
        return False
    # No migration's engine: on SQLite that one would wait for writers.
    engine = _plain(parsed) if _is_sqlite(parsed) else _postgres(parsed)
    with _translated(engine), engine.connect() as connection:
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
    """Open the one transaction that a migration runs in, alone on its database.

    On PostgreSQL a statement that waits longer than `LOCK_SECONDS` for a table fails.
    """
    parsed = _driven(url)
    sqlite = _is_sqlite(parsed)
    with _open(_sqlite(parsed) if sqlite else _postgres(parsed)) as connection, connection.begin():
        if not sqlite:
            # Nobody but a migration waits behind this lock, so it may take longer than those of tables.
            _wait_at_most(connection, PATIENCE_SECONDS)
            connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
            _wait_at_most(connection, LOCK_SECONDS)
        yield connection


def _patiently(url: str, run: Callable[[Config], None]) -> None:
    """Run in a transaction of its own, and in another one as long as a lock was not to be had."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with connected(url) as connection:
                return run(configuration(connection))
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
                raise
            if time.monotonic() + PAUSE_SECONDS > deadline:
                raise LedgerUnavailable(str(_driven(url)), error.orig or error) from error
        time.sleep(PAUSE_SECONDS)


def _wait_at_most(connection: Connection, seconds: float) -> None:
    connection.execute(text(f"SET LOCAL lock_timeout = {int(seconds * 1000)}"))


def _open(engine: Engine) -> Connection:
    with _translated(engine):
        return engine.connect()


@contextmanager
def _translated(engine: Engine) -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise LedgerUnavailable(str(engine.url), error.orig or error) from error


def _is_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


def _postgres(url: URL) -> Engine:
    engine = _plain(url, connect_timeout=CONNECT_SECONDS)
    hide_values(engine)
    return engine


def _plain(url: URL, **how: int) -> Engine:
    return create_engine(url, poolclass=NullPool, connect_args=how, hide_parameters=True)


def _driven(url: str) -> URL:
    parsed = make_url(url)
    if parsed.get_backend_name() in ("postgres", "postgresql"):
        return parsed.set(drivername="postgresql+psycopg")
    return parsed


def _sqlite(url: URL) -> Engine:
    engine = _plain(url, timeout=PATIENCE_SECONDS)

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None
        # Rebuilding a table drops the old one, and that would take the rows that refer to it along.
        connection.execute("PRAGMA foreign_keys=OFF")

    @event.listens_for(engine, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine
