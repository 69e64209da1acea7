"""The real runtime on the shipped tagger: loaded once, kept, and given up for another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jobs.errors import UnknownEngine
from models.errors import BadArtifact
from models.shipped import SHIPPED
from models.types import Label
from workers import runtime as module
from workers.runtime import Runtime
from workers.settings import WorkerSettings

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT = SHIPPED / "default"
TEXTS = ["Glass Harbour played in Oslo", "", "Nobody came", "It rained on the Northern Weather tour"]
LABELS = [Label(name="band", description="a music group"), Label(name="city", description="a large town")]


@pytest.fixture(scope="module")
def runtime() -> Runtime:
    """One for all tests that leave it as it is: loading takes seconds."""
    return Runtime(WorkerSettings(device="cpu", dtype="float32", batch_pieces=16))


def test_every_text_comes_back_once_batch_by_batch(runtime: Runtime) -> None:
    batches = list(runtime.tag("biencoder", DEFAULT, TEXTS, LABELS))

    outcomes = [outcome for batch in batches for outcome in batch]
    assert sorted(outcome.index for outcome in outcomes) == [0, 1, 2, 3]
    assert all(outcome.prediction is not None for outcome in outcomes)
    assert len([batch for batch in batches if batch]) > 1


def test_a_tagger_is_loaded_once(runtime: Runtime) -> None:
    assert runtime.tagger(DEFAULT) is runtime.tagger(DEFAULT)


def test_the_margin_is_the_taggers_own(runtime: Runtime) -> None:
    assert runtime.margin(DEFAULT) == runtime.tagger(DEFAULT).calibration.margin


def test_device_and_format_are_the_settings_words(runtime: Runtime) -> None:
    assert (str(runtime.device), str(runtime.dtype)) == ("cpu", "torch.float32")
    assert runtime.tagger(DEFAULT).device == runtime.device


def test_what_is_not_there_is_refused_before_anything_is_tagged(runtime: Runtime) -> None:
    with pytest.raises(BadArtifact):
        runtime.tag("biencoder", SHIPPED / "jazz", TEXTS, LABELS)
    with pytest.raises(UnknownEngine):
        runtime.tag("oracle", DEFAULT, TEXTS, LABELS)


def test_the_tagger_used_longest_ago_makes_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given room for two taggers, and three of them
    monkeypatch.setattr(module, "LOADED", 2)
    for name in ("b", "c"):
        (tmp_path / name).symlink_to(SHIPPED / "default")
    runtime = Runtime(WorkerSettings(device="cpu"))

    # When the first is used again before the third comes
    first, second = runtime.tagger(DEFAULT), runtime.tagger(tmp_path / "b")
    runtime.tagger(DEFAULT)
    third = runtime.tagger(tmp_path / "c")

    # Then the first and the third are kept, the second is loaded anew
    assert runtime.tagger(DEFAULT) is first
    assert runtime.tagger(tmp_path / "c") is third
    assert runtime.tagger(tmp_path / "b") is not second


def test_a_pupil_is_the_tagger_itself_unless_its_format_is_too_coarse_to_learn_in(runtime: Runtime) -> None:
    coarse = Runtime(WorkerSettings(device="cpu", dtype="float16"))

    assert runtime.pupil(DEFAULT) is runtime.tagger(DEFAULT)
    assert str(coarse.tagger(DEFAULT).dtype) == "torch.float16"
    assert str(coarse.pupil(DEFAULT).dtype) == "torch.float32"
    assert coarse.pupil(DEFAULT).network is coarse.tagger(DEFAULT).network


def test_how_much_an_adaptation_trains_is_set() -> None:
    usual = Runtime(WorkerSettings()).extension()
    small = Runtime(WorkerSettings(adapt_minutes=1.5, adapt_steps=7)).extension()

    assert (usual.minutes, usual.most_steps, usual.least_steps) == (20, 1500, 40)
    assert (small.minutes, small.most_steps, small.least_steps) == (1.5, 7, 7)
