"""Told to end, the HTTP service ends in due time, whatever its clients and its database leave undone."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import pytest

from jobs.keys import KeyScope
from jobs.store import Ledger
from tagwerk.client import Client
from tests.tagwerk.running import PATIENCE, ROOT, until
from tests.tagwerk.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Serves with little time for its end; the service's own is longer than a test may take.
SERVE = """
from tagwerk import serving
serving.GRACE_SECONDS, serving.CLOSING_SECONDS = 1, {closing}
with serving.listen("127.0.0.1", 0) as listener:
    print(listener.getsockname()[1], flush=True)
    serving.serve(listener)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """The service as a process with a key, and the wire to its ledger."""

    process: subprocess.Popen[str]
    port: int
    key: str
    ledger: Wire

    def ask(self, request: str, more: str = "") -> socket.socket:
        """Send the beginning of a request, and read nothing of what is answered."""
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", self.port))
        connection.sendall(f"{request} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.key}\r\n{more}\r\n".encode())
        return connection

    def ended(self) -> tuple[int, str]:
        """Tell it to end; its exit code and what it said."""
        self.process.send_signal(signal.SIGTERM)
        _out, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, err


@pytest.fixture
def service(
    request: pytest.FixtureRequest, postgresql_ledger_url: str, broker_url: str, tmp_path: Path
) -> Iterator[Service]:
    """The service on a ledger at the other end of a wire; the parameter: seconds to close what requests leave."""
    address = urlsplit(postgresql_ledger_url)
    with ExitStack() as stack:
        key = stack.enter_context(closing(Ledger.open(postgresql_ledger_url))).create_key(
            "local", KeyScope.TENANT, None
        )
        wire = stack.enter_context(closing(Wire(address.port or 0)))
        settings = {
            "TAGWERK_DATABASE_URL": urlunsplit(address._replace(netloc=f"postgres@{urlsplit(wire.url).netloc}")),
            "TAGWERK_BROKER_URL": broker_url,
            "TAGWERK_BLOBS": str(tmp_path / "blobs"),
        }
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE.format(closing=request.param)],
            cwd=ROOT,
            env={**os.environ, **settings},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        stack.enter_context(process)
        stack.callback(process.kill)
        assert process.stdout is not None
        yield Service(process=process, port=int(process.stdout.readline()), key=key[1], ledger=wire)


@pytest.mark.parametrize("service", [60], indirect=True)
def test_clients_that_neither_read_nor_send_do_not_keep_it(service: Service) -> None:
    # Given a job whose corpus fits into no buffer between server and client
    lines = [f'{{"id": "d{number}", "text": "{"Blur " * 50_000}"}}\n' for number in range(64)]
    with Client(f"http://127.0.0.1:{service.port}", service.key) as client:
        job = client.tag("".join(lines).encode(), ["band"])
        # And a client that asks for it and reads nothing, one that sends half a corpus, and one that says nothing more
        with (
            service.ask(f"GET /v1/jobs/{job.id}/documents") as unread,
            service.ask("POST /v1/files", "Content-Length: 1000000\r\n") as unsent,
            service.ask("GET /v1/jobs") as silent,
        ):
            assert unread.recv(1)
            assert silent.recv(1)
            unsent.sendall(lines[0].encode())

            # When the service is told to end, Then it does so in order
            assert service.ended()[0] == 0


@pytest.mark.parametrize("service", [1], indirect=True)
def test_a_database_that_answers_nothing_does_not_keep_it(service: Service) -> None:
    # Given a service that has answered, and a request that waits for the database
    with service.ask("GET /v1/jobs") as answered:
        assert answered.recv(1)
    service.ledger.hush()
    with service.ask("GET /v1/jobs"):
        until(lambda: service.ledger.held)

        # When it is told to end
        code, said = service.ended()

    # Then it ends all the same, and says what it did not wait for
    assert code == 1
    assert "told to end 2 s ago, the service ends by force; what hangs is above" in said
    assert "psycopg" in said
