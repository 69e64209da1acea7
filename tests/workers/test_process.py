"""What a worker process is: its hands, how it is told to end, and that it ends with its main process."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from workers import process

if TYPE_CHECKING:
    from collections.abc import Iterator

TOLD_TO_END = """
import os
from workers import process
process.prepare_child()
hands = process.hands()
print(hands.stopping())
os.kill(os.getpid(), process.END_SIGNAL)
print(hands.stopping())
"""

CHILD = """
import time
from workers import process
process.prepare_child()
print("ready", flush=True)
time.sleep(60)
"""

MAIN = f"""
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", {CHILD!r}], stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
def fresh() -> Iterator[None]:
    """The process has no hands yet, and loses those that the test gives it."""
    process.hands.cache_clear()
    yield
    if process.hands.cache_info().currsize:
        process.hands().ledger.close()
    process.hands.cache_clear()


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, sqlite_ledger_url: str, tmp_path: Path) -> dict[str, str]:
    """All that a worker needs to know, in the environment."""
    said = {"TAGWERK_DATABASE_URL": sqlite_ledger_url, "TAGWERK_BLOBS": str(tmp_path), "TAGWERK_LEASE_SECONDS": "7"}
    said["TAGWERK_TAGGERS"] = str(tmp_path / "taggers")
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    return said


def lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


@pytest.mark.usefixtures("fresh")
def test_hands_come_from_the_settings_and_are_made_once(settings: dict[str, str]) -> None:
    hands = process.hands()

    assert process.hands() is hands
    assert (hands.worker, hands.lease_seconds) == (f"{socket.gethostname()}:{os.getpid()}", 7)
    assert hands.blobs.root == Path(settings["TAGWERK_BLOBS"])
    assert hands.taggers == Path(settings["TAGWERK_TAGGERS"])
    assert hands.ledger.jobs() == []
    assert not hands.stopping()


@pytest.mark.usefixtures("fresh", "settings")
@pytest.mark.parametrize("missing", ["TAGWERK_DATABASE_URL", "TAGWERK_BLOBS"])
def test_hands_without_settings_are_refused(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.delenv(missing)

    with pytest.raises(RuntimeError, match="a worker needs TAGWERK_DATABASE_URL and TAGWERK_BLOBS"):
        process.hands()


@pytest.mark.usefixtures("settings")
def test_the_end_signal_asks_the_work_to_stop() -> None:
    done = subprocess.run([sys.executable, "-c", TOLD_TO_END], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout.split(), done.stderr) == (0, ["False", "True"], "")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a process to its parent")
def test_a_pool_process_ends_when_its_main_process_is_killed() -> None:
    # Given a pool process
    with subprocess.Popen([sys.executable, "-c", MAIN], stdout=subprocess.PIPE, text=True) as main:
        assert main.stdout is not None
        pid = int(main.stdout.readline())
        assert lives(pid)

        # When its main process is killed
        main.send_signal(signal.SIGKILL)
        main.wait()

    # Then it is gone too
    deadline = time.monotonic() + 10
    while lives(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not lives(pid)
