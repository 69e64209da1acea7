"""The training loop that every recipe shares: time budget, schedule, checkpoints, resuming.

Owns when a step is taken, at which rate, and what survives a kill; what a step learns is the recipe's.
"""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor, nn

from models.errors import TrainingDiverged
from models.training.course import CHECKPOINT, Course
from models.training.plotting import draw

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


#: Losses that a checkpoint keeps, the last ones, and how many of them a measurement averages.
KEPT_LOSSES = 10_000
RECENT_LOSSES = 200
#: A training has run away where the mean loss of so many steps is so many times that of its first ones, and a nat more.
#: Losses fall, and what one batch or a warm-up does to them is gone after a few steps; three times worse than untrained
#: is nothing that a falling rate mends. The nat is for trainings that begin with next to nothing left to learn.
RUNAWAY_STEPS = 20
RUNAWAY = 3.0
RUNAWAY_SLACK = 1.0
LOG = "log.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopConfig:
    """Budget and schedule."""

    #: Most minutes of training.
    minutes: float
    #: Most steps; None for as many as the minutes allow.
    steps: int | None = None
    warmup: float = 0.03
    clip: float = 1.0
    #: Minutes between checkpoints, and between measurements (0 for none).
    checkpoint_minutes: float = 2.0
    measure_minutes: float = 10.0
    #: Ends the training after so many steps in a row without a loss lower than all before; 0 for never. CONTaiNER (Das
    #: et al., ACL 2022, section 3.4) stops its fine-tuning at the first.
    patience: int = 0


class Recipe(Protocol):
    """What the loop needs of a kind of training."""

    @property
    def module(self) -> nn.Module:
        """What is trained."""

    @property
    def optimizer(self) -> torch.optim.Optimizer:
        """What takes the steps."""

    def loss(self, step: int) -> Tensor:
        """The loss of step `step`, ready for `backward`."""

    def measure(self) -> dict[str, Any]:
        """Held-out figures of the module as it is, as plain values; `f1` decides nothing here."""


def rate(progress: float, warmup: float) -> float:
    """Share of the peak learning rate at `progress` in [0, 1]: a linear rise, then half a cosine to zero."""
    if progress < warmup:
        return progress / warmup
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (progress - warmup) / (1 - warmup))))


def train(
    recipe: Recipe,
    config: LoopConfig,
    folder: Path,
    *,
    resume: bool,
    say: Callable[[str], None],
    watch: Callable[[float], None] | None = None,
) -> None:
    """Train until the minutes or the steps are used; writes `log.jsonl` and `checkpoint.pt` under `folder`.

    A recipe that measures gets `log.png` too, where matplotlib is installed.

    With `resume`, goes on from the checkpoint if there is one; minutes count training time alone, over all runs.
    `watch` is told after every step how much of the budget is used, in [0, 1]; what it raises ends the run.
    Raises TrainingDiverged before the step that would take a loss or a gradient that is no number, and where the loss
    has run away.
    """
    _Run(recipe, config, folder, say, watch).go(resume=resume)


def losses(folder: Path) -> list[float]:
    """Loss of each step of the training that `folder` keeps, of the last `KEPT_LOSSES` where there were more."""
    return [*Course.of(folder).losses]


