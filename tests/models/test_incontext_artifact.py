"""The in-context model on disk: what is read is what was written, and nothing else is taken for it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import torch

from models.compact import Reading
from models.errors import BadArtifact
from models.incontext import InContextConfig, InContextModel
from models.incontext_artifact import check_model_files, load_model, save_model
from models.shipped import MANIFEST

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = InContextConfig(width=24, layers=2, heads=3, inner=48, positions=16)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(3)
    save_model(
        tmp_path / "model",
        InContextModel(CONFIG),
        name="small",
        base="default",
        base_fingerprint="f00d",
        reading=Reading(eagerness=0.5),
        receipt={"minutes": 1},
    )
    return tmp_path / "model"


def test_what_is_loaded_is_what_was_saved(folder: Path) -> None:
    network, manifest = load_model(folder, "f00d")
    torch.manual_seed(3)
    for name, tensor in InContextModel(CONFIG).state_dict().items():
        torch.testing.assert_close(network.state_dict()[name], tensor.half().float())
    assert (manifest.name, manifest.engine, manifest.reading) == ("small", "llm", Reading(eagerness=0.5))
    assert check_model_files(folder) == manifest


def test_another_encoder_is_refused_by_name(folder: Path) -> None:
    with pytest.raises(BadArtifact, match="stands on the encoder f00d of the tagger 'default', not on beef"):
        load_model(folder, "beef")


def test_a_damaged_file_is_found(folder: Path) -> None:
    [weights] = folder.glob("*.safetensors")
    weights.write_bytes(weights.read_bytes()[:-1] + b"?")
    for look in (lambda: load_model(folder, "f00d"), lambda: check_model_files(folder)):
        with pytest.raises(BadArtifact, match="damaged"):
            look()


def test_what_is_no_model_is_refused(folder: Path) -> None:
    raw = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps(raw | {"config": {"depth": 3}}))
    with pytest.raises(BadArtifact, match="not an in-context model"):
        load_model(folder, "f00d")


def test_it_is_never_written_twice(folder: Path) -> None:
    with pytest.raises(BadArtifact, match="never written twice"):
        save_model(
            folder,
            InContextModel(CONFIG),
            name="small",
            base="default",
            base_fingerprint="f00d",
            reading=Reading(),
            receipt={},
        )
