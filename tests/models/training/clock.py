"""A clock for the training loop, so that a run takes as many steps on a busy machine as on a quick one."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import TYPE_CHECKING

from models.training import loop

if TYPE_CHECKING:
    import pytest


def tick(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Let every step of training take so many seconds, and all else no time."""
    readings = itertools.count()
    # The loop reads its clock before and after each step, and leaves out what passes between steps.
    clock = SimpleNamespace(monotonic=lambda: next(readings) * seconds)
    monkeypatch.setattr(loop, "time", clock)
