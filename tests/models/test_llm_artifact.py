"""Artifacts of language model taggers: whole or not there, every file hashed, told apart from the others."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from models import artifact, manifests
from models.errors import BadArtifact
from models.llm_artifact import (
    ADAPTER,
    EXAMPLES,
    LanguageManifest,
    SearchPlan,
    check_files,
    fingerprint,
    read_manifest,
    save,
)
from models.shipped import MANIFEST
from models.tagger import Calibration

if TYPE_CHECKING:
    from pathlib import Path

MADE = LanguageManifest(
    name="music",
    base="compact",
    base_fingerprint="f" * 64,
    prompt="ner-v1",
    search=SearchPlan(k=3, coverage=True),
    calibration=Calibration(temperature=0.8, threshold=0.1, margin=0.05),
    receipt={"method": "retrieve", "f1": 0.5},
)


def write(folder: Path) -> None:
    """What a maker puts into a tagger."""
    (folder / EXAMPLES).mkdir()
    (folder / EXAMPLES / "examples.jsonl").write_text('{"id": "ü"}\n')


def test_what_was_written_is_read(tmp_path: Path) -> None:
    save(tmp_path / "music", MADE, write)

    found = check_files(tmp_path / "music")

    assert found == replace(MADE, files=found.files)
    assert list(found.files) == ["examples/examples.jsonl"]
    assert (found.holds(EXAMPLES), found.holds(ADAPTER)) == (True, False)
    assert [path.name for path in tmp_path.iterdir()] == ["music"]


def test_a_maker_that_fails_leaves_no_tagger(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        write(folder)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        save(tmp_path / "music", MADE, fail)

    assert not (tmp_path / "music").exists()
    # And what is left of it is in nobody's way
    save(tmp_path / "music", MADE, write)
    assert [path.name for path in tmp_path.iterdir()] == ["music"]


def test_an_artifact_is_never_written_twice(tmp_path: Path) -> None:
    save(tmp_path / "music", MADE, write)

    with pytest.raises(BadArtifact, match="already there"):
        save(tmp_path / "music", MADE, write)


@pytest.mark.parametrize("harm", ["changed", "gone"])
def test_a_damaged_file_is_named(tmp_path: Path, harm: str) -> None:
    save(tmp_path / "music", MADE, write)
    path = tmp_path / "music" / "examples" / "examples.jsonl"
    path.write_text("{}") if harm == "changed" else path.unlink()

    for look in (check_files, manifests.check_files):
        with pytest.raises(BadArtifact, match=r"examples\.jsonl: (damaged|missing)"):
            look(tmp_path / "music")


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"engine": "llm", "search": {"depth": 3}}', None])
def test_what_is_no_tagger_is_refused(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / MANIFEST).write_text(text)

    for look in (read_manifest, manifests.read, manifests.check_files):
        with pytest.raises(BadArtifact, match=MANIFEST):
            look(tmp_path)


def test_taggers_are_told_apart_by_what_they_are(tmp_path: Path) -> None:
    save(tmp_path / "music", MADE, write)

    shown, default = manifests.check_files(tmp_path / "music"), manifests.check_files(artifact.shipped_folder())
    compact = manifests.check_files(artifact.shipped_folder("compact"))

    assert [(each.engine, each.is_model) for each in (shown, default, compact)] == [
        ("llm", False),
        ("biencoder", False),
        ("llm", True),
    ]
    assert shown.receipt == MADE.receipt
    assert json.loads((tmp_path / "music" / MANIFEST).read_text())["engine"] == "llm"


def test_a_fingerprint_is_of_names_and_weights_in_any_order() -> None:
    assert fingerprint({"a": "1", "b": "2"}) == fingerprint({"b": "2", "a": "1"})
    assert len({fingerprint({"a": "1", "b": "2"}), fingerprint({"a": "2", "b": "1"}), fingerprint({"a": "1"})}) == 3
