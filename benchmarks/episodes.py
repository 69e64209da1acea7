"""N-way K~2K-shot episodes, drawn as Few-NERD's own sampler draws them.

Few-NERD (Ding et al., ACL 2021), section 4 and util/fewshotsampler.py. Owns which sentences make an episode, not what
is done with it. An episode depends on the seed and its number alone.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.errors import BadTrainingData

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.types import Document

#: Sets of types tried for one episode.
TRIES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """Types to find, sentences that show them, sentences to find them in."""

    labels: tuple[str, ...]
    support: tuple[Document, ...]
    query: tuple[Document, ...]


class EpisodeSampler:
    """Draws episodes over `types`; the documents' other types only reject the sentences that hold them."""

    def __init__(self, documents: Sequence[Document], types: Sequence[str], *, way: int, shots: int, seed: int) -> None:
        self._documents, self._types = documents, sorted(types)
        self._counts = [Counter(span.label for span in document.entities or ()) for document in documents]
        self._way, self._shots, self._seed = way, shots, seed
        if len(self._types) < way:
            raise BadTrainingData(f"{len(self._types)} types are too few for {way}-way episodes")

    def draw(self, number: int) -> Episode:
        """The episode of this number; raises BadTrainingData where the sentences do not suffice for any."""
        rng = random.Random(f"{self._seed}:{self._way}:{self._shots}:{number}")
        for _ in range(TRIES):
            labels = tuple(rng.sample(self._types, self._way))
            order = self._candidates(frozenset(labels))
            rng.shuffle(order)
            support = self._greedy(order, labels)
            rng.shuffle(order)
            taken = set(support)
            query = self._greedy([i for i in order if i not in taken], labels)
            if support and query:
                return Episode(labels=labels, support=self._of(support), query=self._of(query))
        raise BadTrainingData(f"no {self._way} types have sentences enough for {self._shots} shots")

    def _candidates(self, labels: frozenset[str]) -> list[int]:
        """Sentences with entities, all of them of these types; any other type rejects the sentence."""
        return [i for i, counts in enumerate(self._counts) if counts and counts.keys() <= labels]

    def _greedy(self, order: Sequence[int], labels: Sequence[str]) -> list[int]:
        """Sentences until each type has K entities, none above 2K; nothing where they run out before.

        Counts only grow, so a sentence that was turned down once would be turned down for ever: one pass in random
        order is the same as choosing at random again and again.
        """
        held: Counter[str] = Counter()
        kept: list[int] = []
        for i in order:
            own = self._counts[i]
            fits = all(held[label] + own[label] <= 2 * self._shots for label in own)
            if fits and any(held[label] < self._shots for label in own):
                kept.append(i)
                held += own
                if all(held[label] >= self._shots for label in labels):
                    return kept
        return []

    def _of(self, positions: Sequence[int]) -> tuple[Document, ...]:
        return tuple(self._documents[i] for i in positions)
