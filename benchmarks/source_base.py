"""A tagger that learnt label interpretation from Few-NERD's inter source alone, as papers on it have theirs.

Owns how phase 1 is held to one set. Four of its types are held out for choosing the calibration; where the tagger
may know them, a second training with all types follows and is read by that calibration.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from models import artifact
from models.encoder import load_encoder
from models.training.heldout import load_groups
from models.training.loop import LoopConfig, train
from models.training.phase1 import Phase1, Phase1Config, make_sampler, read_sentences
from models.training.sets import load_mix

if TYPE_CHECKING:
    from pathlib import Path

    from models.training.sets import Mix

SET = "fewnerd_inter"
#: Share of the training that is spent, before it, on choosing the calibration.
CALIBRATING = 0.25


def hidden_types() -> frozenset[str]:
    """Types of the source that are held out of training, until its last minutes with --everything."""
    return load_mix().hidden(SET)


def source_base(data: Path, folder: Path, loop: LoopConfig, *, all_types: bool) -> Path:
    """Folder of the tagger, trained under `folder` unless that was done before; goes on from its checkpoints."""
    target = folder / ("all-types" if all_types else "hidden-types")
    if target.exists():
        return target
    hiding = alone(load_mix())
    if all_types:
        calibration = _trained(data, folder / "calibrating", _shortened(loop), hiding).calibrated().calibration
        learning = folder / "learning"
        tagger = _trained(data, learning, loop, replace(hiding, held_out=()), watched=hiding).finished(calibration)
    else:
        learning = folder / "learning-hidden"
        tagger = _trained(data, learning, loop, hiding).calibrated()
    receipt = {"method": "phase 1 on one set", "set": SET, "steps": _steps(learning)}
    artifact.save(target, tagger, name=target.name, receipt=receipt)
    return target


def alone(mix: Mix) -> Mix:
    """The mix with one set, its held-out types and all that is forbidden."""
    held_out = tuple(group for group in mix.held_out if group.data_set == SET)
    return replace(mix, files={SET: mix.files[SET]}, weights={SET: 1.0}, held_out=held_out, familiar=())


def _trained(data: Path, folder: Path, loop: LoopConfig, mix: Mix, watched: Mix | None = None) -> Phase1:
    """Phase 1 on the mix; `watched` has the groups that are measured at its end, where these are not held out."""
    config = Phase1Config(loop=loop)
    encoder = load_encoder(config.base)
    sampler = make_sampler(config, read_sentences(data, mix, encoder), mix, encoder)
    recipe = Phase1(config, encoder, sampler, load_groups(data, watched or mix))
    train(recipe, loop, folder, resume=True, say=print)
    return recipe


def _shortened(loop: LoopConfig) -> LoopConfig:
    steps = None if loop.steps is None else max(1, int(loop.steps * CALIBRATING))
    return replace(loop, minutes=loop.minutes * CALIBRATING, steps=steps)


def _steps(folder: Path) -> int:
    """How many steps the training in a folder took."""
    last = (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()[-1]
    return int(json.loads(last)["step"])
