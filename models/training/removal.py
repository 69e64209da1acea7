"""Which labels are removed from a prompt, so that a model learns to keep to the list that it is given.

Nandi and Agrawal (EMNLP 2024 Industry) remove any labels from prompt and answer. What is to be learnt is that a mention
whose label is not asked for gets none, however well one that is asked for would suit it; so what is removed here is a
label that the text has, whose mentions the examples leave untagged, rather where a label of near meaning stays. Owns
the choice, and the count of mentions that come back under another label; prompts and answers are its callers'.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Collection, Iterable, Sequence

    from models.types import Document, Span

#: How much nearer, by `likeness`, the nearest label that stays must be for a removal to be e times as likely.
_SHARPNESS = 0.15


def removed(
    labels: Sequence[str],
    asked: Collection[str],
    shown: Collection[str],
    likeness: Callable[[str, str], float],
    share: float,
    rng: random.Random,
) -> list[str]:
    """Labels to remove: one on purpose, then others, each but the one nearest to it with the chance `share`.

    `asked` are those that the text has, `shown` those that the examples have, `likeness` is at most 1. The one on
    purpose is one that both have, or else the text, or else any. Where nothing is shown, nothing says that a broader
    label does not hold, so there is none on purpose. Never are all removed.
    """
    if not shown or len(labels) < 2:
        gone = [label for label in labels if rng.random() < share]
        return gone if len(gone) < len(labels) else []
    here = [label for label in labels if label in asked]
    candidates = [label for label in here if label in shown] or here or list(labels)
    rivals = {each: max((x for x in labels if x != each), key=lambda x: likeness(each, x)) for each in candidates}
    weights = [math.exp((likeness(each, rivals[each]) - 1) / _SHARPNESS) for each in candidates]
    [chosen] = rng.choices(candidates, weights)
    others = [label for label in labels if label not in (chosen, rivals[chosen])]
    return [chosen, *(label for label in others if rng.random() < share)]


def without(document: Document, label: str) -> Document:
    """A document less the entities of a label."""
    return replace(document, entities=tuple(span for span in document.entities or () if span.label != label))


def violations(document: Document, label: str, answer: Iterable[Span]) -> tuple[int, int]:
    """How many mentions of a label that was removed come back under another one, and how many there are."""
    found = {(span.start, span.end) for span in answer}
    mentions = [(span.start, span.end) for span in document.entities or () if span.label == label]
    return sum(mention in found for mention in mentions), len(mentions)
