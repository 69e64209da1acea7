"""Taggers taught by a support set, each training done once.

Owns the knowledge that how a memory is read makes no difference to a training: methods that differ in nothing else
share one.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from models.tagger import Tagger
from models.training.extend import ExtendConfig, extend, pupil

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.types import Document, Label


@dataclass(slots=True)
class School:
    """The taggers that were taught by the last support set."""

    #: Base, examples and labels that were taught last.
    subject: tuple[Tagger, tuple[Document, ...], tuple[Label, ...]] | None = None
    taught: dict[ExtendConfig, tuple[Tagger, float]] = field(default_factory=dict)

    def teach(
        self, config: ExtendConfig, base: Tagger, support: Sequence[Document], labels: Sequence[Label]
    ) -> tuple[Tagger, float]:
        """The tagger, and the seconds that its training took."""
        if not support:
            return Tagger(
                base.encoder, pupil(base, config), base.calibration, device=base.device, dtype=base.dtype
            ), 0.0
        subject = (base, tuple(support), tuple(labels))
        if subject != self.subject:
            self.subject, self.taught = subject, {}
        lesson = replace(config, neighbours=1.0)
        if lesson not in self.taught:
            began = time.monotonic()
            with tempfile.TemporaryDirectory() as scratch:
                tagger = extend(lesson, base, support, labels, Path(scratch))
            self.taught[lesson] = (tagger, time.monotonic() - began)
        tagger, seconds = self.taught[lesson]
        return reading(tagger, config.neighbours), seconds


def reading(tagger: Tagger, share: float) -> Tagger:
    """The same tagger, its memory having such a share; spans without one need none."""
    assert tagger.memory is not None
    memory = replace(tagger.memory, recall=replace(tagger.memory.recall, share=share))
    kept = memory if share or tagger.network.config.scoring == "io" else None
    return Tagger(
        tagger.encoder, tagger.network, tagger.calibration, device=tagger.device, dtype=tagger.dtype, memory=kept
    )
