"""The course of a training as numbers and as a picture: what a receipt says of its losses and gradients.

Owns what is made of the two series that the loop keeps; when steps are taken is the loop's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from models.training.plotting import draw_course

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

CHECKPOINT = "checkpoint.pt"
#: Most points of a curve.
POINTS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """Loss and norm of the gradient, before it is clipped, of each step that a checkpoint keeps."""

    losses: tuple[float, ...]
    norms: tuple[float, ...]

    @classmethod
    def of(cls, folder: Path) -> Course:
        """That of the training whose checkpoint lies in a folder."""
        state = torch.load(folder / CHECKPOINT, weights_only=True, mmap=True)
        # Checkpoints of before gradients were kept have none.
        return cls(losses=tuple(state["losses"]), norms=tuple(state.get("norms", ())))

    def told(self) -> dict[str, Any]:
        """What a receipt says: steps, both curves, and the largest norm; plain values."""
        largest = {"largest_gradient_norm": round(max(self.norms), 4)} if self.norms else {}
        curves = {"loss": points(self.losses), "gradient_norm": points(self.norms)}
        return {"steps": len(self.losses), **curves, **largest}

    def draw(self, picture: Path) -> Path | None:
        """Both curves as a picture; returns it, None where nothing can be drawn."""
        return draw_course(self.losses, self.norms, picture)


def points(curve: Sequence[float]) -> list[list[float]]:
    """The curve as at most `POINTS` means over equal stretches, each with the step that its stretch ends at."""
    ends = sorted({len(curve) * point // POINTS for point in range(1, POINTS + 1)} - {0})
    stretches = zip([0, *ends], ends, strict=False)
    return [[end, round(sum(curve[start:end]) / (end - start), 4)] for start, end in stretches]
