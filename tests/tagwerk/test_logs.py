"""Where events go: to standard error from a service, to a file from a command, nowhere else."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import structlog

from tagwerk import logs
from tests.tagwerk.running import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def routed() -> Iterator[None]:
    logs.route()
    yield
    structlog.reset_defaults()


@pytest.mark.parametrize(("level", "shown"), [("info", ["first", "second"]), ("warning", ["second"])])
def test_a_service_prints_events_of_its_level_on_standard_error(level: str, shown: list[str]) -> None:
    program = (
        f"import structlog; from tagwerk import logs; logs.configure({level!r})\n"
        "log = structlog.get_logger('tagwerk.reaper'); log.info('first', rung=1); log.warning('second', why='a b')"
    )

    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)

    lines = {
        "first": " INFO tagwerk.reaper event=first rung=1",
        "second": ' WARNING tagwerk.reaper event=second why="a b"',
    }
    assert done.stdout == ""
    assert [line[23:] for line in done.stderr.splitlines()] == [lines[name] for name in shown]


def test_a_command_keeps_events_in_a_file(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "logs" / "commands.log"

    with logs.kept_in(path):
        structlog.get_logger("tagwerk.reaper").info("tick", rung=1)
        structlog.get_logger("tagwerk.submitting").warning("bells_owed")

    assert capfd.readouterr() == ("", "")
    assert [line.split(maxsplit=2)[2] for line in path.read_text().splitlines()] == [
        "INFO tagwerk.reaper event=tick rung=1",
        "WARNING tagwerk.submitting event=bells_owed",
    ]


def test_afterwards_only_warnings_are_printed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with logs.kept_in(tmp_path / "commands.log"), logs.kept_in(tmp_path / "inner.log"):
        pass

    structlog.get_logger("tagwerk.reaper").info("tick")
    structlog.get_logger("tagwerk.submitting").warning("bells_owed", queue="tag")

    assert capfd.readouterr().out == ""
    assert (tmp_path / "commands.log").read_text() == (tmp_path / "inner.log").read_text() == ""
