"""Gathering complaints while a file streams by: the first 20 by line are kept, all are counted."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from corpora.errors import KEPT_PROBLEMS, Problem

if TYPE_CHECKING:
    from collections.abc import Sequence


def _place(problem: Problem) -> float:
    return math.inf if problem.line is None else problem.line


class Problems:
    """A collector in bounded memory; complaints about the file as a whole come after those about lines."""

    def __init__(self) -> None:
        self.total = 0
        self._kept: list[Problem] = []

    def __bool__(self) -> bool:
        return self.total > 0

    def add(self, problem: Problem) -> None:
        """Count one complaint, and keep it if it is among the first."""
        self.extend([problem], total=1)

    def extend(self, problems: Sequence[Problem], *, total: int) -> None:
        """Count `total` complaints, of which `problems` are the first by line."""
        self.total += total
        self._kept = sorted([*self._kept, *problems], key=_place)[:KEPT_PROBLEMS]

    @property
    def kept(self) -> tuple[Problem, ...]:
        """The first complaints, by line."""
        return tuple(self._kept)
