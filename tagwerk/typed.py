"""Types that were told, scored against those that the documents' own mentions carry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models.typed_examples import types_of
from models.typing_hierarchy import restored
from models.typing_scores import score_types

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from models.types import Document
    from models.typing_scores import Average, TypingScore


def typing_score(
    types: Sequence[Mapping[str, str]], lines: Iterable[tuple[Document, dict[str, Any]]]
) -> tuple[int, TypingScore]:
    """How many mentions have types among these, and how well theirs were told; those of failed documents were not.

    Closed under what is broader on both sides. Mentions without a type among these are passed over.
    """
    tree = restored(types)
    places = {each.name: i for i, each in enumerate(tree.types)}
    wanted: list[set[int]] = []
    told: list[set[int]] = []
    for document, line in lines:
        found = line.get("entities", [])
        for number, span in enumerate(document.entities or ()):
            own = tree.closed(places[name] for name in types_of(span) if name in places)
            if own:
                wanted.append(own)
                told.append({places[each["name"]] for each in found[number]["types"]} if found else set())
    return len(wanted), score_types(wanted, told)


def typing_fractions(mentions: int, score: TypingScore) -> dict[str, Any]:
    """A score as plain values, for machines."""
    return {
        "mentions": mentions,
        "accuracy": score.accuracy,
        "micro": _average(score.micro),
        "macro": _average(score.macro),
    }


def _average(average: Average) -> dict[str, float]:
    return {"precision": average.precision, "recall": average.recall, "f1": average.f1}
