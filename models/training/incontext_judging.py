"""What an in-context model is worth on held-out types, and how its probabilities are best read.

Each text is asked about with examples of its group, with the same less one label, and with nothing shown. Owns what is
asked and what is counted; nothing is learnt here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from models.asking import Ask
from models.compact import Reading
from models.scores import score
from models.training.episodes import most_similar
from models.training.removal import violations, without

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from models.compact import CompactGenerator
    from models.states import StateReader
    from models.training.heldout import Group
    from models.types import Document, Span

#: Readings tried: what is added to the log-probability of every beginning.
EAGERNESS = (0.0, 0.5, 1.0, 1.5, 2.0, 2.5)
#: How much F1 the least eager reading may cost where examples are shown.
TOLERANCE = 0.01
#: Padded units of a batch.
_BUDGET = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One way of asking about a group's texts."""

    asks: tuple[Ask, ...]
    #: What is right, less what is not asked for.
    gold: tuple[Document, ...]


class HeldOut:
    """A held-out group: every other document is an example for the rest."""

    def __init__(self, group: Group, reader: StateReader, count: int) -> None:
        """`count` is how many examples are shown."""
        self.name, self._group = group.name, group
        self.documents, known = group.documents[::2], group.documents[1::2]
        self._near = nearest(reader, self.documents, known, count)

    @cached_property
    def shown(self) -> Asked:
        """With examples."""
        return self._asked(self._near, [""] * len(self.documents))

    @cached_property
    def fewer(self) -> Asked:
        """With examples, but one label of each text removed, from them as well."""
        return self._asked(self._near, self.removed)

    @cached_property
    def bare(self) -> Asked:
        """Without examples."""
        return self._asked([()] * len(self.documents), [""] * len(self.documents))

    @cached_property
    def removed(self) -> list[str]:
        """The label that is removed from what is asked about each text: that of its first mention."""
        return [document.entities[0].label if document.entities else "" for document in self.documents]

    def _asked(self, near: Sequence[Sequence[Document]], removed: Sequence[str]) -> Asked:
        asks = tuple(
            Ask(
                text=document.text,
                labels=tuple(label for label in self._group.labels if label.name != gone),
                examples=tuple(without(each, gone) for each in examples),
            )
            for document, examples, gone in zip(self.documents, near, removed, strict=True)
        )
        return Asked(asks=asks, gold=tuple(map(without, self.documents, removed)))


def judged(generator: CompactGenerator, groups: Sequence[HeldOut]) -> dict[str, dict[str, float]]:
    """By group the strict F1 with examples, of the same and with a label less taken together, and without examples.

    `violations` is the share of the removed labels' mentions that come back under another label.
    """
    found: dict[str, dict[str, float]] = {"examples": {}, "fewer": {}, "bare": {}, "violations": {}}
    for group in groups:
        shown, fewer, bare = (_answers(generator, each.asks) for each in (group.shown, group.fewer, group.bare))
        both = (*group.shown.gold, *group.fewer.gold), (*shown, *fewer)
        counts = [violations(*each) for each in zip(group.documents, group.removed, fewer, strict=True)]
        found["examples"][group.name] = _f1(group.shown.gold, shown)
        found["fewer"][group.name] = _f1(*both)
        found["bare"][group.name] = _f1(group.bare.gold, bare)
        found["violations"][group.name] = round(sum(n for n, _ in counts) / max(1, sum(n for _, n in counts)), 4)
    return found


def chosen(generator: CompactGenerator, groups: Sequence[HeldOut]) -> tuple[Reading, dict[str, dict[str, float]]]:
    """How the generator is best read, with examples and without, and what it is worth then.

    With examples by texts that are asked about with all labels and again with one less, where what comes back under
    another label counts as wrong as it is; of readings that are as good, but for a point, it is the least eager one.
    """
    found = {}
    for each in EAGERNESS:
        generator.reading = Reading(eagerness=each)
        found[each] = judged(generator, groups)
    fewer = {each: mean(found[each]["fewer"]) for each in EAGERNESS}
    shown = min(each for each in EAGERNESS if fewer[each] >= max(fewer.values()) - TOLERANCE)
    alone = max(EAGERNESS, key=lambda each: mean(found[each]["bare"]))
    return Reading(eagerness=shown, alone=alone), found[shown] | {"bare": found[alone]["bare"]}


def mean(scores: Mapping[str, float]) -> float:
    """The mean over groups; 0 for none."""
    return round(sum(scores.values()) / max(1, len(scores)), 4)


def nearest(
    reader: StateReader, asked: Sequence[Document], known: Sequence[Document], count: int
) -> list[tuple[Document, ...]]:
    """For each document the `count` labelled ones that are most similar by their words."""
    if not count:
        return [()] * len(asked)
    states = [found.vectors for found in reader.read([document.text for document in [*asked, *known]])]
    orders = most_similar(states[: len(asked)], states[len(asked) :])
    return [tuple(known[i] for i in order[:count]) for order in orders]


def _answers(generator: CompactGenerator, asks: Sequence[Ask]) -> list[Sequence[Span]]:
    spans: list[Sequence[Span]] = [()] * len(asks)
    for batch in generator.answer(asks, budget=_BUDGET):
        for i, answer in batch:
            if isinstance(answer, Exception):
                raise answer
            spans[i] = answer.spans
    return spans


def _f1(gold: Sequence[Document], answers: Sequence[Sequence[Span]]) -> float:
    return round(score([document.entities or () for document in gold], answers).f1, 4)
