"""Training batches: sentences of one set, its labels verbalised anew, and the targets of every span.

Owns what a batch shows. A set annotates only its own types, so a batch holds one set and offers only that
set's labels: nothing is ever called "outside" because another set's type went unannotated.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from models.batching import collate, padded
from models.biencoder import Batch, span_mask
from models.passages import Passage
from models.shapes import Shape
from models.suffix import MOST, suffix
from models.training.disjoint import disjoint_with
from models.training.objectives import IGNORED
from models.types import Label
from models.verbalise import draw, verbalisations

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transformers import PreTrainedTokenizerFast

    from models.training.disjoint import Typed
    from models.training.sets import Sentence

#: Sentences on either side, in order of size, that a batch of single sentences is drawn from.
_NEIGHBOURS = 250
#: What labels may be offered beside those of the batch.
NEGATIVES = ("batch", "set", "disjoint")


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingConfig:
    """How batches are drawn."""

    #: Pieces in a batch, padding counted.
    budget: int = 2048
    #: Most labels that a batch offers.
    max_labels: int = 24
    #: Labels offered beside those present in the batch: none ("batch", as LITSET), types of the same set ("set"), or
    #: these and, against entities alone, types of other sets that are written down as disjoint ("disjoint").
    negatives: str = "set"
    #: Most labels of other sets that a batch offers.
    max_disjoint: int = 8
    #: Share of batches whose passages are 2 to 8 sentences of the set joined.
    concatenated: float = 0.3
    #: Most pieces of a joined passage.
    max_pieces: int = 192
    #: Share of the types present that a batch does not offer; their spans count as outside.
    dropped_labels: float = 0.1
    #: Share of passages whose capitalisation is hidden.
    uncased: float = 0.15
    #: Whether the labels that a batch offers are read behind each passage, by one of their names.
    suffix: bool = False

    def __post_init__(self) -> None:
        if self.negatives not in NEGATIVES:
            raise ValueError(f"negatives is {self.negatives!r}; it is one of {', '.join(NEGATIVES)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingBatch:
    """One step's input."""

    data_set: str
    batch: Batch
    #: Wordings of the set's own labels, then of others that stand against its entities alone.
    label_texts: tuple[str, ...]
    #: (1 + own labels, other labels): which of the others an entity of a label cannot be; nothing in row 0, outside.
    ruled_out: Tensor
    #: (b, w, max_width): 0 for outside, 1 + position of the label, IGNORED where a span must not count.
    targets: Tensor


