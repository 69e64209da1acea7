"""Connections to the ledger's database: a writing and a reading engine, and the database's clock.

Owns the difference between PostgreSQL and SQLite, and turns an unreachable database into `LedgerUnavailable`.
"""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from sqlalchemy import create_engine, event, func, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from jobs.errors import BadLedgerUrl, LedgerUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import URL, Connection, Engine
    from sqlalchemy.engine import ExceptionContext
    from sqlalchemy.engine.interfaces import DBAPIConnection

#: Seconds a writer waits for SQLite's only write lock.
BUSY_SECONDS = 15.0
#: Seconds to wait for PostgreSQL to accept a connection.
CONNECT_SECONDS = 5
#: Seconds after which a host that acknowledges nothing more, unplugged rather than shut down, counts as lost.
SILENT_SECONDS = 10

#: Connections of a process that stay open, and how many more there may be. A web process answers in 40 threads,
#: each of which holds one connection at most, so none ever waits for a pool that is merely busy; a worker has
#: two or three threads and never opens the others.
POOL, POOL_MORE = 5, 35
#: Seconds to wait for one of them; where all hang, the database is as good as away.
POOL_SECONDS = 5

#: Seconds after which PostgreSQL ends a transaction whose process says nothing more.
IDLE_SECONDS = 30.0

#: SQLite's answers that may be different the next time: busy, locked, disk error, disk full, cannot open.
_TRANSIENT_SQLITE = {5, 6, 10, 13, 14}


class Engines:
    """The two ways into one database. On PostgreSQL both are the same pool."""

    def __init__(self, url: str) -> None:
        parsed = _parse(url)
        self._name = parsed.render_as_string(hide_password=True)
        self._writer = _postgres(parsed) if _is_postgres(parsed) else _sqlite(parsed, "BEGIN IMMEDIATE")
        self._reader = self._writer if _is_postgres(parsed) else _sqlite(parsed, "BEGIN")

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction that commits at the end of the block, or is rolled back by an error."""
        with self._translated(), self._writer.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction that sees the last commit and never waits for a writer."""
        with self._translated(), self._reader.connect() as connection:
            yield connection

    def close(self) -> None:
        """Close every pooled connection."""
        self._reader.dispose()
        self._writer.dispose()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            if not _is_transient(error):
                raise
            raise LedgerUnavailable(self._name, error.orig or error) from error
        except PoolTimeout as error:
            raise LedgerUnavailable(self._name, error) from error


def clock(connection: Connection) -> datetime:
    """Return the database's time. Read it after taking locks, or it is older than what it stamps."""
    if connection.dialect.name == "postgresql":
        moment = connection.execute(select(func.clock_timestamp())).scalar_one()
        return cast("datetime", moment).astimezone(UTC)
    text = connection.execute(select(func.strftime("%Y-%m-%d %H:%M:%f", "now"))).scalar_one()
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def hide_values(engine: Engine) -> None:
    """Cut the details off PostgreSQL's errors: they quote rows, and tracebacks are logged."""

    @event.listens_for(engine, "handle_error")
    def cut(context: ExceptionContext) -> None:
        original, wrapped = context.original_exception, context.sqlalchemy_exception
        if getattr(original, "sqlstate", None) is None:
            return  # Not the server's words, but the driver's, which knows no rows.
        whole = str(original)
        brief = whole.partition("\n")[0]
        original.args = (brief, *original.args[1:])
        if wrapped is not None:
            wrapped.args = tuple(str(each).replace(whole, brief) for each in wrapped.args)


def lock_number(words: str) -> int:
    """Return the number of the PostgreSQL advisory lock that stands for these words."""
    return int.from_bytes(hashlib.sha256(words.encode()).digest()[:8], signed=True)


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        # Without its cause, which may quote a part of the password.
        raise BadLedgerUrl(url) from None
    if _is_postgres(parsed):
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() != "sqlite" or parsed.database in (None, "", ":memory:"):
        raise BadLedgerUrl(parsed.render_as_string(hide_password=True))
    return parsed


def _is_postgres(url: URL) -> bool:
    return url.drivername in ("postgres", "postgresql", "postgresql+psycopg")


def _postgres(url: URL) -> Engine:
    patience = {"connect_timeout": CONNECT_SECONDS, "tcp_user_timeout": SILENT_SECONDS * 1000}
    engine = create_engine(
        url,
        pool_pre_ping=True,
        pool_size=POOL,
        max_overflow=POOL_MORE,
        pool_timeout=POOL_SECONDS,
        connect_args=patience,
        hide_parameters=True,
    )
    hide_values(engine)

    @event.listens_for(engine, "connect")
    def bound(connection: DBAPIConnection, _record: object) -> None:
        # A process that is frozen inside a transaction would keep its job's row locked, and the job with it.
        cursor = connection.cursor()
        cursor.execute(f"SET idle_in_transaction_session_timeout = {int(IDLE_SECONDS * 1000)}")
        cursor.close()
        connection.commit()

    return engine


def _sqlite(url: URL, begin: str) -> Engine:
    # Writers wait their turn holding a connection, so the wait for one must outlast theirs.
    waits = {"pool_size": POOL, "max_overflow": POOL_MORE, "pool_timeout": BUSY_SECONDS}
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS}, hide_parameters=True, **waits)
    writes = begin == "BEGIN IMMEDIATE"

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        # The driver's own BEGIN is deferred: two readers that turn writers then fail with "locked".
        connection.isolation_level = None
        for pragma in _pragmas(writes=writes):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _pragmas(*, writes: bool) -> tuple[str, ...]:
    waiting = f"busy_timeout={int(BUSY_SECONDS * 1000)}"
    if not writes:
        return (waiting, "query_only=ON")
    return (waiting, "journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON")


def _is_transient(error: DBAPIError) -> bool:
    if error.connection_invalidated:
        return True
    if isinstance(error.orig, sqlite3.Error):
        return (getattr(error.orig, "sqlite_errorcode", 0) & 0xFF) in _TRANSIENT_SQLITE
    return type(error).__name__ in ("OperationalError", "InterfaceError")
