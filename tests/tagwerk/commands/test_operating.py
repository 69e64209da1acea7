"""`tagwerk worker`, `reaper` and `migrate`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from jobs.store import Ledger
from migrations.running import at_head
from tests.jobs.building import queued_job
from tests.tagwerk.running import ROOT, until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.tagwerk.conftest import Tagwerk

SERVICES = {
    "TAGWERK_DATABASE_URL": "sqlite:////nowhere/ledger.db",
    "TAGWERK_BROKER_URL": "redis://127.0.0.1:1/0",
    "TAGWERK_BLOBS": "/nowhere",
}
NEEDED = {"worker": list(SERVICES), "reaper": list(SERVICES)[:2], "migrate": list(SERVICES)[:1]}


@pytest.mark.parametrize(
    ("command", "missing"), [(command, name) for command, names in NEEDED.items() for name in names]
)
def test_a_service_without_a_setting_says_which(
    tagwerk: Tagwerk, monkeypatch: pytest.MonkeyPatch, command: str, missing: str
) -> None:
    for name, value in SERVICES.items():
        monkeypatch.setenv(name, "" if name == missing else value)

    ended = tagwerk(command)

    assert ended.code == 2
    assert ended.err == f"error: {missing} is not set; this command serves running services\n"


def test_a_worker_that_makes_taggers_needs_a_folder_for_them(tagwerk: Tagwerk, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SERVICES.items():
        monkeypatch.setenv(name, value)

    ended = tagwerk("worker", "-Q", "tag,adapt")

    assert ended.code == 2
    assert ended.err == "error: TAGWERK_TAGGERS is not set; this command serves running services\n"


@pytest.mark.parametrize(("name", "value"), [("TAGWERK_DTYPE", "float17"), ("TAGWERK_BATCH_PIECES", "0")])
def test_a_worker_with_a_setting_that_cannot_be_does_not_start(
    tagwerk: Tagwerk, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    for each, address in SERVICES.items():
        monkeypatch.setenv(each, address)
    monkeypatch.setenv(name, value)

    ended = tagwerk("worker")

    assert ended.code == 2
    assert ended.err.startswith(f"error: {name} is '{value}': ")


def test_migrating_makes_the_tables_and_may_be_repeated(
    tagwerk: Tagwerk, monkeypatch: pytest.MonkeyPatch, bare_url: str
) -> None:
    monkeypatch.setenv("TAGWERK_DATABASE_URL", bare_url)

    for _ in range(2):
        ended = tagwerk("migrate")
        assert (ended.code, ended.out, ended.err) == (0, "", "the ledger is up to date\n")
    assert at_head(bare_url)


def test_the_reaper_rings_what_is_owed_until_it_is_told_to_end(
    postgresql_ledger_url: str, broker_url: str, tmp_path: Path
) -> None:
    # Given a chunk whose bell never rang, and what an upload of long ago left
    ledger = Ledger.open(postgresql_ledger_url)
    queued_job(ledger, chunks=1)
    left, heartbeat = tmp_path / "left.part", tmp_path / "heartbeat"
    left.touch()
    os.utime(left, (0, 0))
    values = (postgresql_ledger_url, broker_url, str(tmp_path))
    addresses = dict(zip(SERVICES, values, strict=True))

    # When a reaper runs
    command = [sys.executable, "-m", "tagwerk", "reaper", "--heartbeat", str(heartbeat)]
    reaper = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **addresses}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    until(heartbeat.exists)

    # Then it has rung and swept, and ends in order
    assert not left.exists()
    assert ledger.rung_unclaimed("tag") == 1
    reaper.send_signal(signal.SIGTERM)
    out, err = reaper.communicate(timeout=60)
    assert (reaper.returncode, out) == (0, "")
    assert "INFO tagwerk.reaper event=tick rung=1 swept=1" in err
    ledger.close()
