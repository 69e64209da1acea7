"""A command's way to the jobs: a server, the services named in the environment, or the embedded stack.

Owns the choice. A server is asked over HTTP; with `TAGWERK_DATABASE_URL` the ledger, the broker and the blob folder
are somebody's services; with neither they are the embedded stack's.
"""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from corpora.blobs import BlobStore
from corpora.settings import CorporaSettings
from jobs.queue import Doorbell
from jobs.settings import JobsSettings
from jobs.store import Ledger
from jobs.store.engine import Engines
from migrations.running import at_head
from tagwerk import logs
from tagwerk.client import Client
from tagwerk.embedded import EmbeddedStack
from tagwerk.errors import LedgerNotReady, MissingSettings
from tagwerk.remote import RemoteService
from tagwerk.service import DirectService
from tagwerk.settings import FaceSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from jobs.store import TenantLedger
    from tagwerk.service import Service


#: Tenant of commands that work on the ledger itself.
LOCAL = "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Addresses:
    database_url: str
    broker_url: str
    blobs: Path

    def open(self, tend: Callable[[], None]) -> DirectService:
        return DirectService(
            ledger=Ledger.open(self.database_url),
            blobs=BlobStore(self.blobs),
            bell=Doorbell.at(self.broker_url),
            tend=tend,
        )


def server_of(given: str | None) -> str | None:
    """Address of the server that a command speaks to: the one it was given, or that of the environment, or none."""
    return given or FaceSettings().url


def taggers_folder() -> Path | None:
    """Folder of the taggers made here, as the workers of this command's ledger know it; None where nobody said."""
    return JobsSettings().taggers or (None if _services() else FaceSettings().home / "taggers")


@contextmanager
def working(server: str | None = None) -> Iterator[Service]:
    """Jobs that get done: embedded, the stack runs as long as the block. `server` is what the command was given."""
    if server_of(server):
        with _remote(server) as remote:
            yield remote
        return
    with working_directly() as direct:
        yield direct


@contextmanager
def working_directly() -> Iterator[DirectService]:
    """The same without a server, whatever the environment says."""
    services = _services()
    if services is not None:
        require_tables(services.database_url)
        with closing(services.open(_nothing)) as direct:
            yield direct
        return
    with (
        EmbeddedStack(FaceSettings().home) as stack,
        logs.kept_in(stack.home / "logs" / "commands.log"),
        closing(_embedded(stack).open(stack.tend)) as direct,
    ):
        yield direct


@contextmanager
def reading(server: str | None = None) -> Iterator[Service | None]:
    """Jobs to look at and to cancel, for which nothing is started; None where there never was one."""
    if server_of(server):
        with _remote(server) as remote:
            yield remote
        return
    with reading_directly() as direct:
        yield direct


@contextmanager
def reading_directly() -> Iterator[DirectService | None]:
    """The same without a server, whatever the environment says."""
    services = _services()
    stack = EmbeddedStack(FaceSettings().home)
    if services is not None:
        require_tables(services.database_url)
    elif not at_head(stack.database_url):
        yield None
        return
    with closing((services or _embedded(stack)).open(_nothing)) as direct:
        yield direct


@contextmanager
def taggers_made_here() -> Iterator[TenantLedger | None]:
    """The ledger that knows the taggers made here, without a server; None where there never was one."""
    with reading_directly() as service:
        yield None if service is None else service.ledger.tenant(LOCAL)


def require_tables(url: str) -> None:
    """Raise `LedgerNotReady` where the migrations have not run, `LedgerUnavailable` or `BadLedgerUrl` before that."""
    require_answer(url)
    if not at_head(url):
        raise LedgerNotReady


def require_answer(url: str) -> None:
    """Raise `LedgerUnavailable` where no database answers at `url`, `BadLedgerUrl` where none could."""
    with closing(Engines(url)) as engines, engines.reading():
        pass


@contextmanager
def _remote(given: str | None) -> Iterator[RemoteService]:
    with Client(given) as client:
        yield RemoteService(client, option=f" --server {client.url}" if given else "")


def _services() -> _Addresses | None:
    database_url, broker_url, blobs = JobsSettings().database_url, JobsSettings().broker_url, CorporaSettings().blobs
    if database_url and broker_url and blobs:
        return _Addresses(database_url=database_url, broker_url=broker_url, blobs=blobs)
    wanted = {"TAGWERK_DATABASE_URL": database_url, "TAGWERK_BROKER_URL": broker_url, "TAGWERK_BLOBS": blobs}
    missing = [name for name, value in wanted.items() if not value]
    if len(missing) < len(wanted):
        raise MissingSettings([name for name in wanted if name not in missing], missing)
    return None


def _embedded(stack: EmbeddedStack) -> _Addresses:
    return _Addresses(database_url=stack.database_url, broker_url=stack.broker_url, blobs=stack.home / "blobs")


def _nothing() -> None:
    """Running services need no tending."""
