"""A tagger that learnt label interpretation from Few-NERD's inter source alone, as papers on it have theirs.

Owns how phase 1 is held to one set. Four of its types are held out for choosing the calibration; where the tagger
may know them, a second training with all types follows and is read by that calibration.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from models import artifact
from models.devices import best_device, working_dtype
from models.encoder import load_encoder
from models.training.heldout import load_groups
from models.training.loop import LoopConfig, train
from models.training.phase1 import Phase1, Phase1Config, make_sampler
from models.training.sets import load_mix

if TYPE_CHECKING:
    from pathlib import Path

    from models.tagger import Calibration, Tagger
    from models.training.sets import Mix

SET = "fewnerd_inter"
#: Share of the training that is spent, before it, on choosing the calibration.
CALIBRATING = 0.25


def hidden_types() -> frozenset[str]:
    """Types of the source that the shipped taggers have never been shown."""
    return load_mix().hidden(SET)


def source_base(data: Path, folder: Path, loop: LoopConfig, *, all_types: bool) -> Tagger:
    """The tagger that `folder` holds, trained now unless that was done before; goes on from its checkpoints."""
    target = folder / ("all-types" if all_types else "hidden-types")
    if not target.exists():
        mix = alone(load_mix())
        if all_types:
            first = _trained(data, folder / "calibrating", _shortened(loop), mix)
            calibration = first.calibrated().calibration
            recipe = _trained(data, folder / "learning", loop, replace(mix, held_out=()), watched=mix)
            _save(target, recipe, calibration)
        else:
            recipe = _trained(data, folder / "learning-hidden", loop, mix)
            _save(target, recipe, recipe.calibrated().calibration)
    device = best_device()
    return artifact.load(target, device=device, dtype=working_dtype(device))


def alone(mix: Mix) -> Mix:
    """The mix with one set, its held-out types and all that is forbidden."""
    held_out = tuple(group for group in mix.held_out if group.data_set == SET)
    return replace(mix, files={SET: mix.files[SET]}, weights={SET: 1.0}, held_out=held_out, familiar=())


def _trained(data: Path, folder: Path, loop: LoopConfig, mix: Mix, watched: Mix | None = None) -> Phase1:
    """Phase 1 on the mix; `watched` has the groups that are measured at its end, where these are not held out."""
    config = Phase1Config(loop=loop)
    encoder = load_encoder(config.base)
    sampler = make_sampler(config, data, mix, encoder)
    recipe = Phase1(config, encoder, sampler, load_groups(data, watched or mix))
    train(recipe, loop, folder, resume=True, say=print)
    return recipe


def _shortened(loop: LoopConfig) -> LoopConfig:
    steps = None if loop.steps is None else max(1, int(loop.steps * CALIBRATING))
    return replace(loop, minutes=loop.minutes * CALIBRATING, steps=steps)


def _save(target: Path, recipe: Phase1, calibration: Calibration) -> None:
    steps = recipe.optimizer.state_dict()["state"]
    receipt = {"method": "phase 1 on one set", "set": SET, "steps": int(next(iter(steps.values()))["step"])}
    artifact.save(target, recipe.finished(calibration), name=target.name, receipt=receipt)
