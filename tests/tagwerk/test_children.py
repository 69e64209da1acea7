"""Child processes: they log, they end when told, and they end with their parent."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tagwerk.children import Child, stop
from tests.tagwerk.running import ROOT, until

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
)
PARENT = """
import sys, time
from pathlib import Path
from tagwerk.children import Child
print(Child(["sleep", "600"], Path(sys.argv[1])).start().pid, flush=True)
time.sleep(600)
"""


def test_what_a_child_prints_is_appended_to_its_log(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "child.log"
    talk = "import sys; print('out', flush=True); print('err', file=sys.stderr)"

    for _ in range(2):
        assert Child([sys.executable, "-c", talk], log).start().wait() == 0

    assert log.read_text() == "out\nerr\n" * 2


def test_last_words_are_the_last_lines(tmp_path: Path) -> None:
    log = tmp_path / "child.log"
    log.write_bytes(b"\n".join(b"line %d \xff" % number for number in range(9)))

    assert Child([], log).last_words(2) == "line 7 \ufffd\nline 8 \ufffd"


def test_a_child_has_the_environment_it_is_given(tmp_path: Path) -> None:
    log = tmp_path / "child.log"

    Child(["/usr/bin/env"], log, {"ONLY": "this"}).start().wait()

    assert log.read_text() == "ONLY=this\n"


def test_a_child_without_a_log_writes_where_its_parent_writes(capfd: pytest.CaptureFixture[str]) -> None:
    child = Child([sys.executable, "-c", "import sys; print('out', flush=True); print('err', file=sys.stderr)"], None)

    child.start().wait()

    assert capfd.readouterr() == ("out\n", "err\n")
    assert child.last_words() == ""


def test_a_child_has_the_descriptors_it_is_given(tmp_path: Path) -> None:
    log = tmp_path / "child.log"
    read, write = os.pipe()

    with os.fdopen(read), os.fdopen(write):
        for given in ((read,), ()):
            look = f"import os; print(os.path.exists('/proc/self/fd/{read}'), flush=True)"
            Child([sys.executable, "-c", look], log, descriptors=given).start().wait()

    assert log.read_text() == "True\nFalse\n"


def test_a_child_that_ends_when_asked_is_not_killed(tmp_path: Path) -> None:
    child = Child(SLEEP, tmp_path / "log").start()

    stop(child, 60)

    assert child.returncode == -15


def test_a_child_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    child = Child([sys.executable, "-c", STUBBORN], tmp_path / "log").start()
    until(lambda: (tmp_path / "log").read_text() == "deaf\n")

    stop(child, 0.2)

    assert child.returncode == -9


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of their parent's death")
def test_a_child_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    # Given a process with a child
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path / "log")], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert is_running(child)

    # When it is killed, Then so is the child
    parent.kill()
    parent.communicate()
    until(lambda: not is_running(child))


def test_ctrl_c_at_the_terminal_does_not_reach_a_child(tmp_path: Path) -> None:
    child = Child(SLEEP, tmp_path / "log").start()
    time.sleep(0.05)

    assert os.getpgid(child.pid) != os.getpgid(0)
    stop(child, 60)


def is_running(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"
