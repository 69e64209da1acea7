"""Artifacts: what is saved comes back, and what is damaged is refused."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import save_file

from models import artifact
from models.biencoder import BiEncoder, BiEncoderConfig
from models.encoder import file_sha256, load_encoder
from models.errors import BadArtifact
from models.shipped import MANIFEST, SHIPPED
from models.tagger import Calibration, Tagger
from tests.models.building import PERSON, PLACE, tiny_model

if TYPE_CHECKING:
    from pathlib import Path

    from models.encoder import Encoder

TEXTS = ["Anna Meier lives in Bern.", "no capitals here", "Ships left Bergen for Hull, said J. Smith"]
LABELS = [PERSON, PLACE]


def moved_tagger(encoder: Encoder, label_side: str = "shared") -> Tagger:
    """A tagger whose every weight but the word embeddings has moved away from the base."""
    torch.manual_seed(1)
    network = BiEncoder(encoder.model, BiEncoderConfig(dimension=16, initial_outside=-3.0, label_side=label_side))
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if parameter.requires_grad and not name.endswith("word_embeddings.weight"):
                parameter.add_(torch.randn_like(parameter), alpha=0.05)
    return Tagger(encoder, network, Calibration(threshold=0.03, temperature=1.5, shift=0.5, margin=0.02))


@pytest.fixture
def own(tiny_folder: Path) -> Encoder:
    """The tiny encoder, for the test to change."""
    return load_encoder(str(tiny_folder))


@pytest.fixture(scope="module")
def saved(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved artifact; tests that harm it work on a copy."""
    folder = tmp_path_factory.mktemp("artifacts") / "music"
    artifact.save(folder, moved_tagger(load_encoder(str(tiny_folder))), name="music", receipt={"minutes": 3})
    return folder


@pytest.fixture
def copy(saved: Path, tmp_path: Path) -> Path:
    return shutil.copytree(saved, tmp_path / "copy")


def edit(folder: Path, **changes: Any) -> None:  # noqa: ANN401 -- any field of the manifest
    path = folder / MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | changes), encoding="utf-8")


@pytest.mark.parametrize("label_side", ["shared", "frozen"])
def test_what_is_saved_comes_back(own: Encoder, tmp_path: Path, label_side: str) -> None:
    tagger = moved_tagger(own, label_side)
    before = tagger.predict(TEXTS, LABELS)

    manifest = artifact.save(tmp_path / "music", tagger, name="music", receipt={"minutes": 3})
    loaded = artifact.load(tmp_path / "music")

    after = loaded.predict(TEXTS, LABELS)
    assert artifact.read_manifest(tmp_path / "music") == manifest
    assert (manifest.name, manifest.engine, manifest.receipt) == ("music", "biencoder", {"minutes": 3})
    assert (manifest.base, manifest.base_fingerprint) == (own.name, own.fingerprint)
    assert loaded.calibration == tagger.calibration
    assert all(prediction.spans for prediction in before)
    for one, other in zip(before, after, strict=True):
        assert {(s.start, s.end) for s in one.spans} == {(s.start, s.end) for s in other.spans}
        assert [s.score for s in one.spans] == pytest.approx([s.score for s in other.spans], abs=2e-3)


def test_every_weight_that_moved_is_in_the_artifact(own: Encoder, saved: Path) -> None:
    weights = moved_tagger(own).network.state_dict()

    loaded = artifact.load(saved).network.state_dict()

    far = [name for name, weight in weights.items() if not torch.allclose(weight, loaded[name], atol=1e-3)]
    assert far == []


def test_what_never_moves_is_not(saved: Path) -> None:
    size = sum(path.stat().st_size for path in saved.iterdir())

    assert size < tiny_model().embeddings.word_embeddings.weight.numel() * 2 / 10


def test_weights_are_cut_into_small_files(own: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifact, "SHARD_BYTES", 20_000)
    tagger = moved_tagger(own)

    manifest = artifact.save(tmp_path / "music", tagger, name="music", receipt={})

    files = sorted((tmp_path / "music").glob("*.safetensors"))
    largest = max(tensor.numel() * 2 for tensor in artifact.shipped_weights(tagger.network).values())
    assert len(files) > 2
    assert [path.name for path in files] == sorted(manifest.files)
    assert files[0].name == f"weights-00001-of-{len(files):05d}.safetensors"
    assert all(path.stat().st_size <= max(20_000, largest) + 5_000 for path in files)
    assert artifact.load(tmp_path / "music").predict(TEXTS, LABELS) is not None


def test_a_full_file_stays_under_the_limit_of_15_mib() -> None:
    assert artifact.SHARD_BYTES <= 14.5 * 2**20


def test_the_base_may_lie_elsewhere(saved: Path, tiny_folder: Path, tmp_path: Path) -> None:
    elsewhere = shutil.copytree(tiny_folder, tmp_path / "elsewhere")

    loaded = artifact.load(saved, base=str(elsewhere))

    assert loaded.predict(TEXTS, LABELS) == artifact.load(saved).predict(TEXTS, LABELS)


