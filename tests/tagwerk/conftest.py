"""Fixtures of this room: commands run in this process, one warm stack for them, services without a worker."""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from jobs.store import Ledger
from migrations.running import upgrade
from tagwerk import logs
from tagwerk.cli import main
from tagwerk.embedded import EmbeddedStack
from tests.tagwerk.running import Command
from tests.tagwerk.server import Server, serving
from tests.tagwerk.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What a command left: its exit code and its output."""

    code: int
    out: str
    err: str


Tagwerk = Callable[..., Ended]
_tenants = itertools.count()


@pytest.fixture
def tagwerk(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Tagwerk]:
    """Run a command as the console script does, with `stdin` as its standard input."""

    def run(*arguments: object, stdin: bytes = b"") -> Ended:
        monkeypatch.setattr(sys, "argv", ["tagwerk", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capfd.readouterr()
        return Ended(code=int(ended.value.code or 0), out=out, err=err)

    yield run
    structlog.reset_defaults()


@pytest.fixture
def start() -> Iterator[type[Command]]:
    """Commands as processes of their own; what a failed test leaves of them is killed."""
    with contextlib.ExitStack() as started:

        class Started(Command):
            def __init__(self, home: Path, *arguments: object, **more: Any) -> None:  # noqa: ANN401 -- passed on
                super().__init__(home, *arguments, **more)
                started.callback(self.end)

        yield Started


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStack]:
    """A stack whose worker stays up, so that the commands that attach to it find their tagger loaded."""
    home = tmp_path_factory.mktemp("warm")
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ:
            if name.startswith("TAGWERK_") and not name.startswith("TAGWERK_TEST_"):
                patch.delenv(name)
        # Whatever it learns, it learns little of it.
        patch.setenv("TAGWERK_ADAPT_STEPS", "2")
        with logs.kept_in(home / "logs" / "holder.log"), EmbeddedStack(home) as stack:
            yield stack


@pytest.fixture
def warm(stack: EmbeddedStack, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of the stack that stays up, as this test's."""
    monkeypatch.setenv("TAGWERK_HOME", str(stack.home))
    return stack.home


@pytest.fixture
def services(
    postgresql_ledger_url: str, broker_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Ledger]:
    """The ledger of services that commands use; there is no worker but the test."""
    monkeypatch.setenv("TAGWERK_DATABASE_URL", postgresql_ledger_url)
    monkeypatch.setenv("TAGWERK_BROKER_URL", broker_url)
    monkeypatch.setenv("TAGWERK_BLOBS", str(tmp_path / "blobs"))
    ledger = Ledger.open(postgresql_ledger_url)
    yield ledger
    ledger.close()


@pytest.fixture(scope="package")
def house(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server in this process that nothing in the environment names, with a key of the tenant that commands are."""
    folder = tmp_path_factory.mktemp("house")
    settings = {
        "TAGWERK_DATABASE_URL": f"sqlite:///{folder / 'ledger.db'}",
        "TAGWERK_BROKER_URL": redis_url,
        "TAGWERK_BLOBS": str(folder / "blobs"),
        "TAGWERK_CHUNK_DOCUMENTS": "2",
    }
    upgrade(settings["TAGWERK_DATABASE_URL"])
    with serving(settings) as server:
        yield server


@pytest.fixture
def server(house: Server) -> Server:
    """That server with a key of a tenant that has nothing yet. There is no worker but the test."""
    return house.with_key_of(f"tenant{next(_tenants)}")


@pytest.fixture
def wire(server: Server) -> Iterator[Wire]:
    """A wire to that server."""
    wire = Wire(server.port)
    yield wire
    wire.close()
