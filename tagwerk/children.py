"""Child processes that end with their parent, however it ends, and write to a log file or where it writes."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Child:
    """How to start a child process."""

    command: list[str]
    #: None: it writes where its parent writes.
    log: Path | None
    environment: Mapping[str, str] | None = field(default=None)
    #: Descriptors, such as a listening socket's, that it gets from its parent.
    descriptors: tuple[int, ...] = ()

    def start(self) -> subprocess.Popen[bytes]:
        """Start it; call this from the main thread, whose end the child would otherwise take for the parent's."""
        if self.log is None:
            return self._start(None)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            return self._start(log)

    def _start(self, output: IO[bytes] | None) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self.command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=self.environment,
            pass_fds=self.descriptors,
            # Ctrl-C is for the parent, which ends its children in order.
            start_new_session=True,
            preexec_fn=_dying_with(os.getpid()),
        )

    def last_words(self, lines: int = 5) -> str:
        """The end of the log."""
        if self.log is None:
            return ""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


def stop(child: subprocess.Popen[bytes], seconds: float) -> None:
    """Ask a child to end, and make it after `seconds`."""
    child.terminate()
    try:
        child.wait(seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _dying_with(parent: int) -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    # Looked up before the fork: between fork and exec a lock of another thread may never be released.
    prctl, pr_set_pdeathsig = ctypes.CDLL(None).prctl, 1

    def die_with_parent() -> None:
        prctl(pr_set_pdeathsig, signal.SIGKILL)
        # A parent that ended before the line above sends no signal.
        if os.getppid() != parent:
            os._exit(1)

    return die_with_parent