def test_a_folder_that_is_there_is_never_written_again(own: Encoder, tmp_path: Path) -> None:
    (tmp_path / "music").mkdir()

    with pytest.raises(BadArtifact, match=r"music: already there"):
        artifact.save(tmp_path / "music", moved_tagger(own), name="music", receipt={})
    assert list((tmp_path / "music").iterdir()) == []


def test_an_artifact_cut_short_is_not_there(own: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a disk that fills while the weights are written
    def full(*_: object) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(artifact, "save_file", full)
        with pytest.raises(OSError, match="no space"):
            artifact.save(tmp_path / "music", moved_tagger(own), name="music", receipt={})
    assert not (tmp_path / "music").exists()

    # When there is room again, then saving works and leaves nothing else behind
    artifact.save(tmp_path / "music", moved_tagger(own), name="music", receipt={})
    assert [path.name for path in tmp_path.iterdir()] == ["music"]


def test_a_flipped_bit_is_noticed(copy: Path) -> None:
    [weights] = copy.glob("*.safetensors")
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)

    with pytest.raises(BadArtifact, match=r"weights-00001-of-00001.safetensors: damaged: hashes to [0-9a-f]{12}, not"):
        artifact.load(copy)
    with pytest.raises(BadArtifact, match=r"weights-00001-of-00001.safetensors: damaged: "):
        artifact.check_files(copy)


def test_a_missing_weights_file_is_noticed(copy: Path) -> None:
    [weights] = copy.glob("*.safetensors")
    weights.unlink()

    for look in (artifact.load, artifact.check_files):
        with pytest.raises(BadArtifact, match=rf"{weights}: missing"):
            look(copy)


def test_whole_files_are_found_whole_without_their_base(saved: Path, tmp_path: Path) -> None:
    # Given an artifact whose base encoder lies nowhere any more
    far = shutil.copytree(saved, tmp_path / "far")
    edit(far, base="no-such/encoder")

    assert artifact.check_files(far).files == artifact.read_manifest(saved).files


def test_another_base_is_noticed(copy: Path, tmp_path: Path, packaged: Encoder) -> None:
    other = tmp_path / "other"
    tiny_model(positions=64).save_pretrained(other)
    packaged.tokenizer.save_pretrained(other)

    with pytest.raises(BadArtifact, match=rf"fits the base .*tiny \([0-9a-f]{{12}}\), not {other} \([0-9a-f]{{12}}\)"):
        artifact.load(copy, base=str(other))


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "{}", '"music"', "\udcff", '{"config": {"depth": 3}, "calibration": {}}'],
)
def test_a_folder_without_a_good_manifest_is_no_artifact(copy: Path, text: str) -> None:
    (copy / MANIFEST).write_bytes(text.encode("utf-8", "surrogateescape"))

    with pytest.raises(BadArtifact, match=r"tagger.json: not a tagger artifact"):
        artifact.load(copy)


def test_a_folder_without_a_manifest_is_no_artifact(tmp_path: Path) -> None:
    with pytest.raises(BadArtifact, match=r"tagger.json: not a tagger artifact: .*No such file"):
        artifact.read_manifest(tmp_path)


def test_weights_that_do_not_fit_the_configuration_are_noticed(copy: Path) -> None:
    edit(copy, config=BiEncoderConfig(dimension=32).to_dict())

    with pytest.raises(BadArtifact, match="do not fit the configuration"):
        artifact.load(copy)


def test_missing_and_unknown_weights_are_noticed(copy: Path) -> None:
    # Given a manifest that names no weights at all
    edit(copy, files={})
    with pytest.raises(BadArtifact, match=r"weights are missing or unknown, such as 'encoder\.embeddings\.LayerNorm"):
        artifact.load(copy)

    # And one that names a sound file of other weights
    save_file({"surprise": torch.zeros(1)}, copy / "weights.safetensors")
    edit(copy, files={"weights.safetensors": file_sha256(copy / "weights.safetensors")})
    with pytest.raises(BadArtifact, match="weights are missing or unknown"):
        artifact.load(copy)


def test_a_sound_hash_of_a_file_that_holds_no_weights_is_noticed(copy: Path) -> None:
    (copy / "weights.safetensors").write_bytes(b"not weights at all")
    edit(copy, files={"weights.safetensors": file_sha256(copy / "weights.safetensors")})

    with pytest.raises(BadArtifact, match="not a safetensors file"):
        artifact.load(copy)


def test_an_untrained_tagger_is_ready_and_quiet(tiny: Encoder) -> None:
    tagger = artifact.untrained(tiny)

    assert tagger.network.config == BiEncoderConfig()
    assert [prediction.spans for prediction in tagger.predict(TEXTS, LABELS)] == [(), (), ()]


def test_shipped_folders_are_named() -> None:
    assert artifact.shipped_folder() == SHIPPED / "default"
    assert artifact.shipped_folder("other") == SHIPPED / "other"
