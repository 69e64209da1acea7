"""An adaptation from examples to a tagger and its receipt: what it is worth, what it learnt, what it forgot.

Owns the order of the steps, the verdict and the receipt; checking the examples beforehand, and what becomes of the
tagger, are the caller's.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from models.control import control
from models.scores import score
from models.training import judging
from models.training.course import Course
from models.training.extend import extend
from models.training.judging import answers, calibrated, hold_out

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from models.tagger import Tagger
    from models.training.extend import ExtendConfig
    from models.types import Document, Label

#: Most of its F1 on the control set, as a fraction, that a tagger may lose, unless it gained more elsewhere.
FORGOTTEN = 0.10
#: Picture of the course of the training that counts, below `learning`.
PICTURE = "course.png"
#: What the work is doing, in order.
STAGES = ("judging", "learning", "comparing")
#: What became of the tagger; `unknown` is neither better nor worse as far as anybody can tell.
BETTER, WORSE, UNKNOWN = "better", "worse", "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapted:
    """A tagger that was taught by examples."""

    tagger: Tagger
    #: Plain values that JSON can hold; `verdict` is `better`, `worse` or `unknown`.
    receipt: dict[str, Any]


class Clock:
    """Seconds that the work has taken, over all its runs in a folder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / "seconds"
        self._before = float(self._file.read_text()) if self._file.exists() else 0.0
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        """So many up to now."""
        return self._before + time.monotonic() - self._began

    def keep(self) -> None:
        """Let the next run know, should this one be killed."""
        partial = self._file.with_suffix(".partial")
        partial.write_text(repr(self.seconds))
        partial.replace(self._file)


def adapt(
    config: ExtendConfig,
    base: Tagger,
    examples: Sequence[Document],
    labels: Sequence[Label],
    folder: Path,
    watch: Callable[[str, float], None],
) -> Adapted:
    """Extend a tagger by examples that were checked; `folder` keeps what a killed run goes on from.

    `watch` is told which of `STAGES` is done to which share, in [0, 1]; what it raises ends the work.
    """
    clock = Clock(folder)

    def tell(stage: str, share: float) -> None:
        clock.keep()
        watch(stage, share)

    judged = hold_out(config, base, examples, labels, folder / "judging", lambda done: tell("judging", done))
    learning = folder / "learning"
    taught = extend(config, base, examples, labels, learning, watch=lambda done: tell("learning", done))
    tagger = taught.recalibrated(calibrated(taught.calibration, judged))
    tell("comparing", 0.0)
    held_out = judging.receipt(judged, labels, tagger.calibration.threshold)
    forgetting = _forgetting(base, tagger)
    course = Course.of(learning)
    course.draw(learning / PICTURE)
    receipt = {
        **held_out,
        "labels": described(labels, examples, held_out.get("labels", {})),
        "examples": len(examples),
        "encoder": base.encoder.name,
        "config": asdict(config),
        "forgetting": forgetting,
        "verdict": verdict(held_out, forgetting),
        **course.told(),
        "seconds": round(clock.seconds, 1),
    }
    return Adapted(tagger=tagger, receipt=receipt)


def verdict(held_out: dict[str, Any], forgetting: dict[str, Any]) -> str:
    """Whether a tagger is better than its base by held-out F1, unless it forgot much, and more than it learnt."""
    lost = forgetting["before"] - forgetting["after"]
    gained = held_out["after"]["f1"] - held_out["before"]["f1"] if "after" in held_out else 0.0
    if lost > FORGOTTEN and lost > gained:
        return WORSE
    if gained == 0:
        return UNKNOWN
    return BETTER if gained > 0 else WORSE


def _forgetting(base: Tagger, tagger: Tagger) -> dict[str, Any]:
    documents, labels = control()
    gold = [document.entities or () for document in documents]
    before, after = (score(gold, answers(each, documents, labels, None)).f1 for each in (base, tagger))
    entities = sum(len(spans) for spans in gold)
    return {"documents": len(documents), "entities": entities, "before": before, "after": after}


def described(
    labels: Sequence[Label], examples: Sequence[Document], scores: dict[str, dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Each label as a receipt has it: what it means, how many examples it has, its scores."""
    counts = Counter(span.label for document in examples for span in document.entities or ())
    return {
        label.name: {
            "description": label.description,
            "threshold": label.threshold,
            "entities": counts[label.name],
            **scores.get(label.name, {}),
        }
        for label in labels
    }
