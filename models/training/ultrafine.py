"""The broad set that the typer is pre-trained on: mentions of public NER sets that are several types at once.

A mention's types are the names of its label, what these are kinds of, and what nouns beside it say; nouns and pronouns
in plain text join in. Owns which types a mention has, which it has not, and which nobody knows: where a mention is
known to be a person, that it is no singer is not known.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from models.mentions import Mention
from models.training.hypernyms import hypernyms
from models.training.nouns import beside, grammar, phrases, pronouns, settings
from models.training.sets import forbidden_sentences, load_mix, training_documents
from models.verbalise import verbalisations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from models.training.sets import Mix
    from models.types import Document

NOUNS, PRONOUNS = "nouns", "pronouns"
#: Most documents of a set that are read, and every how manieth is held out.
MOST_DOCUMENTS, HELD_OUT = 20_000, 60
#: How much more often a kind of mention is drawn that there is more of: its count to this power.
_EVENNESS = 0.5


@dataclass(frozen=True, slots=True)
class Typed:
    """A mention and what kind it is: a row of the broad set's tables."""

    mention: Mention
    kind: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BroadSet:
    """Mentions by where they are from, and the types of each kind of mention."""

    types: tuple[str, ...]
    #: Types that a kind is (k, t), and types of which it is known whether it is (k, t).
    positive: Tensor
    judged: Tensor
    sources: dict[str, list[Typed]]
    weights: dict[str, float]
    held_out: list[Typed]

    @property
    def counts(self) -> dict[str, int]:
        """What there is of it, for the model card."""
        shown = {typed.kind for typed in self.mentions()}
        return {
            "types": int(self.positive[sorted(shown)].any(0).sum()),
            "mentions": sum(map(len, self.sources.values())),
            "combinations of types": len(shown),
            "held-out mentions": len(self.held_out),
        }

    def mentions(self) -> Iterator[Typed]:
        """All that is learnt from."""
        for found in self.sources.values():
            yield from found


@dataclass(slots=True)
class _Kinds:
    """Kinds of mentions as they turn up."""

    #: Own types and, for a label, its set.
    known: dict[tuple[frozenset[str], str], int] = field(default_factory=dict)

    def number(self, types: frozenset[str], data_set: str = "") -> int:
        return self.known.setdefault((types, data_set), len(self.known))


def broad_mix() -> Mix:
    """The bi-encoder's mix with the sets that it holds out whole; single held-out types stay hidden."""
    mix = load_mix()
    joining = settings()["joining"]
    return replace(
        mix,
        files=mix.files | {name: tuple(entry["files"]) for name, entry in joining.items()},
        weights=mix.weights | {name: float(entry["weight"]) for name, entry in joining.items()},
    )


def build(data: Path, mix: Mix, say: Callable[[str], None], *, most: int = MOST_DOCUMENTS) -> BroadSet:
    """Read the sets of a mix and find all mentions; at most `most` documents of each set."""
    kinds = _Kinds()
    forbidden = forbidden_sentences(data, mix)
    sources: dict[str, list[Typed]] = defaultdict(list)
    held_out: list[Typed] = []
    for name in (name for name, weight in mix.weights.items() if weight > 0):
        documents = training_documents(data, name, mix, forbidden)
        random.Random(name).shuffle(documents)
        for number, document in enumerate(documents[:most]):
            for source, typed in found_in(document, name, kinds):
                (held_out if number % HELD_OUT == 0 else sources[source]).append(typed)
        say(f"{name}: {len(sources[name])} mentions")
    say(f"{len(sources[NOUNS])} nouns and {len(sources[PRONOUNS])} pronouns in plain text")
    return _broad_set(kinds, dict(sources), held_out, mix)


def found_in(document: Document, data_set: str, kinds: _Kinds) -> Iterator[tuple[str, Typed]]:
    """Mentions of a document of joined tokens: labelled ones, nouns and pronouns."""
    tokens = document.text.split(" ")
    starts = list(accumulate((len(token) + 1 for token in tokens), initial=0))
    place = {start: i for i, start in enumerate(starts)}
    covered: set[int] = set()
    for span in document.entities or ():
        first = place[span.start]
        last = next(i for i in range(first, len(tokens)) if starts[i + 1] > span.end) + 1
        covered.update(range(first, last))
        types = label_types(data_set, span.label)
        for noun in beside(tokens, first, last):
            types |= hypernyms().sense(noun, types)
        kind = kinds.number(types, data_set)
        yield data_set, Typed(Mention(text=document.text, start=span.start, end=span.end), kind)
    for source, found in ((NOUNS, phrases(tokens)), (PRONOUNS, pronouns(tokens))):
        for first, last, word in found:
            if covered.isdisjoint(range(first, last)):
                told = grammar().pronouns[word] if source == PRONOUNS else (word,)
                kind = kinds.number(hypernyms().closed(told))
                start, end = starts[first], starts[last] - 1
                yield source, Typed(Mention(text=document.text, start=start, end=end), kind)


