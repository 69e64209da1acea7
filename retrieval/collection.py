"""What of an example set goes into an index, under which name, and how it is known again.

Owns the plan of a collection and speaks to no index. A point is a run of rows of one example; its id is the run's
number + 1. Point 0 is the seal, which is written last and says what the collection holds.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from retrieval.encoding import pooled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from retrieval.examples import ExampleSet

#: Most words in one point. A longer example has several; an index takes about a million numbers a point.
LONGEST = 128
#: Most numbers in one batch of points: some ten megabytes on the wire, a third of what a server takes.
BATCH = 500_000
_PREFIX = "tagwerk"
_SHOWN = 16


class Layout(StrEnum):
    """What a point is."""

    #: A text, or up to 128 words of it: the vectors of its words together, and their mean.
    TEXTS = "texts"
    #: A word.
    WORDS = "words"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Collection:
    """An example set of a tenant as it lies in an index."""

    tenant: str
    examples: ExampleSet
    layout: Layout
    #: (points, 2): first row and the row after the last of each point.
    runs: NDArray[np.int64]
    #: (points,): which document each belongs to.
    owners: NDArray[np.int64]

    @property
    def name(self) -> str:
        """Another name for another tenant, set, encoder or layout."""
        return f"{prefix(self.tenant, self.examples.key)}{self.examples.fingerprint[:_SHOWN]}-{self.layout}"

    @property
    def size(self) -> int:
        """Points, not counting the seal."""
        return len(self.runs)

    def seal(self) -> dict[str, str | int]:
        """What the seal says of a collection that was filled to its end."""
        return {"key": self.examples.key, "fingerprint": self.examples.fingerprint, "points": self.size}

    def words(self, point: int) -> NDArray[np.float32]:
        """The (words, width) vectors of a point, by its number from 0."""
        first, last = self.runs[point]
        return self.examples.rows(first, last)

    def joined(self, points: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """The words of several points one after another, (words, width), and where each point's begin."""
        first, last = self.runs[points].T
        starts = np.cumsum(last - first) - (last - first)
        rows = np.repeat(first - starts, last - first) + np.arange((last - first).sum())
        return self.examples.vectors[rows].astype(np.float32), starts

    def probe(self, point: int) -> NDArray[np.float32]:
        """The one vector, (width,), that tells whether a point is as it should be."""
        words = self.words(point)
        return pooled(words) if self.layout is Layout.TEXTS else words[0]

    def batches(self) -> Iterator[range]:
        """All points, so many at a time as one request takes."""
        most = max(LONGEST, BATCH // self.examples.width)
        first, used = 0, 0
        for point, (begin, end) in enumerate(self.runs):
            if used + end - begin > most:
                yield range(first, point)
                first, used = point, 0
            used += end - begin
        yield range(first, self.size)


def plan(examples: ExampleSet, *, tenant: str, layout: Layout) -> Collection:
    """Cut a set into points."""
    longest = LONGEST if layout is Layout.TEXTS else 1
    bounds = examples.bounds
    starts = [np.arange(first, last, longest) for first, last in pairwise(bounds)]
    owners = np.repeat(np.arange(len(starts)), [len(each) for each in starts])
    first = np.concatenate(starts)
    runs = np.stack([first, np.minimum(first + longest, bounds[owners + 1])], axis=1)
    return Collection(tenant=tenant, examples=examples, layout=layout, runs=runs, owners=owners)


def prefix(tenant: str, key: str | None = None) -> str:
    """How the names of a tenant's collections begin: all of them, or those of one example set."""
    owner = hashlib.sha256(tenant.encode()).hexdigest()[:_SHOWN]
    return f"{_PREFIX}-{owner}-" + (f"{key[:_SHOWN]}-" if key else "")
