"""Flower: who may look, what it may do, what it is told, and what it shows of a worker at work."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from pydantic import SecretStr

from tagwerk import flower
from tagwerk.errors import UnusableInput
from tagwerk.serving import listen
from tagwerk.settings import FlowerSettings
from tests.tagwerk.running import LABELS, ROOT, Command, corpus, until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.tagwerk.conftest import Tagwerk

BROKER = "redis://:secret@127.0.0.1:1/0"
NOBODY = FlowerSettings(basic_auth=None)
SOMEBODY = FlowerSettings(basic_auth=SecretStr("me:secret"))


def free_port() -> int:
    with closing(listen("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def asked(url: str, *, user: str | None = None, method: str = "GET") -> tuple[int, bytes]:
    """Status and body of an answer; 0 where nobody answers yet."""
    headers = {"Authorization": f"Basic {base64.b64encode(user.encode()).decode()}"} if user else {}
    try:
        with urlopen(Request(url, headers=headers, method=method), timeout=20) as answer:
            return answer.status, answer.read()
    except HTTPError as error:
        with error:
            return error.code, error.read()
    except OSError:
        return 0, b""


class Running:
    """A Flower on a port of its own."""

    def __init__(self, command: Command, port: int) -> None:
        self.command = command
        self.url = f"http://127.0.0.1:{port}"
        until(lambda: asked(f"{self.url}/healthcheck")[0] == 200 or command.process.poll() is not None)

    def told(self, path: str) -> Any:  # noqa: ANN401 -- whatever JSON holds
        status, body = asked(f"{self.url}{path}")
        assert status == 200, body
        return json.loads(body)


@pytest.fixture
def running(warm: Path, start: type[Command]) -> Running:
    """Flower on the stack that stays up."""
    port = free_port()
    return Running(start(warm, "flower", "--port", port), port)


def test_it_shows_the_worker_the_task_and_the_chunks_and_stops_nothing(
    running: Running, warm: Path, tagwerk: Tagwerk, tmp_path: Path
) -> None:
    # Given a worker that has done a chunk while Flower looked
    until(lambda: "Connected to" in running.command.err)
    corpus(tmp_path / "corpus.jsonl", 3)
    assert tagwerk("tag", tmp_path / "corpus.jsonl", "--labels", LABELS).code == 0

    # Then Flower's API tells of it: the worker, what it was called for, and with which chunk
    until(lambda: running.told("/api/tasks"))
    task = next(iter(running.told("/api/tasks").values()))
    assert task["name"] == "tag.chunk"
    assert isinstance(json.loads(task["args"])[0], int)
    [worker] = running.told("/api/workers?refresh=1")
    assert worker == task["worker"]
    assert worker.startswith("embedded@")
    # And counts what waits, and shows its pages
    assert {queue["name"] for queue in running.told("/api/queues/length")["active_queues"]} == {"tag", "llm", "adapt"}
    assert [asked(f"{running.url}/{page}")[0] for page in ("workers", "tasks", "broker")] == [200] * 3
    # And refuses to do anything
    for order in (f"worker/shutdown/{worker}", "task/send-task/tag.chunk", f"task/revoke/{task['uuid']}"):
        assert asked(f"{running.url}/api/{order}", method="POST")[0] == 403
    assert "Traceback" not in running.command.err


def test_a_password_is_asked_for_and_no_secret_is_seen(start: type[Command], tmp_path: Path) -> None:
    # Given Flower with a password, on a broker that has one
    settings = {"TAGWERK_BROKER_URL": BROKER, "TAGWERK_FLOWER_BASIC_AUTH": "me:secret"}
    port = free_port()
    running = Running(start(tmp_path / "home", "flower", "--port", port, settings=settings), port)

    # Then it answers who knows it
    page = f"{running.url}/api/tasks"
    assert [asked(page)[0], asked(page, user="me:wrong")[0], asked(page, user="me:secret")[0]] == [401, 401, 200]
    # And nobody reads it off the process or its log
    words = subprocess.run(
        ["ps", "-ww", "-o", "args=", "-p", str(running.command.process.pid)], capture_output=True, text=True, check=True
    ).stdout
    assert "tagwerk.flower_app flower" in words
    until(lambda: "Broker:" in running.command.err)
    assert "secret" not in words + running.command.err + running.command.out
    # And it ends when it is told to
    running.command.process.terminate()
    assert running.command.ended() == 0


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.0.1", "::", "tags.example", "127.evil.example"])
def test_what_other_machines_reach_demands_a_password(host: str) -> None:
    with pytest.raises(UnusableInput, match="set TAGWERK_FLOWER_BASIC_AUTH=user:password"):
        flower.surroundings(host, BROKER, NOBODY)

    assert flower.surroundings(host, BROKER, SOMEBODY)["FLOWER_BASIC_AUTH"] == "me:secret"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_on_loopback_its_api_answers_without_one(host: str) -> None:
    assert flower.surroundings(host, BROKER, NOBODY)["FLOWER_UNAUTHENTICATED_API"] == "true"


def test_where_there_is_a_password_its_api_is_not_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWER_UNAUTHENTICATED_API", "true")

    assert flower.surroundings("127.0.0.1", BROKER, SOMEBODY)["FLOWER_UNAUTHENTICATED_API"] == "false"


def test_its_options_hold_no_secret_and_let_it_change_nothing() -> None:
    options = flower.options("127.0.0.1", 5555)

    assert {"--read_only=True", "--persistent=False"} <= set(options)
    assert not any("auth" in option or "broker" in option for option in options)


def test_its_application_loads_no_model_library_and_connects_to_nothing() -> None:
    program = (
        "import sys; from tagwerk.flower_app import app\n"
        "print(app.connection().as_uri(), sorted({'torch', 'transformers', 'sqlalchemy'} & set(sys.modules)))\n"
        "print(sorted(queue.name for queue in app.conf.task_queues))"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "TAGWERK_BROKER_URL": BROKER},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.splitlines() == ["redis://:**@127.0.0.1:1/0 []", "['adapt', 'llm', 'tag']"]