class _Run:
    def __init__(
        self,
        recipe: Recipe,
        config: LoopConfig,
        folder: Path,
        say: Callable[[str], None],
        watch: Callable[[float], None] | None,
    ) -> None:
        self.recipe, self.config, self.folder, self.say, self.watch = recipe, config, folder, say, watch
        self.step, self.elapsed = 0, 0.0
        self.losses: list[float] = []
        self.norms: list[float] = []
        #: Mean of the first `RUNAWAY_STEPS` losses, once there are so many.
        self.began: float | None = None
        self.peaks = [group["lr"] for group in recipe.optimizer.param_groups]
        folder.mkdir(parents=True, exist_ok=True)

    def go(self, *, resume: bool) -> None:
        if resume and (self.folder / CHECKPOINT).is_file():
            self._load()
        saved, measured = self.elapsed, self.elapsed
        while (progress := self._progress()) < 1:
            began = time.monotonic()
            self._step(progress)
            self.elapsed += time.monotonic() - began
            if self.watch is not None:
                self.watch(self._progress())
            if self.elapsed - saved >= self.config.checkpoint_minutes * 60:
                self._save()
                saved = self.elapsed
            if 0 < self.config.measure_minutes * 60 <= self.elapsed - measured:
                self._measure()
                measured = self.elapsed
        self._save()
        self._measure()

    def _progress(self) -> float:
        """Share of the budget that is used, by whichever of its two limits is nearer; all where patience is."""
        if self._exhausted():
            return 1.0
        budget = self.config.minutes * 60
        timed = self.elapsed / budget if budget else 1.0
        stepped = self.step / max(1, self.config.steps) if self.config.steps is not None else 0.0
        return min(1.0, max(timed, stepped))

    def _exhausted(self) -> bool:
        patience = self.config.patience
        if not patience or len(self.losses) <= patience:
            return False
        return min(self.losses[-patience:]) >= min(self.losses[:-patience])

    def _step(self, progress: float) -> None:
        optimizer = self.recipe.optimizer
        for group, peak in zip(optimizer.param_groups, self.peaks, strict=True):
            group["lr"] = peak * rate(progress, self.config.warmup)
        loss = self.recipe.loss(self.step)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self.recipe.module.parameters(), self.config.clip)
        self._keep(loss.item(), norm.item())
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        self.step += 1

    def _keep(self, loss: float, norm: float) -> None:
        """Keep a step's loss and gradient; raises TrainingDiverged."""
        if not (math.isfinite(loss) and math.isfinite(norm)):
            raise TrainingDiverged(f"step {self.step}: the loss is {loss}, the norm of its gradient {norm}")
        self.losses.append(loss)
        self.norms.append(norm)
        if len(self.losses) < RUNAWAY_STEPS:
            return
        recent = sum(self.losses[-RUNAWAY_STEPS:]) / RUNAWAY_STEPS
        if self.began is None:
            self.began = recent
        if recent > RUNAWAY * max(0.0, self.began) + RUNAWAY_SLACK:
            raise TrainingDiverged(
                f"step {self.step}: the loss of the last {RUNAWAY_STEPS} steps is {recent:.4g} on average, and was "
                f"{self.began:.4g} at the beginning"
            )

    def _measure(self) -> None:
        found = self.recipe.measure()
        recent, norms = self.losses[-RECENT_LOSSES:], self.norms[-RECENT_LOSSES:]
        entry = {
            "step": self.step,
            "minutes": round(self.elapsed / 60, 2),
            "loss": round(sum(recent) / max(1, len(recent)), 4),
            "gradient_norm": round(sum(norms) / max(1, len(norms)), 4),
            **found,
        }
        with (self.folder / LOG).open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(entry) + "\n")
        if found:
            draw(self.folder / LOG)
        self.say(json.dumps(entry))

    def _save(self) -> None:
        partial = self.folder / "checkpoint.partial"
        state = {
            "step": self.step,
            "elapsed": self.elapsed,
            "losses": self.losses[-KEPT_LOSSES:],
            "norms": self.norms[-KEPT_LOSSES:],
            "began": self.began,
            "module": self.recipe.module.state_dict(),
            "optimizer": self.recipe.optimizer.state_dict(),
        }
        torch.save(state, partial)
        partial.replace(self.folder / CHECKPOINT)

    def _load(self) -> None:
        state = torch.load(self.folder / CHECKPOINT, weights_only=True)
        self.recipe.module.load_state_dict(state["module"])
        self.recipe.optimizer.load_state_dict(state["optimizer"])
        self.step, self.elapsed, self.losses = state["step"], state["elapsed"], state["losses"]
        # Not in checkpoints of before they were kept.
        self.norms, self.began = state.get("norms", []), state.get("began")
        self.say(f"resumed at step {self.step}, {self.elapsed / 60:.1f} minutes in")
