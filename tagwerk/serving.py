"""The HTTP service as a process: its listening socket, its web server, and the embedded stack behind it.

Owns how the service is run and ended; what it answers is the front door's business. uvicorn gives the signal that
ended it to the process once more, so a process with children of its own leaves serving to one of them. Told to end, it
ends: threads that wait for a database or a disk cannot be called off, so after a while the process goes without them.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import socket
import sys
import threading
import time
from contextlib import contextmanager
from ipaddress import ip_address
from queue import SimpleQueue
from typing import TYPE_CHECKING

import uvicorn

from tagwerk.children import Child, stop
from tagwerk.console import say
from tagwerk.errors import CannotListen, StackFailed, UnusableInput

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from types import FrameType

    from tagwerk.embedded import EmbeddedStack

#: What makes the application, as uvicorn imports it.
FACTORY = "api.app:from_environment"
#: What tells the service to end, in good order; either is exit code 0.
ENDING = (signal.SIGTERM, signal.SIGINT)
#: Connections that wait to be accepted.
BACKLOG = 2048
#: Seconds that open requests have to end; an orchestrator should wait a little longer before it kills.
GRACE_SECONDS = 15
#: Seconds that everything else has then, such as closing connections and threads that still work.
CLOSING_SECONDS = 4
#: Seconds for which an idle connection is kept; above the idle time of usual proxies, so that they close first.
KEEP_ALIVE_SECONDS = 75
#: Seconds between two looks at the children.
TEND_SECONDS = 0.25
#: A server that ends sooner than this many seconds after its start, so many times in a row, will never serve.
EARLY_SECONDS = 10.0
EARLY_ENDS = 3


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens on a name or address of this machine; port 0 takes a free one. Raises CannotListen."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        # Python adds the address to the system's words; a name that leads nowhere has a number below 0.
        number = error.errno or 0
        reason = os.strerror(number) if number > 0 else error.strerror
        raise CannotListen(host, port, reason) from error


def inherited(descriptor: int) -> socket.socket:
    """The listening socket that a parent process left open. Raises UnusableInput."""
    try:
        return socket.socket(fileno=descriptor)
    except OSError as error:
        raise UnusableInput(f"descriptor {descriptor} is no socket: {error.strerror}") from error


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens there."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        # Other names stand for addresses that may change.
        return host == "localhost"


def serve(listener: socket.socket) -> None:
    """Serve in this process until SIGTERM or SIGINT; its settings are those of the environment."""
    config = uvicorn.Config(
        FACTORY,
        factory=True,
        # The application logs requests itself, and the process has set logging up.
        access_log=False,
        log_config=None,
        log_level="warning",
        lifespan="on",
        ws="none",
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    server = _Server(config)
    for number in ENDING:
        # Before uvicorn listens to it, and after: it raises the signal once more when all is closed.
        signal.signal(number, server.handle_exit)
    threading.Thread(target=server.end_by_force, name="end", daemon=True).start()
    server.run(sockets=[listener])


def serve_embedded(listener: socket.socket, stack: EmbeddedStack) -> None:
    """Serve from a child process on an entered stack, and keep both up, until SIGTERM or SIGINT.

    Raises StackFailed where the server does not stay up. Call it from the main thread.
    """
    child = _child(listener, stack)
    server, started, early = child.start(), time.monotonic(), 0
    try:
        with _told_to_end() as end:
            while not end.wait(TEND_SECONDS):
                stack.tend()
                if server.poll() is not None:
                    early = early + 1 if time.monotonic() - started < EARLY_SECONDS else 0
                    _give_up(early, server)
                    server, started = child.start(), time.monotonic()
    finally:
        # It has ended by itself before.
        stop(server, seconds=GRACE_SECONDS + CLOSING_SECONDS + 1)


class _Server(uvicorn.Server):
    """A server that says where it listens once it accepts, and that ends some time after it was told to."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        # A signal's handler may interrupt itself: an event could then wait for itself.
        self._told: SimpleQueue[None] = SimpleQueue()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end."""
        self._told.put(None)
        super().handle_exit(sig, frame)

    def end_by_force(self) -> None:
        """Wait until the server is told to end, and end the process where it does not do so by itself."""
        self._told.get()
        time.sleep(GRACE_SECONDS + CLOSING_SECONDS)
        try:
            faulthandler.dump_traceback()
            say(f"told to end {GRACE_SECONDS + CLOSING_SECONDS} s ago, the service ends by force; what hangs is above")
        finally:
            os._exit(1)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listener in sockets or []:
            host, port = listener.getsockname()[:2]
            say(f"listening on http://{f'[{host}]' if ':' in host else host}:{port}")


def _child(listener: socket.socket, stack: EmbeddedStack) -> Child:
    descriptor = listener.fileno()
    return Child(
        [sys.executable, "-m", "tagwerk", "serve", "--fd", str(descriptor)],
        log=None,
        environment=stack.environment(),
        descriptors=(descriptor,),
    )


def _give_up(early_ends: int, server: subprocess.Popen[bytes]) -> None:
    if early_ends >= EARLY_ENDS:
        raise StackFailed(f"the server ended {EARLY_ENDS} times soon after its start (exit code {server.returncode})")


@contextmanager
def _told_to_end() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set while the block runs."""
    end = threading.Event()
    before = {number: signal.signal(number, lambda *_: end.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield end
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
