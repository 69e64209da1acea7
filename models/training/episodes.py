"""In-context episodes: a sentence of a public set, its labels, and the most similar tagged sentences beside it.

IF-WRANER (Nandi and Agrawal, EMNLP 2024 Industry, section 3) has retrieved examples in the prompt already in training,
and as regularisation removes some labels from prompt and answer. Owns what an episode shows; states are read once
beforehand, since the encoder below is frozen.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from models.incontext import BEGIN, OUTSIDE, Prompts
from models.incontext_prompts import Prompt, Tagged, collated, tags_of
from models.training.objectives import IGNORED
from models.training.removal import removed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Right tags, owners and targets (n,) of one text, and what each word counts.
Answers = tuple[Tensor, Tensor, Tensor, Tensor]
#: Sentences of like length that a batch is drawn from, on either side.
_NEIGHBOURS = 250
#: So many of the nearest wordings of other sets are a removed label's rivals, but those above this cosine say the same.
_RIVALS, _SAME = 20, 0.8
#: How much longer than the mean the words of the examples that are found are taken to be.
_LONGER = 1.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A sentence as states, with its entities: first and last word, both included, and the type's name."""

    states: Tensor  # (w, d), float16
    spans: tuple[tuple[int, int, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeConfig:
    """How episodes are drawn."""

    #: Units in a batch, padding counted: labels, words of examples, and words of the text twice.
    budget: int = 4096
    #: Sentences that an episode's examples are found among, as in a user's handful of examples.
    pool: int = 120
    #: Most examples, and most words of all of them.
    examples: int = 5
    most_words: int = 320
    #: Share of episodes without examples, and share whose examples are drawn by lot instead of found.
    bare: float = 0.2
    drawn: float = 0.15
    #: Most labels offered.
    max_labels: int = 24
    #: Share of episodes some of whose labels are removed from prompt and answer, and the chance of each label that is
    #: not removed on purpose.
    removed: float = 0.5
    removed_labels: float = 0.15
    #: Share of the episodes with a label removed on purpose that offer one of near meaning from another set instead.
    rivals: float = 0.5
    #: What a word of a removed mention counts in the loss where examples show such mentions untagged; others count 1.
    lesson: float = 3.0
    #: Share of episodes whose examples show types under names of other types, so that examples must be believed.
    renamed: float = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeBatch:
    """One step's input: prompts and the right answers."""

    data_set: str
    prompts: Prompts
    tags: Tensor  # (b, n)
    owners: Tensor  # (b, n)
    #: (b, n): position of the right tag among outside, inside and the labels; IGNORED on padding and unknown types.
    targets: Tensor
    #: What each word counts in the loss.
    weights: Tensor  # (b, n)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Offer:
    """Types of a set as a batch words them."""

    data_set: str
    types: list[str]
    #: Unit vectors of the wordings.
    vectors: Tensor  # (l, d)

    def likeness(self, one: str, other: str) -> float:
        """Cosine of two types' wordings."""
        return float(self.vectors[self.types.index(one)] @ self.vectors[self.types.index(other)])


class EpisodeSampler:
    """Draws batches for ever; the seed and the step decide each, so a resumed run goes on where it was."""

    def __init__(
        self,
        stored: Mapping[str, Sequence[Stored]],
        wordings: Mapping[str, Mapping[str, Tensor]],
        weights: Mapping[str, float],
        config: EpisodeConfig,
        *,
        seed: int,
    ) -> None:
        """`wordings` holds, by set and type, the states (v, d) of all the ways in which the type is put into words."""
        self._stored = {name: sorted(items, key=lambda item: len(item.states)) for name, items in stored.items()}
        self._shown = {name: [item for item in items if item.spans] for name, items in self._stored.items()}
        self._sets = [name for name in self._stored if weights[name] > 0 and self._shown[name]]
        self._weights = [weights[name] for name in self._sets]
        self._mean = {
            name: sum(len(i.states) for i in items) / max(1, len(items)) for name, items in self._shown.items()
        }
        self._wordings = wordings
        self._bank = torch.cat([vectors for name in self._sets for vectors in wordings[name].values()])
        self._foreign = {name: self._others(name) for name in self._sets}
        self._config = config
        self._seed = seed
        self._rng = random.Random()

    def _others(self, name: str) -> Tensor:
        """Wordings (v, d) of all sets but one."""
        others = [vectors for other in self._sets if other != name for vectors in self._wordings[other].values()]
        return torch.cat(others) if others else self._bank[:0]

    def draw(self, step: int) -> EpisodeBatch:
        """The batch of a step, counted from 0."""
        self._rng.seed(f"{self._seed}:{step}")
        name = self._rng.choices(self._sets, self._weights)[0]
        pool = self._rng.sample(self._shown[name], min(self._config.pool, len(self._shown[name])))
        count = self._count()
        queries = self._queries(name, count)
        chosen = self._examples(queries, pool, count)
        types = self._offer(name, [*queries, *(each for row in chosen for each in row)])
        vectors = torch.stack([self._wording(name, label) for label in types])
        shown = _Offer(data_set=name, types=types, vectors=vectors)
        rows = [self._row(query, row, shown) for query, row in zip(queries, chosen, strict=True)]
        return self._batch(name, queries, rows)

    def _count(self) -> int:
        """How many examples a batch shows beside each text: often none, and more often all."""
        if self._rng.random() < self._config.bare:
            return 0
        return self._config.examples if self._rng.random() < 0.5 else self._rng.randint(1, self._config.examples)

    def _queries(self, name: str, count: int) -> list[Stored]:
        """Texts of like length, so that little of the batch is padding."""
        items = self._stored[name]
        pivot = self._rng.randrange(len(items))
        near = items[max(0, pivot - _NEIGHBOURS) : pivot + _NEIGHBOURS]
        shown = min(self._config.most_words, round(_LONGER * count * self._mean[name]))
        typical = self._config.max_labels // 2 + 2 * len(near[-1].states) + shown
        return self._rng.sample(near, min(len(near), max(2, self._config.budget // typical)))

    def _examples(self, queries: list[Stored], pool: list[Stored], count: int) -> list[list[Stored]]:
        """For each query the most similar of the pool, the nearest first, or some by lot."""
        if not count:
            return [[] for _ in queries]
        ranks = most_similar([query.states for query in queries], [each.states for each in pool])
        rows = []
        for query, order in zip(queries, ranks, strict=True):
            others = [pool[i] for i in order if pool[i] is not query and not _same(pool[i], query)]
            if self._rng.random() < self._config.drawn:
                self._rng.shuffle(others)
            rows.append(self._fitting(others[:count]))
        return rows

    def _fitting(self, examples: list[Stored]) -> list[Stored]:
        kept, used = list[Stored](), 0
        for example in examples:
            used += len(example.states)
            if used <= self._config.most_words:
                kept.append(example)
        return kept

    def _offer(self, name: str, shown: Sequence[Stored]) -> list[str]:
        types = sorted(self._wordings[name])
        present = sorted(_types(shown) & set(types))
        self._rng.shuffle(present)
        absent = [label for label in types if label not in present]
        self._rng.shuffle(absent)
        fill = self._rng.randint(0, max(0, self._config.max_labels - len(present)))
        return (present + absent[:fill])[: self._config.max_labels] or types[:1]

    def _wording(self, name: str, label: str) -> Tensor:
        vectors = self._wordings[name][label]
        return vectors[self._rng.randrange(len(vectors))]

    def _row(self, query: Stored, examples: list[Stored], shown: _Offer) -> tuple[Prompt, Answers]:
        """A prompt and its answer: some labels removed from both, some under other names that examples explain."""
        config, rng = self._config, self._rng
        asked, told = _types([query]), _types(examples)
        gone: list[str] = []
        if rng.random() < config.removed:
            gone = removed(shown.types, asked, told, shown.likeness, config.removed_labels, rng)
        kept = [i for i, label in enumerate(shown.types) if label not in gone]
        rng.shuffle(kept)
        vectors = shown.vectors[kept]
        position = {shown.types[i]: at for at, i in enumerate(kept)}
        if rng.random() < config.renamed:
            for label in sorted(told & position.keys()):
                vectors[position[label]] = self._bank[rng.randrange(len(self._bank))]
        if told.intersection(gone[:1]) and rng.random() < config.rivals:
            vectors = torch.cat([vectors, self._rival(shown, gone[0])])
        tagged = tuple(Tagged(states=each.states, spans=_positions(each, position)) for each in examples)
        answers = self._answers(query, position, told.intersection(gone))
        return Prompt(labels=vectors, examples=tagged, text=query.states), answers

    def _rival(self, shown: _Offer, label: str) -> Tensor:
        """A wording (1, d) of another set's type that is near in meaning to a label but does not say the same."""
        likeness = self._foreign[shown.data_set] @ shown.vectors[shown.types.index(label)]
        near = likeness.masked_fill(likeness > _SAME, -1).topk(min(_RIVALS, len(likeness))).indices.tolist()
        return self._foreign[shown.data_set][self._rng.sample(near, min(1, len(near)))]

    def _answers(self, query: Stored, position: Mapping[str, int], lessons: set[str]) -> Answers:
        n = len(query.states)
        tags, owners = tags_of(_positions(query, position), n)
        targets, weights = torch.where(tags == BEGIN, BEGIN + owners, tags), torch.ones(n)
        for first, last, label in query.spans:
            if label in lessons:
                weights[first : last + 1] = self._config.lesson
        return tags, owners, targets, weights

    def _batch(self, name: str, queries: Sequence[Stored], rows: Sequence[tuple[Prompt, Answers]]) -> EpisodeBatch:
        prompts = collated([prompt for prompt, _ in rows])
        shape = prompts.text_mask.shape
        tags, owners, targets = torch.full(shape, OUTSIDE), torch.full(shape, -1), torch.full(shape, IGNORED)
        weights = torch.ones(shape)
        for row, (query, (_, answers)) in enumerate(zip(queries, rows, strict=True)):
            n = len(query.states)
            tags[row, :n], owners[row, :n], targets[row, :n], weights[row, :n] = answers
            for first, last, label in query.spans:
                if label not in self._wordings[name]:  # a type that says nothing is neither an entity nor outside
                    targets[row, first : last + 1] = IGNORED
        return EpisodeBatch(data_set=name, prompts=prompts, tags=tags, owners=owners, targets=targets, weights=weights)


def most_similar(queries: Sequence[Tensor], pool: Sequence[Tensor]) -> list[list[int]]:
    """Positions of `pool` for each query, the most similar first: every word's best match, summed over the words.

    Late interaction (Khattab and Zaharia, ColBERT, SIGIR 2020) over states (w, d) of words.
    """
    words = functional.normalize(torch.cat([each.float() for each in pool]), dim=-1)
    owner = torch.repeat_interleave(torch.arange(len(pool)), torch.tensor([len(each) for each in pool]))
    orders = []
    for query in queries:
        likeness = functional.normalize(query.float(), dim=-1) @ words.T
        best = torch.full((len(query), len(pool)), -1.0)
        best.scatter_reduce_(1, owner.expand(len(query), -1), likeness, "amax")
        orders.append(best.sum(0).argsort(descending=True, stable=True).tolist())
    return orders


def _same(one: Stored, other: Stored) -> bool:
    return one.states.shape == other.states.shape and torch.equal(one.states, other.states)


def _types(items: Sequence[Stored]) -> set[str]:
    return {label for item in items for _, _, label in item.spans}


def _positions(stored: Stored, position: Mapping[str, int]) -> tuple[tuple[int, int, int], ...]:
    return tuple((first, last, position[label]) for first, last, label in stored.spans if label in position)
