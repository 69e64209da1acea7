"""`tagwerk train ...`: what is wrong with the data is said, not shown as a traceback."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.tagwerk.conftest import Tagwerk


def test_a_folder_without_the_sets_names_the_first_that_is_missing(tagwerk: Tagwerk, tmp_path: Path) -> None:
    ended = tagwerk("train", "biencoder", "--data", tmp_path, "--minutes", "1", "--out", tmp_path / "run")

    assert ended.code == 2
    assert f"error: {tmp_path}/" in ended.err
    assert "no such file; --data must name a folder with one folder a set" in ended.err
    assert "Traceback" not in ended.err


def test_a_base_that_is_not_there_is_said(tagwerk: Tagwerk, tmp_path: Path) -> None:
    base = tmp_path / "no-encoder"

    ended = tagwerk("train", "biencoder", "--data", tmp_path, "--minutes", "1", "--base", base)

    assert ended.code == 2
    assert str(base) in ended.err.rpartition("error: ")[2]
    assert "Traceback" not in ended.err


def test_an_unknown_recipe_is_named(tagwerk: Tagwerk, tmp_path: Path) -> None:
    ended = tagwerk("train", "biencoder", "--data", tmp_path, "--minutes", "1", "--config", "binder")

    assert ended.code == 2
    assert "error: there is no recipe 'binder'; --config is one of default, litset, contrastive" in ended.err


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (["--keep", "0.3"], "--keep 0.3 says how much of a tagger is kept; name it by --start"),
        (
            ["--everything"],
            "--everything leaves nothing to choose a calibration by; name a tagger that has one by --start",
        ),
    ],
)
def test_what_goes_on_from_a_tagger_needs_one(
    tagwerk: Tagwerk, tmp_path: Path, given: list[str], sentence: str
) -> None:
    ended = tagwerk("train", "biencoder", "--data", tmp_path, "--minutes", "1", *given)

    assert (ended.code, ended.err.strip()) == (2, f"error: {sentence}")


def test_only_the_compact_model_goes_on_from_another(tagwerk: Tagwerk, tmp_path: Path) -> None:
    ended = tagwerk("train", "llm", "--data", tmp_path, "--minutes", "1", "--base", "tiny/llama", "--start", tmp_path)

    assert ended.code == 2
    assert ended.err.strip() == "error: --start names a compact model to go on from; tiny/llama starts from itself"


def test_the_typer_needs_the_sets_as_well(tagwerk: Tagwerk, tmp_path: Path) -> None:
    ended = tagwerk("train", "typer", "--data", tmp_path, "--minutes", "1", "--out", tmp_path / "run")

    assert ended.code == 2
    assert "no such file; --data must name a folder with one folder a set" in ended.err
    assert "Traceback" not in ended.err
