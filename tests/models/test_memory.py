"""A memory of examples: whose units are whose, what the nearest say, and what is made of it in an artifact."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch

from models import artifact
from models import memory as remembered
from models.encoder import load_encoder
from models.errors import BadArtifact
from models.gaussians import Gaussians, likeness
from models.memory import OUTSIDE, Memory, Recall, recall_of
from models.tagger import Tagger
from models.types import Label
from tests.models.building import PERSON, PLACE, tiny_tagger

if TYPE_CHECKING:
    from pathlib import Path


RECALL = Recall(labels=("person", "place"), share=0.5, distance="euclidean")
TEXTS = ["Anna Meier lives in Bern.", "Ships left Bergen for Hull, said J. Smith"]


def memory(recall: Recall = RECALL) -> Memory:
    vectors = torch.nn.functional.normalize(torch.randn(6, 16, generator=torch.Generator().manual_seed(3)), dim=-1)
    return Memory(recall=recall, vectors=vectors, owners=torch.tensor([0, 0, 1, OUTSIDE, OUTSIDE, OUTSIDE]))


@pytest.fixture
def tagger(tiny_folder: Path) -> Tagger:
    plain = tiny_tagger(load_encoder(str(tiny_folder)), eager=1.0, threshold=0.2)
    return Tagger(plain.encoder, plain.network, plain.calibration, memory=memory())


def test_units_belong_to_labels_by_name(tagger: Tagger) -> None:
    other = Label(name="band")

    found = memory().among([other, replace(PLACE, description="anywhere")], tagger.network)

    # Those of a label that nobody asks for are left out.
    assert found.kinds == (3, 0, 1)
    place = tagger.network.gaussians(memory().vectors[2:3])
    assert torch.equal(found.units.mean[3:], place.mean)


def test_a_labels_score_is_its_own(tagger: Tagger) -> None:
    alone = tagger.memory.among([PLACE], tagger.network) if tagger.memory else None
    both = memory().among([PERSON, PLACE], tagger.network)
    units = Gaussians(mean=torch.randn(4, 16), spread=torch.ones(4, 16))
    scores = torch.randn(4, 2)

    assert alone is not None
    assert torch.allclose(alone.mixed(scores[:, 1:], units), both.mixed(scores, units)[:, 1:])


def test_the_nearest_of_each_kind_counts(tagger: Tagger) -> None:
    neighbours = memory().among([PERSON, PLACE, Label(name="band")], tagger.network)
    units = neighbours.units[torch.tensor([4, 5, 1])]

    best = neighbours.nearest(units)

    # Each is nearest to itself, at no distance; nobody is near to a band.
    assert best[[0, 1, 2], [1, 2, 0]].tolist() == pytest.approx([0, 0, 0], abs=1e-4)
    assert (best[:, :3] <= 1e-4).all()
    assert best[:, 3].isinf().all()


@pytest.mark.parametrize("distance", ["euclidean", "kl", "js"])
def test_all_are_compared_however_many_at_a_time(
    tagger: Tagger, distance: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    neighbours = memory(replace(RECALL, distance=distance)).among([PERSON, PLACE], tagger.network)
    units = tagger.network.gaussians(torch.randn(7, 16))
    owners = torch.tensor([0, 0, 0, 1, 1, 2])

    monkeypatch.setattr(remembered, "_AT_A_TIME", 2)
    best = neighbours.nearest(units)

    every = likeness(units, neighbours.units, distance)
    assert torch.allclose(best, torch.stack([every[:, owners == kind].amax(1) for kind in range(3)], 1), atol=1e-4)
    # Half precision does where the rest has it.
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.allclose(neighbours.nearest(units), best, atol=0.1)


def test_a_memory_of_nothing_that_is_asked_for_has_no_say(tagger: Tagger) -> None:
    only = replace(memory(), vectors=memory().vectors[:3], owners=memory().owners[:3])
    scores = torch.randn(4, 1)

    mixed = only.among([Label(name="band")], tagger.network).mixed(scores, tagger.network.gaussians(torch.randn(4, 16)))

    assert torch.equal(mixed, scores)


def test_scores_are_mixed_with_the_nearest_and_labels_without_keep_theirs(tagger: Tagger) -> None:
    neighbours = memory().among([PERSON, Label(name="band")], tagger.network)
    units = Gaussians(mean=torch.randn(4, 16), spread=torch.ones(4, 16))
    scores = torch.randn(4, 2)

    best, mixed = neighbours.nearest(units), neighbours.mixed(scores, units)

    assert torch.equal(mixed[:, 1], scores[:, 1])
    assert torch.allclose(mixed[:, 0], 0.5 * scores[:, 0] + 0.5 * (best[:, 1] - best[:, 0]))


def test_a_memory_comes_back_with_its_tagger(tagger: Tagger, tmp_path: Path) -> None:
    # Given a tagger that answers otherwise for what it remembers
    labels = [PERSON, PLACE]
    plain = Tagger(tagger.encoder, tagger.network, tagger.calibration)
    assert tagger.predict(TEXTS, labels) != plain.predict(TEXTS, labels)

    # When it is saved and loaded
    saved = artifact.save(tmp_path / "music", tagger, name="music", receipt={})
    loaded = artifact.load(tmp_path / "music")

    # Then it remembers the same
    assert artifact.check_files(tmp_path / "music") == saved
    assert loaded.memory is not None
    assert loaded.memory.recall == RECALL
    assert sorted(loaded.memory.owners.tolist()) == sorted(memory().owners.tolist())
    for one, other in zip(tagger.predict(TEXTS, labels), loaded.predict(TEXTS, labels), strict=True):
        assert [(s.start, s.end, s.label) for s in one.spans] == [(s.start, s.end, s.label) for s in other.spans]
        assert [s.score for s in one.spans] == pytest.approx([s.score for s in other.spans], abs=0.01)
    assert loaded.recalibrated(loaded.calibration).memory is loaded.memory


def test_units_that_are_missing_are_noticed(tagger: Tagger, tmp_path: Path) -> None:
    recall = replace(RECALL, labels=("person", "place", "band"))
    tagger.memory = replace(memory(), recall=RECALL)
    artifact.save(tmp_path / "music", tagger, name="music", receipt={})
    manifest = tmp_path / "music" / "tagger.json"
    text = manifest.read_text(encoding="utf-8")

    manifest.write_text(text.replace('"place"\n', '"place", "band"\n'), encoding="utf-8")

    assert artifact.read_manifest(tmp_path / "music").memory == recall
    with pytest.raises(BadArtifact, match="what it remembers of its examples is not whole"):
        artifact.load(tmp_path / "music")


@pytest.mark.parametrize("wrong", [{"distance": "cosine"}, {"transitions": [0.0]}, {"sharpness": 1}])
def test_a_recall_that_says_nothing_known_is_refused(wrong: dict[str, object], tagger: Tagger) -> None:
    raw = {"labels": ["person"], "share": 0.5, "distance": "js", "transitions": None}

    assert recall_of(raw).labels == ("person",)
    with pytest.raises((ValueError, TypeError)):
        recall_of(raw | wrong)
