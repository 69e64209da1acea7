"""What an error becomes, what nobody may read in it, and how light the command line is to start."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from corpora.errors import CorpusTooLarge, UnknownBlob
from jobs.errors import (
    BadLedgerUrl,
    BrokerUnavailable,
    JobFinished,
    LedgerUnavailable,
    UnknownEngine,
    UnknownJob,
    UnknownKey,
)
from models.errors import BadArtifact, BadTrainingData, EncoderNotFound
from tagwerk.cli import app, exit_code
from tagwerk.errors import StackFailed, UnusableInput
from tests.tagwerk.running import ROOT

if TYPE_CHECKING:
    from tests.tagwerk.conftest import Tagwerk

WRONGLY_ASKED = [
    UnusableInput("x"),
    CorpusTooLarge(1),
    UnknownBlob("x"),
    UnknownJob("x"),
    UnknownKey("x"),
    BadLedgerUrl("x"),
    UnknownEngine("x"),
    BadTrainingData("x"),
    EncoderNotFound("x"),
]
TRIED = [StackFailed("x"), JobFinished("x", "expired"), LedgerUnavailable("x", OSError()), BadArtifact("x")]
#: Addresses with the word secret in every place where a password can be.
SECRET = [
    "mysql://me:secret@db/tagwerk",
    "mysql://me:top/secret@db/tagwerk",
    "mysql://me:top@secret@db/tagwerk",
    "mysql://db/tagwerk?user=me&password=secret",
    "postgresql://me:secret@db:port/tagwerk",
    "postgresql://me:5/secret@127.0.0.1:1/tagwerk",
]


@pytest.mark.parametrize("error", WRONGLY_ASKED, ids=lambda error: type(error).__name__)
def test_what_was_asked_wrongly_is_2(error: Exception) -> None:
    assert exit_code(error) == 2


@pytest.mark.parametrize("error", TRIED, ids=lambda error: type(error).__name__)
def test_what_was_tried_and_failed_is_1(error: Exception) -> None:
    assert exit_code(error) == 1


@pytest.mark.parametrize(
    "words",
    [
        ("tag",),
        ("tag", "corpus.jsonl"),
        ("tags",),
        ("jobs", "list", "--limit", "0"),
        ("demo", "--show", "-1"),
        ("worker", "-c", "0"),
    ],
    ids=" ".join,
)
def test_words_that_are_no_command_are_2(tagwerk: Tagwerk, words: tuple[str, ...]) -> None:
    ended = tagwerk(*words)

    assert (ended.code, ended.out) == (2, "")
    assert "Usage: " in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("url", SECRET)
@pytest.mark.parametrize("command", [("migrate",), ("jobs", "list")], ids=" ".join)
def test_no_command_tells_the_password_of_an_address_that_is_refused(
    tagwerk: Tagwerk, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], url: str
) -> None:
    monkeypatch.setenv("TAGWERK_DATABASE_URL", url)
    monkeypatch.setenv("TAGWERK_BROKER_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setenv("TAGWERK_BLOBS", "/nowhere")

    ended = tagwerk(*command)

    assert ended.code in {1, 2}
    assert ended.err.startswith("error: ")
    assert "secret" not in ended.err + ended.out


@pytest.mark.parametrize("url", SECRET[:4])
@pytest.mark.parametrize("kind", [LedgerUnavailable, BrokerUnavailable])
def test_no_error_tells_a_password(kind: type[LedgerUnavailable | BrokerUnavailable], url: str) -> None:
    assert "secret" not in str(kind(url, OSError("refused")))


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("mysql://me:secret@db/x", "mysql://me:***@db/x"),
        ("mysql://:secret@db", "mysql://:***@db"),
        ("mysql://db:3306/x", "mysql://db:3306/x"),
        ("sqlite:////home/a:b@c/x.db", "sqlite:////home/a:b@c/x.db"),
        ("mysql://db/x?password=secret&tls=1", "mysql://db/x?password=***&tls=1"),
    ],
)
def test_the_rest_of_an_address_is_told(url: str, shown: str) -> None:
    assert repr(shown) in str(BadLedgerUrl(url))


def test_the_commands_are_these() -> None:
    """The words that users and compose files rely on."""
    commands = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    groups = {group.name for group in app.registered_groups}

    running = {"worker", "reaper", "migrate", "serve", "flower", "doctor"}
    assert commands == {"demo", "tag", "type", "evaluate", "adapt", *running}
    assert groups == {"jobs", "keys", "taggers", "train"}


def test_the_command_line_starts_without_a_model_library() -> None:
    program = (
        "import sys; sys.argv = ['tagwerk', '--help']\n"
        "import atexit; atexit.register(lambda: print(sorted({'torch', 'transformers'} & set(sys.modules))))\n"
        "from tagwerk.cli import main; main()"
    )

    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)

    assert "Usage: " in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"