class Sampler:
    """Draws batches for ever; the seed and the step decide each, so a resumed run goes on where it was."""

    def __init__(
        self,
        sentences: dict[str, list[Sentence]],
        weights: dict[str, float],
        tokenizer: PreTrainedTokenizerFast,
        config: SamplingConfig,
        *,
        max_width: int,
        seed: int,
        hidden: dict[str, frozenset[str]],
    ) -> None:
        self._sentences = {name: sorted(items, key=_size) for name, items in sentences.items()}
        self._sets = [name for name in sentences if weights[name] > 0]
        self._weights = [weights[name] for name in self._sets]
        self._tokenizer = tokenizer
        self._config = config
        self._max_width = max_width
        self._seed = seed
        self._rng = random.Random()
        self._types = {name: sorted(set(verbalisations(name)) - hidden.get(name, frozenset())) for name in self._sets}

    def draw(self, step: int) -> TrainingBatch:
        """The batch of a step, counted from 0."""
        self._rng.seed(f"{self._seed}:{step}")
        name = self._rng.choices(self._sets, self._weights)[0]
        groups = self._groups(self._sentences[name])
        offered = self._offer(name, groups)
        passages = [self._passage(group) for group in groups]
        batch = collate(passages, self._tokenizer, self._behind(name, offered))
        targets = self._targets(name, groups, offered, batch)
        others = self._disjoint(name, offered)
        against = [[other in disjoint_with(name, label) for other in others] for label in offered]
        return TrainingBatch(
            data_set=name,
            batch=batch,
            label_texts=self._verbalise([(name, label) for label in offered] + others),
            ruled_out=torch.tensor([[False] * len(others), *against]),
            targets=targets,
        )

    def _behind(self, name: str, offered: list[str]) -> tuple[int, ...]:
        """What is read behind each passage."""
        if not self._config.suffix:
            return ()
        names = [self._rng.choice(verbalisations(name)[label].names) for label in offered]
        return suffix([Label(name=each) for each in names], self._tokenizer)

    def _groups(self, pool: Sequence[Sentence]) -> list[list[Sentence]]:
        """Passages of like length, so that little of the batch is padding; `pool` is sorted by size."""
        joined = self._rng.random() < self._config.concatenated
        pivot = self._rng.randrange(len(pool))
        near = pool[max(0, pivot - _NEIGHBOURS) : pivot + _NEIGHBOURS]
        groups: list[list[Sentence]] = []
        behind = MOST // 2 if self._config.suffix else 0
        longest = 0
        while not groups or longest * (len(groups) + 1) <= self._config.budget:
            size = self._rng.randint(2, 8) if joined else 1
            group = _fitting(self._rng.choices(pool if joined else near, k=size), self._config.max_pieces)
            longest = max(longest, padded(behind + sum(_size(sentence) for sentence in group)))
            groups.append(group)
        return groups

    def _offer(self, name: str, groups: list[list[Sentence]]) -> list[str]:
        """Types of the batch: those present, less the dropped ones, filled up with absent ones."""
        rng, config = self._rng, self._config
        types = self._types[name]
        shown = {span[2] for group in groups for sentence in group for span in sentence.spans}
        present = [label for label in types if label in shown]
        kept = [label for label in present if rng.random() >= config.dropped_labels]
        rng.shuffle(kept)
        absent = [label for label in types if label not in shown]
        rng.shuffle(absent)
        fill = 0 if config.negatives == "batch" else rng.randint(0, max(0, config.max_labels - len(kept)))
        offered = (kept + absent[:fill])[: config.max_labels] or types[:1]
        rng.shuffle(offered)
        return offered

    def _disjoint(self, name: str, offered: list[str]) -> list[Typed]:
        """Types of other sets that entities of one of the offered ones cannot be, each with its set."""
        if self._config.negatives != "disjoint":
            return []
        ruled_out = set[tuple[str, str]]().union(*(disjoint_with(name, label) for label in offered))
        found = sorted(typed for typed in ruled_out if typed[1] in self._types.get(typed[0], ()))
        return self._rng.sample(found, min(len(found), self._rng.randint(0, self._config.max_disjoint)))

    def _verbalise(self, offered: list[Typed]) -> tuple[str, ...]:
        texts: list[str] = []
        for name, label in offered:
            text = draw(verbalisations(name)[label], self._rng)
            for _ in range(3):
                if text not in texts:
                    break
                text = draw(verbalisations(name)[label], self._rng)
            texts.append(text)
        return tuple(texts)

    def _passage(self, group: list[Sentence]) -> Passage:
        pieces = [word for sentence in group for word in sentence.pieces]
        found = [shape for sentence in group for shape in sentence.shapes]
        if self._rng.random() < self._config.uncased:
            found = [Shape.NONE] * len(found)
        return Passage(
            pieces=tuple(piece for word in pieces for piece in word),
            word_of=tuple(i for i, word in enumerate(pieces) for _ in word),
            shapes=tuple(found),
            words=(),
            owned=(0, len(pieces)),
        )

    def _targets(self, name: str, groups: list[list[Sentence]], offered: list[str], batch: Batch) -> Tensor:
        mask = span_mask(batch.word_mask, self._max_width)
        targets = torch.where(mask, 0, IGNORED)
        # A type that says nothing (`misc`) is neither an entity nor outside.
        position = dict.fromkeys(self._types[name], 0) | {label: i + 1 for i, label in enumerate(offered)}
        for row, group in enumerate(groups):
            shift = 0
            for sentence in group:
                for first, last, label in sentence.spans:
                    if last - first < self._max_width:
                        targets[row, shift + first, last - first] = position.get(label, IGNORED)
                shift += len(sentence.pieces)
        return targets


def _size(sentence: Sentence) -> int:
    return sum(len(word) for word in sentence.pieces)


def _fitting(sentences: Sequence[Sentence], limit: int) -> list[Sentence]:
    """The first sentences that fit `limit` pieces together, at least one."""
    kept, used = [sentences[0]], _size(sentences[0])
    for sentence in sentences[1:]:
        used += _size(sentence)
        if used > limit:
            break
        kept.append(sentence)
    return kept
