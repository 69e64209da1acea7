"""Real servers for the tests: `python tests/services.py [--no-apt] -- CMD...`.

Owns their private ports and folders, and their end, also when this process or CMD is killed. Neither finds
their programs (tests/finding.py) nor makes anything inside them (tests/conftest.py). Only the standard
library, because it runs on a machine that has nothing else yet.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if __name__ == "__main__":
    # Started by its path, Python looks for modules beside this file only.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from tests.finding import POSTGRES, REDIS, ServiceMissingError, locate, say, tail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

#: Environment variable with a folder for servers that tests start: PostgreSQL's user may enter it, and it is
#: removed when the run ends, however it ends.
FOLDER = "TAGWERK_TEST_FOLDER"
#: Databases of a Redis server: fifteen for each process that shares the tests, and one.
DATABASES = 241
PATIENCE_SECONDS = 60.0
MEMORY_BYTES = 4 * 2**30
TIED = Path(__file__).with_name("tied.py")


class ServiceFailedError(Exception):
    """A server was found but could not be started."""


@dataclass(slots=True, kw_only=True)
class Server:
    """A server of the caller's own.

    Start it in the main thread: the kernel ends it when the thread that started it ends.
    """

    url: str
    command: Sequence[str]
    log: Path
    ready: Callable[[subprocess.Popen[bytes]], bool]
    gentle: signal.Signals
    sudden: signal.Signals
    owner: str = ""
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server and return once it answers; raises ServiceFailedError."""
        with self.log.open("ab") as log:
            process = _tied(self.command, last=self.sudden, owner=self.owner, log=log.fileno())
        self.process = process
        try:
            self._wait_until_ready(process)
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """End the server in good order; does nothing when it has ended."""
        self._end(self.gentle)

    def kill(self) -> None:
        """End the server as a crash does, nothing tidied up; does nothing when it has ended."""
        self._end(self.sudden)

    def restart(self) -> None:
        """Start again with the same address and folder, after a crash if it still runs."""
        self.kill()
        self.start()

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self.ready(process):
            if process.poll() is not None or time.monotonic() > deadline:
                raise ServiceFailedError(f"{self.command[0]} did not start:\n{tail(self.log.read_bytes())}")
            time.sleep(0.02)

    def _end(self, by: signal.Signals) -> None:
        if self.process is not None:
            _finish(self.process, by)


def start_postgres(folder: Path, *, program: Path | None = None, fsync: bool = False) -> Server:
    """Start an empty PostgreSQL server, or one with the data an earlier server left in `folder`.

    A killed server loses nothing without `fsync`; only a machine that loses its power does.
    """
    owner = "" if os.geteuid() else _unprivileged()  # PostgreSQL refuses to run as root
    program = (program or locate(POSTGRES)).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if owner:
        program = _open_to(owner, folder, program)
    data, log, port = folder / "data", folder / "server.log", free_port()
    if not data.exists():
        _initdb(program, data, log, owner)
    settings = (
        "listen_addresses=127.0.0.1",
        "unix_socket_directories=",
        "max_connections=200",
        f"fsync={fsync}",
    )
    options = [part for setting in (*settings, "max_wal_size=256MB") for part in ("-c", setting)]
    server = Server(
        url=f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres",
        command=[str(program), "-D", str(data), "-p", str(port), *options],
        log=log,
        ready=lambda process: _postmaster_ready(data, process),
        gentle=signal.SIGINT,
        sudden=signal.SIGQUIT,
        owner=owner,
    )
    server.start()
    return server


def start_redis(folder: Path, append_only: bool = True, *, program: Path | None = None) -> Server:
    """Start an empty Redis server, or one with the data an earlier server left in `folder`."""
    program = program or locate(REDIS)
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    options = ["--bind", "127.0.0.1", "--dir", str(folder), "--appendonly", "yes" if append_only else "no"]
    server = Server(
        url=f"redis://127.0.0.1:{port}/0",
        command=[
            str(program),
            "--port",
            str(port),
            *options,
            "--databases",
            str(DATABASES),
            "--save",
            "",
            "--maxmemory-policy",
            "noeviction",
        ],
        log=folder / "server.log",
        ready=lambda _process: _answers_ping(port),
        gentle=signal.SIGTERM,
        sudden=signal.SIGKILL,
    )
    server.start()
    return server


def free_port() -> int:
    """A free port of 127.0.0.1."""
    # Below the ephemeral ports: a client that keeps knocking at a closed one of those can connect to itself.
    for port in random.sample(range(20_000, 32_000), 50):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise ServiceFailedError("none of 50 ports of 127.0.0.1 from 20000 to 32000 is free; end what holds them")


