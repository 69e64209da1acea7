"""Which types of other sets a set's types can never be, by a written table (disjoint.yaml).

A set annotates its own types alone, so a type of another set may be there unannotated. Of an entity whose type is
known, though, some other types are ruled out; those alone may serve as negatives across sets.
"""

from __future__ import annotations

from functools import cache
from importlib import resources

import yaml

from models.verbalise import verbalisations

#: A set and a type of it.
Typed = tuple[str, str]


@cache
def disjoint_with(data_set: str, label: str) -> frozenset[Typed]:
    """Types of other sets that nothing of this type can be; none for a type that stands in no family."""
    family_of, ruled_out = _table()
    families = ruled_out.get(family_of.get((data_set, label), ""), frozenset())
    return frozenset(typed for typed, family in family_of.items() if family in families and typed[0] != data_set)


@cache
def _table() -> tuple[dict[Typed, str], dict[str, frozenset[str]]]:
    """The family of each type, and the families that each family shares nothing with."""
    raw = yaml.safe_load((resources.files("models.training") / "disjoint.yaml").read_text(encoding="utf-8"))
    family_of = {
        (data_set, label): family
        for family, sets in raw["families"].items()
        for data_set, labels in sets.items()
        for label in labels
        if label in verbalisations(data_set)
    }
    pairs = {(one, other) for one, others in raw["disjoint"].items() for other in others}
    pairs |= {(other, one) for one, other in pairs}
    return family_of, {one: frozenset(b for a, b in pairs if a == one) for one in raw["families"]}
