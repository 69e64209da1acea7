"""The typer on disk: what is read is what was written, and nothing else is taken for it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import torch

from models.errors import BadArtifact
from models.shipped import MANIFEST
from models.typer import Judgement, Typer
from models.typer_artifact import check_typer_files, load_typer, save_typer, untrained_typer
from models.typing_hierarchy import tree_of
from models.typing_network import TyperConfig
from tests.models.typing_sets import mention

if TYPE_CHECKING:
    from pathlib import Path

    from models.encoder import Encoder

CONFIG = TyperConfig(layers=1, heads=2)


@pytest.fixture
def typer(tiny: Encoder) -> Typer:
    typer = untrained_typer(tiny, CONFIG, seed=3)
    typer.judgement = Judgement(threshold=0.3)
    return typer


@pytest.fixture
def folder(typer: Typer, tmp_path: Path) -> Path:
    save_typer(tmp_path / "typer", typer, name="small", receipt={"minutes": 1})
    return tmp_path / "typer"


def test_what_is_loaded_tells_what_was_saved(typer: Typer, folder: Path) -> None:
    loaded = load_typer(folder)
    tree, asked = tree_of(["band", "city"]), [mention("It rained in Ulm.", "Ulm")]
    [before], [after] = typer.tell(asked, tree), loaded.tell(asked, tree)
    assert [each.name for each in after] == [each.name for each in before]
    assert [each.score for each in after] == pytest.approx([each.score for each in before], abs=1e-3)
    assert loaded.judgement == Judgement(threshold=0.3)
    for name, tensor in typer.network.tuned().items():
        torch.testing.assert_close(loaded.network.state_dict()[name], tensor.half().float())
    assert check_typer_files(folder).engine == "typer"


def test_a_damaged_file_is_found(folder: Path) -> None:
    [weights] = folder.glob("*.safetensors")
    weights.write_bytes(weights.read_bytes()[:-1] + b"?")
    for look in (load_typer, check_typer_files):
        with pytest.raises(BadArtifact, match="damaged"):
            look(folder)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"base_fingerprint": "beef"}, "fits the base"),
        ({"config": {"depth": 3}}, "not a typer"),
        ({"config": {"layers": 0, "heads": 2}}, "missing or unknown, such as"),
    ],
)
def test_what_does_not_fit_is_refused(folder: Path, change: dict[str, object], told: str) -> None:
    raw = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps(raw | change))
    with pytest.raises(BadArtifact, match=told):
        load_typer(folder)


def test_it_is_never_written_twice(typer: Typer, folder: Path) -> None:
    with pytest.raises(BadArtifact, match="never written twice"):
        save_typer(folder, typer, name="small", receipt={})
