"""Phase 2: a tagger learns new labels from a handful of sentences, keeps what it knew, and survives a kill."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest
import torch

from models import artifact
from models.scores import score
from models.tagger import Tagger
from models.tagging import network_of
from models.training.contrastive import contrastive, framework
from models.training.contrasts import ContrastConfig
from models.training.extend import ExtendConfig, Extension, extend
from models.training.loop import losses
from models.types import Label
from tests.models.building import tiny_tagger
from tests.models.training.support_set import PERSON, PLACE, documents

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from models.encoder import Encoder

#: A small network learns faster, from fewer and larger steps.
CONFIG = ExtendConfig(passes=30, least_steps=60, budget=256, encoder_rate=3e-3, head_rate=1e-2, dropout=0.0, blend=1.0)
LABELS = [PERSON, PLACE]


class Killed(Exception):
    """The process dies here."""


@pytest.fixture
def base(tiny: Encoder) -> Tagger:
    """An untrained tagger of this test's own."""
    return tiny_tagger(tiny)


def with_labels_behind(config: ExtendConfig) -> ExtendConfig:
    """As contrastive, its passages read with the labels behind them."""
    return replace(contrastive(config), suffix=True)


def f1(tagger: Tagger, seed: int) -> float:
    unseen = documents(12, seed)
    found = tagger.predict([each.text for each in unseen], LABELS)
    return score([each.entities or () for each in unseen], [each.spans for each in found]).f1


def test_it_learns_what_the_examples_show(base: Tagger, tmp_path: Path) -> None:
    before = {name: weight.clone() for name, weight in base.network.state_dict().items()}

    tagger = extend(CONFIG, base, documents(20), LABELS, tmp_path)

    assert f1(base, seed=5) < 0.3
    assert f1(tagger, seed=5) > 0.8
    # And the base is as it was: other jobs go on using it.
    assert all(torch.equal(weight, before[name]) for name, weight in base.network.state_dict().items())


def test_a_killed_extension_goes_on_where_it_was(base: Tagger, tmp_path: Path) -> None:
    # Given an extension that runs through, and one that is killed twice
    config = replace(CONFIG, checkpoint_minutes=0.0, least_steps=20, passes=1)
    whole = extend(config, base, documents(8), LABELS, tmp_path / "whole")
    for at in (0.4, 0.7):
        with pytest.raises(Killed):
            extend(config, base, documents(8), LABELS, tmp_path / "killed", watch=partial(_die, at))

    # When it is run again
    resumed = extend(config, base, documents(8), LABELS, tmp_path / "killed")

    # Then both end with the same weights
    pairs = zip(whole.network.state_dict().values(), resumed.network.state_dict().values(), strict=True)
    assert all(torch.allclose(one, two, atol=1e-5) for one, two in pairs)


def test_rehearsal_keeps_answers_about_other_labels(base: Tagger, tmp_path: Path) -> None:
    """Without it the network drifts farther from what the base says of labels that it was not asked about."""
    drift = {}
    for weight in (0.0, 4.0):
        config = replace(CONFIG, least_steps=40, passes=1, rehearsal=weight)
        tagger = extend(config, base, documents(8), LABELS, tmp_path / str(weight))
        drift[weight] = _distance(base, tagger, config)

    assert drift[4.0] < drift[0.0]


def test_the_weights_lie_between_the_base_and_what_was_learnt(base: Tagger, tmp_path: Path) -> None:
    blends = (0.0, 0.5, 1.0)
    config = replace(CONFIG, least_steps=5, passes=0)

    none, half, all_ = (extend(replace(config, blend=b), base, documents(4), LABELS, tmp_path / str(b)) for b in blends)

    for name, weight in half.network.state_dict().items():
        start, end = none.network.state_dict()[name], all_.network.state_dict()[name]
        assert torch.equal(start, base.network.state_dict()[name])
        assert torch.allclose(weight, (start + end) / 2, atol=1e-6)


@pytest.mark.parametrize(("examples", "steps"), [(1, 60), (40, 90), (1000, 300)])
def test_steps_follow_from_the_examples(base: Tagger, examples: int, steps: int) -> None:
    config = replace(CONFIG, most_steps=300)

    recipe = Extension(config, base, documents(examples), LABELS)

    assert config.least_steps <= recipe.steps <= 300
    assert recipe.steps == pytest.approx(steps, rel=0.3)


