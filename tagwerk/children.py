"""Child processes that end with their parent, however it ends, and write to a log file."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Child:
    """How to start a child process."""

    command: list[str]
    log: Path
    environment: Mapping[str, str] | None = field(default=None)

    def start(self) -> subprocess.Popen[bytes]:
        """Start it; call this from the main thread, whose end the child would otherwise take for the parent's."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            return subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment,
                # Ctrl-C is for the parent, which ends its children in order.
                start_new_session=True,
                preexec_fn=_dying_with(os.getpid()),
            )

    def last_words(self, lines: int = 5) -> str:
        """The end of the log."""
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
