"""The two small programs that keep servers from outliving a test run: `tie` and `sweep`.

tests/services.py starts this file by its path. Owns what must hold when the process that started it was
killed and can do nothing any more; owns no server.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import shutil
import sys
import time
from pathlib import Path

SWEEP_SECONDS = 30.0


def tie(last: str, parent: str, owner: str, *command: str) -> int:
    """Become the command, as user `owner` unless empty; it gets signal `last` when process `parent` ends."""
    if owner:
        entry = pwd.getpwnam(owner)
        os.setgroups([])
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
    # After setuid, which takes the tie off again.
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, int(last))
    if os.getppid() != int(parent):
        return 1
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.stderr.write(f"services: cannot run {command[0]}: {error.strerror}\n")
        return 127


def sweep(folder: str) -> int:
    """Wait until standard input ends, then remove the folder, in which servers may still be dying."""
    sys.stdin.buffer.read()
    deadline = time.monotonic() + SWEEP_SECONDS
    while Path(folder).exists() and time.monotonic() < deadline:
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(0.02)
    return 0


if __name__ == "__main__":
    program = tie if sys.argv[1] == "tie" else sweep
    sys.exit(program(*sys.argv[2:]))
