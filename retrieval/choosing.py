"""Which of the nearest examples are shown: none that repeats the text or another, and many labels if so wished.

Owns the choice among candidates that a search ranked; pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrieval.overlap import Wording, near_duplicates, wording

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from models.types import Document


class Chooser:
    """Chooses `k` of an example set's documents by their rank; remembers how they are worded."""

    def __init__(self, documents: Sequence[Document], *, k: int, coverage: bool) -> None:
        self._documents = documents
        self._k = k
        self._coverage = coverage
        self._wordings: dict[int, Wording] = {}
        #: How many candidates are looked at.
        self.pool = 5 * k if coverage else k

    def candidates(self, text: str, ranked: Iterable[int]) -> list[int]:
        """The first of the ranked examples that repeat neither the text nor one before them."""
        kept: list[int] = []
        shown = [wording(text)]
        for number in ranked:
            if len(kept) == self.pool:
                break
            mine = self._wording(number)
            if not any(near_duplicates(mine, other) for other in shown):
                kept.append(number)
                shown.append(mine)
        return kept

    def chosen(self, candidates: Sequence[int]) -> tuple[Document, ...]:
        """At most `k` of the candidates, the nearest first."""
        picked = self._covering(candidates) if self._coverage else candidates[: self._k]
        return tuple(self._documents[number] for number in picked)

    def _covering(self, candidates: Sequence[int]) -> list[int]:
        """Greedily: the nearest, then each time the nearest with a label not yet shown, or the nearest left."""
        left = list(candidates)
        picked: list[int] = []
        seen: set[str] = set()
        while left and len(picked) < self._k:
            fresh = (number for number in left if picked and self._labels(number) - seen)
            number = next(fresh, left[0])
            left.remove(number)
            picked.append(number)
            seen |= self._labels(number)
        return sorted(picked, key=candidates.index)

    def _labels(self, number: int) -> set[str]:
        return {span.label for span in self._documents[number].entities or ()}

    def _wording(self, number: int) -> Wording:
        if number not in self._wordings:
            self._wordings[number] = wording(self._documents[number].text)
        return self._wordings[number]
