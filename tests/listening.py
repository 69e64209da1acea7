"""A real web server in a thread of the tests: started, named by its address, and ended within a bound.

Owns the thread. What the server serves is its user's.
"""

from __future__ import annotations

import sys
import threading
import time
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvicorn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import FastAPI

#: Seconds that a server has to get up, and to end when it is told to: its requests have one of them.
START_SECONDS, END_SECONDS = 60.0, 30.0


@contextmanager
def listening(app: FastAPI, end_seconds: float = END_SECONDS) -> Iterator[str]:
    """A server of this application; its address. Fails where the server does not end, and says what it does instead."""
    config = uvicorn.Config(app, port=0, log_config=None, lifespan="on", ws="none", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    # A daemon: one that never ends fails its test and not the whole run.
    thread = threading.Thread(target=server.run, name="server", daemon=True)
    thread.start()
    try:
        _wait_until_started(server, thread)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(end_seconds)
        if thread.is_alive():
            state = server.server_state
            open_still = f"{len(state.connections)} connections and {len(state.tasks)} requests are open"
            raise AssertionError(f"told to end, the server has not in {end_seconds:.0f} s: {open_still}\n{_at_work()}")


def _wait_until_started(server: uvicorn.Server, thread: threading.Thread) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not server.started:
        assert thread.is_alive(), "the server ended before it was up; the log says why"
        assert time.monotonic() < deadline, f"the server is not up after {START_SECONDS:.0f} s\n{_at_work()}"
        time.sleep(0.01)


def _at_work() -> str:
    """Where every other thread of this process is."""
    frames = sys._current_frames()
    others = [each for each in threading.enumerate() if each.ident in frames and each is not threading.current_thread()]
    return "\n".join(f"{each.name}:\n{''.join(traceback.format_stack(frames[each.ident or 0]))}" for each in others)
