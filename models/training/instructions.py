"""Episodes: asks as a language model will meet them in service, each with the spans that answer it.

Owns what an episode shows: a document, its set's types in words that are drawn anew, examples that a search found.
How it is spelled and learnt from is the recipe's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from models.asking import Ask
from models.training.hypernyms import hypernyms
from models.training.removal import removed
from models.types import Label
from models.verbalise import verbalisations

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

    from models.asking import Retriever
    from models.types import Document, Span

#: How often a label is shown by its name alone, and else how often by the short description.
_BARE, _SHORT = 0.25, 0.6

#: The labels that a pool's types are shown as this time, by the types' own names.
Wording = dict[str, Label]


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeConfig:
    """What episodes show."""

    #: Most examples, and the share of episodes that show fewer, a number drawn anew.
    examples: int = 5
    fewer: float = 0.3
    #: Share of episodes that come twice, the second time with labels removed from prompt and answer, so that the list
    #: of labels is obeyed, and the chance of each label that is not removed on purpose; whether their order is drawn
    #: anew (Nandi and Agrawal, EMNLP 2024 Industry).
    removed: float = 0.3
    removed_labels: float = 0.15
    shuffled: bool = True
    #: Most labels.
    max_labels: int = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """An ask and its answer; of the spans, those whose label is asked for."""

    ask: Ask
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Documents that are annotated with the same types."""

    documents: tuple[Document, ...]
    #: Labels for the types, drawn by the given generator of random numbers.
    wording: Callable[[random.Random], Wording]
    #: Finds documents of this pool, never the one that is asked for; None for any others.
    retriever: Retriever | None = None
    #: Share of the episodes that are drawn from it, in relation to the other pools.
    weight: float = 1.0


def source_wording(data_set: str, hidden: frozenset[str] = frozenset()) -> Callable[[random.Random], Wording]:
    """Wordings of a training set's types, but the hidden ones, drawn from the project's verbalisations."""
    known = {name: each for name, each in sorted(verbalisations(data_set).items()) if name not in hidden}

    def drawn(rng: random.Random) -> Wording:
        found: Wording = {}
        taken: set[str] = set()
        for type_name, each in known.items():
            free = [name for name in each.names if name.casefold() not in taken] or [each.names[0]]
            name = rng.choice(free)
            taken.add(name.casefold())
            description = each.short if rng.random() < _SHORT else each.long
            found[type_name] = Label(name=name, description="" if rng.random() < _BARE else description)
        return found

    return drawn


def own_wording(labels: Sequence[Label]) -> Callable[[random.Random], Wording]:
    """Labels as their user gave them."""
    found = {label.name: label for label in labels}
    return lambda _: found


class EpisodeSource:
    """Draws episodes from pools; what the generator of random numbers says decides each."""

    def __init__(self, pools: Sequence[Pool], config: EpisodeConfig) -> None:
        self.pools = [pool for pool in pools if pool.documents and pool.weight > 0]
        self.config = config

    def draw(self, rng: random.Random, count: int) -> list[Episode]:
        """Episodes about `count` documents of one pool, and some of them again with fewer labels."""
        [pool] = rng.choices(self.pools, [pool.weight for pool in self.pools])
        documents = [rng.choice(pool.documents) for _ in range(count)]
        return [
            episode
            for document, examples in zip(documents, self._examples(pool, documents, rng), strict=True)
            for episode in self._episodes(pool, document, examples, rng)
        ]

    def _examples(self, pool: Pool, documents: Sequence[Document], rng: random.Random) -> list[tuple[Document, ...]]:
        if pool.retriever is not None:
            return [found.examples for found in pool.retriever.near([document.text for document in documents])]
        return [_others(pool, document, self.config.examples, rng) for document in documents]

    def _episodes(
        self, pool: Pool, document: Document, examples: Sequence[Document], rng: random.Random
    ) -> list[Episode]:
        config = self.config
        shown = rng.randint(0, config.examples) if rng.random() < config.fewer else config.examples
        wording = pool.wording(rng)
        document, *chosen = (_renamed(each, wording) for each in (document, *examples[:shown]))
        labels = self._offer(wording, [document, *chosen], rng)
        ask = Ask(text=document.text, labels=tuple(labels), examples=tuple(chosen))
        found = [Episode(ask=ask, spans=_asked(document, labels))]
        gone = self._removed(labels, document, chosen, rng) if rng.random() < config.removed else []
        if gone:
            kept = [label for label in labels if label.name not in gone]
            found.append(Episode(ask=replace(ask, labels=tuple(kept)), spans=_asked(document, kept)))
        return found

    def _offer(self, wording: Wording, documents: Sequence[Document], rng: random.Random) -> list[Label]:
        """Labels of the documents, filled up with others of the pool; sorted unless they are to be shuffled."""
        present = _types(documents)
        labels = list(wording.values())
        rng.shuffle(labels)
        labels.sort(key=lambda label: label.name not in present)
        offered = labels[: self.config.max_labels]
        if self.config.shuffled:
            rng.shuffle(offered)
        else:
            offered.sort(key=lambda label: label.name)
        return offered

    def _removed(
        self, labels: Sequence[Label], document: Document, examples: Sequence[Document], rng: random.Random
    ) -> list[str]:
        asked, shown = _types([document]), _types(examples)
        names = [label.name for label in labels]
        return removed(names, asked, shown, hypernyms().likeness, self.config.removed_labels, rng)


def _others(pool: Pool, document: Document, count: int, rng: random.Random) -> tuple[Document, ...]:
    drawn = rng.sample(pool.documents, min(len(pool.documents), count + 1))
    return tuple(each for each in drawn if each is not document)[:count]


def _types(documents: Sequence[Document]) -> set[str]:
    return {span.label for document in documents for span in document.entities or ()}


def _renamed(document: Document, wording: Wording) -> Document:
    spans = (replace(s, label=wording[s.label].name) for s in document.entities or () if s.label in wording)
    return replace(document, entities=tuple(spans))


def _asked(document: Document, labels: Sequence[Label]) -> tuple[Span, ...]:
    names = {label.name for label in labels}
    return tuple(span for span in document.entities or () if span.label in names)
