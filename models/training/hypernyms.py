"""Which types are kinds of which: the written table of broader and narrower types (hypernyms.yaml).

Owns reading the table and following it. Its words double as the nouns by which mentions in plain text are told.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


@dataclass(frozen=True, slots=True)
class Hypernyms:
    """Types with what is directly broader and what names the same."""

    broader: Mapping[str, frozenset[str]]
    same: Mapping[str, frozenset[str]]
    #: For each type all that it is a kind of, and itself.
    upwards: Mapping[str, frozenset[str]]
    #: For each type all that are kinds of it, without itself.
    downwards: Mapping[str, frozenset[str]]

    def closed(self, names: Iterable[str]) -> frozenset[str]:
        """These types and all that they are kinds of; one that the table does not know stands for itself."""
        return frozenset().union(*(self.upwards.get(name, frozenset({name})) for name in names))

    def likeness(self, one: str, other: str) -> float:
        """Of all that two types are kinds of, themselves counted, the share that both are."""
        first, second = self.closed([one.casefold()]), self.closed([other.casefold()])
        return len(first & second) / len(first | second)

    def narrower(self, names: Iterable[str]) -> frozenset[str]:
        """What might be said more exactly where these types are all that is known."""
        found = frozenset(names)
        lowest = [name for name in found if not self.downwards.get(name, frozenset()) & found - self._alike(name)]
        return frozenset().union(*(self.downwards.get(name, frozenset()) for name in lowest)) - found

    def sense(self, noun: str, known: frozenset[str]) -> frozenset[str]:
        """What a noun adds to what is known of a mention already: its broader types on the way to those; or nothing.

        A `bank` that is known to be a place is no company.
        """
        if not self.upwards.get(noun, frozenset()) & known - {noun}:
            return frozenset()
        return frozenset(name for name in self.upwards[noun] if self.upwards[name] & known or name in known)

    def _alike(self, name: str) -> frozenset[str]:
        return self.same.get(name, frozenset())


@cache
def hypernyms() -> Hypernyms:
    """The table of the package."""
    return table_of(yaml.safe_load((resources.files("models.training") / "hypernyms.yaml").read_text("utf-8")))


def table_of(tree: dict[str, Any]) -> Hypernyms:
    """A table from nested lists and mappings; raises ValueError where a type is a kind of itself.

    A word that comes under several of the outermost types means the first, but for these themselves.
    """
    broader: dict[str, set[str]] = {}
    same: dict[str, set[str]] = {}
    outermost = {name for head in tree for name in head.split("/")}
    first: dict[str, str] = {}
    for top, below in tree.items():
        for names, above in _walked({top: below}, ()):
            meant = {name for name in names if name in outermost or first.setdefault(name, top) == top}
            for name in meant:
                broader.setdefault(name, set()).update(above)
                same.setdefault(name, set()).update(meant - {name})
    upwards = {name: frozenset(_upwards(name, broader, same)) for name in broader}
    downwards: dict[str, set[str]] = {name: set() for name in broader}
    for name, found in upwards.items():
        for each in found - {name} - same[name]:
            downwards[each].add(name)
            if each in downwards[name]:
                raise ValueError(f"{name!r} and {each!r} are each a kind of the other")
    return Hypernyms(
        {name: frozenset(found) for name, found in broader.items()},
        {name: frozenset(found) for name, found in same.items()},
        upwards,
        {name: frozenset(found) for name, found in downwards.items()},
    )


def _walked(node: object, above: tuple[str, ...]) -> Iterator[tuple[list[str], tuple[str, ...]]]:
    """Each type's names, and those of the type that it stands under."""
    if isinstance(node, str):
        yield node.split("/"), above
    elif isinstance(node, list):
        for each in node:
            yield from _walked(each, above)
    elif isinstance(node, dict):
        for head, below in node.items():
            names = str(head).split("/")
            yield names, above
            yield from _walked(below, tuple(names))


def _upwards(name: str, broader: Mapping[str, set[str]], same: Mapping[str, set[str]]) -> set[str]:
    found: set[str] = set()
    ahead = [name]
    while ahead:
        if (one := ahead.pop()) not in found:
            found.add(one)
            ahead += [*broader[one], *same[one]]
    return found