def test_scores_need_no_shift_any_more(tiny: Encoder, tmp_path: Path) -> None:
    base = tiny_tagger(tiny, shift=1.5, temperature=2.0, threshold=0.25)

    tagger = extend(replace(CONFIG, least_steps=1, passes=0), base, documents(2), LABELS, tmp_path)

    assert (tagger.calibration.shift, tagger.calibration.temperature) == (0.0, 1.0)
    assert tagger.calibration.threshold == CONFIG.threshold != base.calibration.threshold


@pytest.mark.parametrize("kind", [contrastive, framework, with_labels_behind])
def test_contrast_learns_too_and_its_tagger_can_be_kept(
    base: Tagger, tmp_path: Path, kind: Callable[[ExtendConfig], ExtendConfig]
) -> None:
    tagger = extend(kind(CONFIG), base, documents(20), LABELS, tmp_path / "work")
    artifact.save(tmp_path / "tagger", tagger, name="music", receipt={})

    kept = artifact.load(tmp_path / "tagger")

    assert f1(tagger, seed=5) > 0.8
    assert f1(kept, seed=5) == pytest.approx(f1(tagger, seed=5), abs=0.1)
    # Labels that nobody gave examples of can be asked for.
    assert kept.predict(["Anna lives in Bern ."], [Label(name="band")])


@pytest.mark.parametrize("kind", [contrastive, framework, with_labels_behind])
def test_what_an_extension_adds_to_the_network_changes_nothing_yet(
    base: Tagger, kind: Callable[[ExtendConfig], ExtendConfig]
) -> None:
    recipe = Extension(kind(CONFIG), base, documents(4), LABELS)

    began = dict(base.network.named_parameters())
    assert all(torch.equal(weight, began[name]) for name, weight in recipe.module.named_parameters() if name in began)
    assert recipe.module.encoder is not base.network.encoder


def test_words_that_begin_and_go_on_are_extended_without_contrast(tiny: Encoder, tmp_path: Path) -> None:
    plain = tiny_tagger(tiny)
    network = network_of(tiny, replace(plain.network.config, scoring="bio"))
    base = Tagger(tiny, network, plain.calibration)

    tagger = extend(contrastive(replace(CONFIG, least_steps=2, passes=0)), base, documents(4), LABELS, tmp_path)

    assert tagger.memory is None
    assert tagger.predict(["Anna lives in Bern ."], LABELS)


def test_a_killed_contrastive_extension_goes_on_where_it_was(base: Tagger, tmp_path: Path) -> None:
    contrast = ContrastConfig(distance="js", outside=True)
    config = replace(CONFIG, checkpoint_minutes=0.0, least_steps=12, passes=1, contrast=contrast, spread=True)
    whole = extend(config, base, documents(8), LABELS, tmp_path / "whole")
    with pytest.raises(Killed):
        extend(config, base, documents(8), LABELS, tmp_path / "killed", watch=partial(_die, 0.5))

    resumed = extend(config, base, documents(8), LABELS, tmp_path / "killed")

    pairs = zip(whole.network.state_dict().values(), resumed.network.state_dict().values(), strict=True)
    assert all(torch.allclose(one, two, atol=1e-5) for one, two in pairs)


def test_the_examples_may_be_learnt_until_the_loss_rises(base: Tagger, tmp_path: Path) -> None:
    config = replace(CONFIG, encoder_rate=1.0, head_rate=1.0, patience=1)

    extend(config, base, documents(8), LABELS, tmp_path)

    assert len(losses(tmp_path)) < config.least_steps


def _die(at: float, done: float) -> None:
    if done >= at:
        raise Killed


def _distance(base: Tagger, tagger: Tagger, config: ExtendConfig) -> float:
    recipe = Extension(replace(config, rehearsal=1.0, rehearsed_labels=40), base, documents(8, seed=9), LABELS)
    recipe.module = tagger.network
    with torch.no_grad():
        together = recipe.loss(0)
        recipe.config = replace(recipe.config, rehearsal=0.0)
        return float(together - recipe.loss(0))
