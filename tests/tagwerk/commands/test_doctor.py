"""`tagwerk doctor`: what it prints, and what it ends with."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.tagwerk.conftest import Tagwerk


def test_a_sound_machine_is_0_and_each_line_begins_with_how_it_is(tagwerk: Tagwerk, warm: Path) -> None:
    ended = tagwerk("doctor")

    assert (ended.code, ended.err) == (0, "")
    assert {line.split()[0] for line in ended.out.splitlines()} <= {"ok", "warn", "->"}


def test_what_fails_is_1_and_says_what_to_set(tagwerk: Tagwerk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAGWERK_DEVICE", "cuda:99")

    people, machines = tagwerk("doctor"), tagwerk("doctor", "--json")

    assert (people.code, machines.code) == (1, 1)
    lines = people.out.splitlines()
    [place] = [number for number, line in enumerate(lines) if line.startswith("fail  device: device 'cuda:99'")]
    assert lines[place + 1].startswith("      -> set TAGWERK_DEVICE to auto, cpu or")
    [failed] = [finding for finding in json.loads(machines.out) if finding["status"] == "fail"]
    assert failed["check"] == "device"
    assert failed["advice"].startswith("set TAGWERK_DEVICE")


def test_no_password_is_told(tagwerk: Tagwerk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAGWERK_DATABASE_URL", "postgresql://me:secret@127.0.0.1:1/tagwerk")
    monkeypatch.setenv("TAGWERK_BROKER_URL", "redis://:secret@127.0.0.1:1/0")
    monkeypatch.setenv("TAGWERK_FLOWER_BASIC_AUTH", "me:secret")
    monkeypatch.setenv("TAGWERK_BLOBS", "/nowhere")

    ended = tagwerk("doctor")

    assert ended.code == 1
    assert "secret" not in ended.out + ended.err
