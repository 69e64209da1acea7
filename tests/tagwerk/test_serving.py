"""The HTTP service as a process: it says where it listens, ends in order, and keeps itself and its stack up."""

from __future__ import annotations

import os
import re
import signal
import socket
from contextlib import closing
from typing import TYPE_CHECKING

import httpx
import pytest

from jobs.keys import KeyScope
from jobs.store import Ledger
from tagwerk import serving
from tagwerk.errors import CannotListen, StackFailed, UnusableInput
from tests.tagwerk.running import Command, is_free, processes, until

if TYPE_CHECKING:
    from pathlib import Path

    from tagwerk.embedded import EmbeddedStack

LISTENING = re.compile(r"^listening on (http://127\.0\.0\.1:\d+)$", re.MULTILINE)


def address(command: Command) -> str:
    """Where the command says that it listens, once it does."""
    until(lambda: LISTENING.search(command.err) or command.process.poll() is not None)
    found = LISTENING.search(command.err)
    assert found, command.err
    return found[1]


@pytest.fixture
def addresses(postgresql_ledger_url: str, broker_url: str, tmp_path: Path) -> dict[str, str]:
    """Services, for a process of its own."""
    return {
        "TAGWERK_DATABASE_URL": postgresql_ledger_url,
        "TAGWERK_BROKER_URL": broker_url,
        "TAGWERK_BLOBS": str(tmp_path / "blobs"),
    }


def test_with_services_it_answers_who_has_a_key_and_ends_in_order(
    start: type[Command], addresses: dict[str, str], tmp_path: Path
) -> None:
    # Given services with a key
    with closing(Ledger.open(addresses["TAGWERK_DATABASE_URL"])) as ledger:
        _, token = ledger.create_key("local", KeyScope.TENANT, None)

    # When it serves them
    command = start(tmp_path / "home", "serve", "--port", "0", settings=addresses)
    url = address(command)

    # Then it answers, and does not say what it is made of
    answer = httpx.get(f"{url}/v1/jobs", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    assert "server" not in answer.headers
    assert httpx.get(f"{url}/v1/jobs").status_code == 401
    # And nothing of a stack was started, and no key asked for
    assert not (tmp_path / "home").exists()
    assert "keys create" not in command.err
    # And it ends when told to, with nothing to complain about
    command.process.send_signal(signal.SIGTERM)
    assert command.ended() == 0
    assert "Traceback" not in command.err
    assert command.out == ""


def test_services_that_are_away_are_no_reason_not_to_start(
    start: type[Command], addresses: dict[str, str], tmp_path: Path
) -> None:
    settings = {**addresses, "TAGWERK_DATABASE_URL": "postgresql://me:secret@127.0.0.1:1/tagwerk"}
    command = start(tmp_path / "home", "serve", "--port", "0", settings=settings)

    assert httpx.get(f"{address(command)}/healthz").status_code == 200
    assert "not ready yet: the ledger at postgresql" in command.err
    assert "secret" not in command.err


def test_without_services_it_serves_the_embedded_stack_through_kills_and_leaves_nothing(
    start: type[Command], tmp_path: Path
) -> None:
    # Given a home in which nothing ever ran
    home = tmp_path / "home"
    command = start(home, "serve", "--port", "0")
    url = address(command)
    assert "keys: there is none, so the HTTP service answers nobody; run `tagwerk keys create`" in command.err
    assert httpx.get(f"{url}/readyz").json()["ready"] is True
    assert "alembic" not in command.err

    # When its server is killed
    [server] = processes(home, ["--fd"])
    os.kill(server, signal.SIGKILL)

    # Then another serves on the same port
    assert httpx.get(f"{url}/healthz", timeout=60).status_code == 200
    assert processes(home, ["--fd"]) != [server]
    # And told to end, it ends with all that it started
    command.process.send_signal(signal.SIGTERM)
    assert command.ended() == 0, command.err
    assert processes(home) == []
    assert is_free(home)


def test_a_server_that_never_gets_up_ends_the_command(
    stack: EmbeddedStack, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    # Given a setting that the server refuses
    monkeypatch.setenv("TAGWERK_JOB_HOURS", "a day")

    # When it is served, Then it is tried a few times, and each time says why
    with (
        serving.listen("127.0.0.1", 0) as listener,
        pytest.raises(StackFailed, match="the server ended 3 times soon after its start"),
    ):
        serving.serve_embedded(listener, stack)
    assert capfd.readouterr().err.count("error: TAGWERK_JOB_HOURS is 'a day'") == 3
    # And the signals are as they were
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("127.evil.example", False),
        ("", False),
    ],
)
def test_what_is_loopback(host: str, loopback: bool) -> None:
    assert serving.is_loopback(host) is loopback


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0"])
def test_port_0_is_a_free_one_that_accepts(host: str) -> None:
    with serving.listen(host, 0) as listener, socket.create_connection(("127.0.0.1", listener.getsockname()[1])):
        pass


def test_a_name_that_leads_nowhere_cannot_be_listened_on() -> None:
    with pytest.raises(CannotListen, match=r"cannot listen on no\.such\.host\.invalid:0: "):
        serving.listen("no.such.host.invalid", 0)


def test_a_descriptor_that_is_no_socket_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w") as file, pytest.raises(UnusableInput, match=f"descriptor {file.fileno()} is no"):
        serving.inherited(file.fileno())
