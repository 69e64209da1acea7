"""The course of a training as a picture: loss and gradients of the steps, and held-out F1 where it was measured.

Owns the pictures alone. Needs matplotlib, which the extra `train` brings; without it there is only the log.
"""

from __future__ import annotations

import importlib.util
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.figure import Figure

#: The picture's name, beside the log.
PICTURE = "log.png"
#: Key of the log's lines that is drawn against the right axis.
FIGURE = "held_out_f1"

#: Key of the log's lines that is drawn beside the loss.
GRADIENT = "gradient_norm"


def can_draw() -> bool:
    """Whether matplotlib is installed."""
    return importlib.util.find_spec("matplotlib") is not None


def draw(log: Path) -> Path | None:
    """Draw a `log.jsonl` as `log.png` beside it; returns the picture, None where nothing can be drawn."""
    entries: list[dict[str, Any]] = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    if not entries or not can_draw():
        return None
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    losses = figure.add_subplot()
    losses.set(xlabel="step", ylabel="loss; dotted: norm of the gradient")
    losses.plot([entry["step"] for entry in entries], [entry["loss"] for entry in entries], "o-", color="tab:gray")
    sloped = [entry for entry in entries if GRADIENT in entry]
    losses.plot([entry["step"] for entry in sloped], [entry[GRADIENT] for entry in sloped], ":", color="tab:gray")
    scores = losses.twinx()
    scores.set(ylabel="strict F1, held-out types", ylim=(0, 1))
    measured = [entry for entry in entries if FIGURE in entry]
    scores.plot([entry["step"] for entry in measured], [entry[FIGURE] for entry in measured], "o-")
    return _written(figure, log.with_name(PICTURE))


def draw_course(losses: Sequence[float], norms: Sequence[float], picture: Path) -> Path | None:
    """Draw loss and norm of the gradient of every step; returns the picture, None where nothing can be drawn."""
    if not losses or not can_draw():
        return None
    from matplotlib.figure import Figure

    picture.parent.mkdir(parents=True, exist_ok=True)
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    left = figure.add_subplot()
    left.set(xlabel="step", ylabel="loss")
    left.plot(range(1, len(losses) + 1), losses, color="tab:gray")
    right = left.twinx()
    right.set(ylabel="norm of the gradient, before it is clipped")
    right.plot(range(1, len(norms) + 1), norms, linewidth=0.8)
    return _written(figure, picture)


def _written(figure: Figure, picture: Path) -> Path:
    partial = picture.with_name(f".{picture.name}")
    figure.savefig(partial, dpi=120, format="png", metadata={"Software": None})
    partial.replace(picture)
    return picture