def label_types(data_set: str, label: str) -> frozenset[str]:
    """Names of a label, its short description, and what the names are kinds of.

    A name of several meanings is taken only where it means what the first name does.
    """
    wording = verbalisations(data_set)[label]
    table = hypernyms().upwards
    first = hypernyms().closed(wording.names[:1])
    agreeing = [name for name in wording.names[1:] if name not in table or table[name] & first]
    return hypernyms().closed([wording.names[0], *agreeing]) | {wording.short}


def _broad_set(kinds: _Kinds, sources: dict[str, list[Typed]], held_out: list[Typed], mix: Mix) -> BroadSet:
    names = sorted(frozenset(hypernyms().upwards).union(*(types for types, _ in kinds.known)))
    places = {name: i for i, name in enumerate(names)}
    own = {data_set: _own_names(data_set, mix) for _, data_set in kinds.known if data_set}
    positive = torch.zeros((len(kinds.known), len(names)), dtype=torch.bool)
    judged = torch.zeros_like(positive)
    for (types, data_set), row in kinds.known.items():
        told = types | (hypernyms().upwards.keys() - hypernyms().narrower(types)) | own.get(data_set, frozenset())
        positive[row, [places[name] for name in types]] = True
        judged[row, [places[name] for name in told if name in places]] = True
    return BroadSet(
        types=tuple(names),
        positive=positive,
        judged=judged,
        sources=sources,
        weights=_weights(sources, mix),
        held_out=held_out,
    )


def _own_names(data_set: str, mix: Mix) -> frozenset[str]:
    """The types that a set tells apart; those that are kinds of others of them stay unknown where these are found."""
    labels = [label for label in verbalisations(data_set) if label not in mix.hidden(data_set)]
    names = frozenset().union(*(frozenset(verbalisations(data_set)[label].names) for label in labels))
    return (names - hypernyms().upwards.keys()) | {verbalisations(data_set)[label].short for label in labels}


def _weights(sources: dict[str, list[Typed]], mix: Mix) -> dict[str, float]:
    shares = settings()["shares"]
    total = sum(weight for name, weight in mix.weights.items() if sources.get(name))
    found = {name: shares["sets"] * mix.weights[name] / total for name in sources if name in mix.weights}
    found |= {name: float(shares[name]) for name in (NOUNS, PRONOUNS)}
    return {name: weight for name, weight in found.items() if sources.get(name)}


class MentionSampler:
    """Draws mentions: a source by its weight, a kind by the root of its count, then any mention of it."""

    def __init__(self, broad: BroadSet, seed: int = 0) -> None:
        self._seed, self._sources = seed, list(broad.weights)
        self._weights = list(broad.weights.values())
        self._kinds = {name: _by_kind(broad.sources[name]) for name in self._sources}
        self._odds = {
            name: list(accumulate(len(found) ** _EVENNESS for found in kinds)) for name, kinds in self._kinds.items()
        }

    def draw(self, step: int, count: int) -> list[Typed]:
        """The mentions of a step, the same every time."""
        rng = random.Random(self._seed * 1_000_003 + step)
        names = rng.choices(self._sources, self._weights, k=count)
        return [rng.choice(rng.choices(self._kinds[name], cum_weights=self._odds[name])[0]) for name in names]


def _by_kind(typed: Sequence[Typed]) -> list[list[Typed]]:
    found: dict[int, list[Typed]] = defaultdict(list)
    for each in typed:
        found[each.kind].append(each)
    return list(found.values())


def frequent(broad: BroadSet, most: int = 20) -> list[tuple[str, int]]:
    """The most frequent types and how many mentions have them."""
    counts = Counter(typed.kind for typed in broad.mentions())
    totals: Counter[str] = Counter()
    for kind, count in counts.items():
        for i in broad.positive[kind].nonzero().flatten().tolist():
            totals[broad.types[i]] += count
    return totals.most_common(most)
