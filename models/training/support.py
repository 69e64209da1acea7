"""A support set: labelled documents as passages with word spans, split for estimates, drawn as batches.

Owns what few-shot recipes are fed with. Drawing depends on the seed and the step alone, so that a resumed run
goes on where it was.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from models.batching import collate, padded
from models.biencoder import span_mask
from models.passages import passages
from models.training.objectives import IGNORED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from transformers import PreTrainedTokenizerFast

    from models.biencoder import Batch
    from models.passages import Passage
    from models.types import Document

#: How far, as a share of it, a passage's length is blurred before passages are put together by it.
_BLUR = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Supported:
    """A passage of a labelled document; spans count its words, both ends included."""

    passage: Passage
    spans: tuple[tuple[int, int, str], ...]


def supported(documents: Sequence[Document], tokenizer: PreTrainedTokenizerFast) -> list[Supported]:
    """Passages of all documents with the spans that lie in them; a passage without an entity teaches too."""
    return [
        Supported(passage=passage, spans=_spans(document, passage))
        for document in documents
        for passage in passages(document.text, tokenizer)
        if passage.words
    ]


def _spans(document: Document, passage: Passage) -> tuple[tuple[int, int, str], ...]:
    starts = {word.start: i for i, word in enumerate(passage.words)}
    ends = {word.end: i for i, word in enumerate(passage.words)}
    return tuple(
        (starts[span.start], ends[span.end], span.label)
        for span in document.entities or ()
        if span.start in starts and span.end in ends
    )


def folds(documents: Sequence[Document], number: int, seed: int) -> list[list[int]]:
    """Positions of `documents` in so many parts, the rare labels spread over all parts first.

    Iterative stratification for multi-label data (Sechidis et al., ECML PKDD 2011, section 3), one pass by the
    rarest label of each document.
    """
    counts = Counter(span.label for document in documents for span in document.entities or ())
    rarity = {
        i: min((counts[s.label] for s in d.entities or ()), default=len(documents)) for i, d in enumerate(documents)
    }
    order = list(rarity)
    random.Random(seed).shuffle(order)
    order.sort(key=lambda i: rarity[i])
    held: list[Counter[str]] = [Counter() for _ in range(number)]
    parts: list[list[int]] = [[] for _ in range(number)]
    for i in order:
        labels = Counter(span.label for span in documents[i].entities or ())
        rarest = min(labels, key=lambda label: (counts[label], label), default="")
        chosen = min(range(number), key=lambda part: (held[part][rarest] if rarest else 0, len(parts[part]), part))
        parts[chosen].append(i)
        held[chosen].update(labels)
    return [sorted(part) for part in parts]


class SupportSampler:
    """Draws batches of a support set, each passage once before any comes again."""

    def __init__(
        self,
        support: Sequence[Supported],
        labels: Sequence[str],
        tokenizer: PreTrainedTokenizerFast,
        *,
        budget: int,
        max_width: int,
        seed: int,
        suffix: Sequence[int] = (),
    ) -> None:
        self._support, self._tokenizer = support, tokenizer
        self._position = {label: i + 1 for i, label in enumerate(labels)}
        self._max_width = max_width
        self._seed = seed
        self._rounds: dict[int, list[list[int]]] = {}
        self._budget = budget
        self._suffix = suffix

    @property
    def batches(self) -> int:
        """How many batches show every passage once."""
        return len(self._round(0))

    def draw(self, step: int) -> tuple[Batch, Tensor]:
        """The batch of a step and its targets (b, w, max_width): 0 outside, 1 + the label's position, or IGNORED."""
        chosen = [self._support[i] for i in self.group(step)]
        batch = collate([each.passage for each in chosen], self._tokenizer, self._suffix)
        return batch, targets_of(chosen, batch, self._position, self._max_width)

    def group(self, step: int) -> list[int]:
        """Positions of the passages that a step shows."""
        number = 0
        while step >= len(groups := self._round(number)):
            step -= len(groups)
            number += 1
        return groups[step]

    def _round(self, number: int) -> list[list[int]]:
        """One pass over the support set, in groups of like length that fit the budget."""
        if number not in self._rounds:
            rng = random.Random(f"{self._seed}:{number}")
            sizes = [padded(len(s.passage.pieces) + len(self._suffix)) for s in self._support]
            # Blurred, so that other neighbours meet in every pass.
            blurred = [size * rng.uniform(1 - _BLUR, 1 + _BLUR) for size in sizes]
            groups = _packed(sorted(range(len(sizes)), key=lambda i: blurred[i]), sizes, self._budget)
            rng.shuffle(groups)
            self._rounds[number] = groups
        return self._rounds[number]


def targets_of(shown: Sequence[Supported], batch: Batch, position: Mapping[str, int], max_width: int) -> Tensor:
    """Targets (b, w, max_width) of the passages in a batch: 0 outside, the label's position, or IGNORED."""
    targets = torch.where(span_mask(batch.word_mask, max_width), 0, IGNORED)
    for row, each in enumerate(shown):
        for first, last, label in each.spans:
            if last - first < max_width:
                targets[row, first, last - first] = position[label]
    return targets


def _packed(order: Sequence[int], sizes: Sequence[int], budget: int) -> list[list[int]]:
    groups: list[list[int]] = []
    longest = 0
    for i in order:
        if groups and max(longest, sizes[i]) * (len(groups[-1]) + 1) <= budget:
            groups[-1].append(i)
            longest = max(longest, sizes[i])
        else:
            groups.append([i])
            longest = sizes[i]
    return groups