def _initdb(program: Path, data: Path, log: Path, owner: str) -> None:
    command = [str(program.with_name("initdb")), "-D", str(data), "-U", "postgres", "-A", "trust"]
    with log.open("ab") as out:
        made = _tied([*command, "-E", "UTF8", "--locale=C", "--no-sync"], owner=owner, log=out.fileno())
    try:
        done = made.wait() == 0
    finally:
        # Interrupted, it would be at work in a folder that is being removed.
        made.wait()
    if not done:
        raise ServiceFailedError(f"{command[0]} failed:\n{tail(log.read_bytes())}")


def _postmaster_ready(data: Path, process: subprocess.Popen[bytes]) -> bool:
    with contextlib.suppress(OSError):
        lines = (data / "postmaster.pid").read_text().splitlines()
        return lines[:1] == [str(process.pid)] and [line.strip() for line in lines[7:8]] == ["ready"]
    return False


def _answers_ping(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as link:
        link.sendall(b"PING\r\n")
        return link.recv(5) == b"+PONG"
    return False


def _unprivileged() -> str:
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _open_to(owner: str, folder: Path, program: Path) -> Path:
    """Give the folder to its owner; the program, or its copy where the owner cannot reach it."""
    if closed := _closed_parent(folder):
        raise ServiceFailedError(
            f"PostgreSQL runs as user {owner}, who may not enter {closed} and so cannot keep its data in "
            f"{folder}; give it a folder elsewhere, such as the fixture `server_folder`"
        )
    shutil.chown(folder, owner)
    if POSTGRES.module not in program.parts or _closed_parent(program) is None:
        return program
    # A wheel in a virtual environment below /root, say, and the libraries it brings beside itself.
    site, copy = program.parents[3], folder / "installed"
    for tree in site.glob(f"{POSTGRES.module}*"):
        shutil.copytree(tree, copy / tree.name, dirs_exist_ok=True)
    return copy / program.relative_to(site)


def _closed_parent(path: Path) -> Path | None:
    return next((parent for parent in path.resolve().parents if not parent.stat().st_mode & 0o001), None)


def _tied(
    command: Sequence[str],
    *,
    last: signal.Signals = signal.SIGKILL,
    owner: str = "",
    log: int | None = None,
    env: dict[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a command that gets the signal `last` when this process ends; with a log, Ctrl-C spares it."""
    launcher = [sys.executable, str(TIED), "tie", str(int(last)), str(os.getpid()), owner]
    stdin = None if log is None else subprocess.DEVNULL
    return subprocess.Popen(
        [*launcher, *command], stdin=stdin, stdout=log, stderr=log, env=env, start_new_session=log is not None
    )


@contextlib.contextmanager
def _swept_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="tagwerk-", dir=_memory()))
    folder.chmod(0o711)
    command, nowhere = [sys.executable, str(TIED), "sweep", str(folder)], subprocess.DEVNULL
    # Leaving closes the pipe and waits; the kernel closes it when this process is killed.
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=nowhere, stderr=nowhere, start_new_session=True):
        yield folder


def _memory() -> str | None:
    """A folder in memory, where a database is made some ten times faster; None where there is too little."""
    with contextlib.suppress(OSError):
        shared = os.statvfs("/dev/shm")
        if shared.f_bavail * shared.f_frsize >= MEMORY_BYTES and not shared.f_flag & os.ST_NOEXEC:
            return "/dev/shm"
    return None


def _finish(process: subprocess.Popen[bytes], by: signal.Signals) -> None:
    if process.poll() is None:
        process.send_signal(by)
    try:
        process.wait(PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait(process: subprocess.Popen[bytes]) -> int:
    while True:
        # Ctrl-C on a terminal reaches the command as well, which may want to say a last word.
        with contextlib.suppress(KeyboardInterrupt):
            code = process.wait()
            return code if code >= 0 else 128 - code


def run(command: Sequence[str], *, apt: bool = True) -> int:
    """Run the command with both servers up; its exit code, 128 + n when signal n ended it."""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(_swept_folder())
        # Threads of small models that wait for each other spin, and where processes outnumber cores they wait long.
        env = {"OMP_NUM_THREADS": "1", **os.environ, FOLDER: str(folder)}
        for service, start in ((POSTGRES, start_postgres), (REDIS, start_redis)):
            if os.environ.get(service.url):
                continue
            program = locate(service, apt=apt)
            server = start(folder / service.module, program=program)
            stack.callback(server.stop)
            env |= {service.url: server.url, service.program: str(program)}
        process = _tied(command, env=env)
        stack.callback(_finish, process, signal.SIGTERM)
        return _wait(process)


def _on_signal(number: int, _frame: object) -> None:
    for other in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(other, signal.SIG_IGN)
    sys.exit(128 + number)


def main(arguments: Sequence[str]) -> int:
    """Run the command line; the exit code."""
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    command = arguments[len(options) + 1 :]
    if not command or set(options) - {"--no-apt"}:
        say("usage: python tests/services.py [--no-apt] -- COMMAND [ARGUMENT...]")
        return 2
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _on_signal)
    try:
        return run(command, apt="--no-apt" not in options)
    except (ServiceMissingError, ServiceFailedError) as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
