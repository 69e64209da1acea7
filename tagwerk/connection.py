"""A command's way to the jobs: the services named in the environment, or the embedded stack.

Owns the choice. With `TAGWERK_DATABASE_URL` the ledger, the broker and the blob folder are somebody's services;
without it they are the embedded stack's.
"""

from __future__ import annotations

import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from corpora.blobs import BlobStore
from corpora.settings import CorporaSettings
from jobs.errors import LedgerUnavailable
from jobs.queue import Doorbell
from jobs.settings import JobsSettings
from jobs.states import FINAL
from jobs.store import Ledger
from jobs.store.engine import Engines
from migrations.running import at_head
from tagwerk import logs
from tagwerk.console import say
from tagwerk.embedded import EmbeddedStack
from tagwerk.errors import LedgerNotReady, MissingSettings
from tagwerk.settings import FaceSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from jobs.records import JobView

#: Seconds for which a waiting command bears with a ledger that does not answer.
PATIENCE = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """What a command works with."""

    ledger: Ledger
    blobs: BlobStore
    bell: Doorbell
    #: To be called now and then while waiting; keeps the embedded stack up.
    tend: Callable[[], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Addresses:
    database_url: str
    broker_url: str
    blobs: Path

    def open(self, tend: Callable[[], None]) -> Connection:
        return Connection(
            ledger=Ledger.open(self.database_url),
            blobs=BlobStore(self.blobs),
            bell=Doorbell.at(self.broker_url),
            tend=tend,
        )


def _services() -> _Addresses | None:
    database_url, broker_url, blobs = JobsSettings().database_url, JobsSettings().broker_url, CorporaSettings().blobs
    if database_url and broker_url and blobs:
        return _Addresses(database_url=database_url, broker_url=broker_url, blobs=blobs)
    wanted = {"TAGWERK_DATABASE_URL": database_url, "TAGWERK_BROKER_URL": broker_url, "TAGWERK_BLOBS": blobs}
    missing = [name for name, value in wanted.items() if not value]
    if len(missing) < len(wanted):
        raise MissingSettings([name for name in wanted if name not in missing], missing)
    return None


@contextmanager
def working() -> Iterator[Connection]:
    """A connection behind which work gets done: embedded, the stack runs as long as the block."""
    services = _services()
    if services is not None:
        require_tables(services.database_url)
        with _closing(services.open(lambda: None)) as connection:
            yield connection
        return
    with (
        EmbeddedStack(FaceSettings().home) as stack,
        logs.kept_in(stack.home / "logs" / "commands.log"),
        _closing(_embedded(stack).open(stack.tend)) as connection,
    ):
        yield connection


@contextmanager
def reading() -> Iterator[Connection | None]:
    """A connection that starts nothing, to look and to cancel; None where there never was a job."""
    services = _services()
    stack = EmbeddedStack(FaceSettings().home)
    if services is not None:
        require_tables(services.database_url)
    elif not at_head(stack.database_url):
        yield None
        return
    with _closing((services or _embedded(stack)).open(lambda: None)) as connection:
        yield connection


def require_tables(url: str) -> None:
    """Raise `LedgerNotReady` where the migrations have not run, `LedgerUnavailable` or `BadLedgerUrl` before that."""
    require_answer(url)
    if not at_head(url):
        raise LedgerNotReady


def require_answer(url: str) -> None:
    """Raise `LedgerUnavailable` where no database answers at `url`, `BadLedgerUrl` where none could."""
    with closing(Engines(url)) as engines, engines.reading():
        pass


def _embedded(stack: EmbeddedStack) -> _Addresses:
    return _Addresses(database_url=stack.database_url, broker_url=stack.broker_url, blobs=stack.home / "blobs")


@contextmanager
def _closing(connection: Connection) -> Iterator[Connection]:
    try:
        yield connection
    finally:
        connection.ledger.close()
        connection.bell.close()


def wait(connection: Connection, job_id: str, seen: Callable[[JobView], None], every: float = 0.25) -> JobView:
    """Wait until a job ends, telling `seen` how it stands about every `every` seconds; returns how it ended.

    Interrupted, it says how to go on. A ledger that is away for less than `PATIENCE` only makes the wait longer.
    """
    try:
        while True:
            job = _looked_up(connection, job_id)
            seen(job)
            if job.state in FINAL:
                return job
            connection.tend()
            time.sleep(every)
    except KeyboardInterrupt:
        say(f"stopped; `tagwerk jobs watch {job_id}` goes on")
        raise


def _looked_up(connection: Connection, job_id: str) -> JobView:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return connection.ledger.job(job_id)
        except LedgerUnavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(1)
