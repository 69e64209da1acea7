"""Word shapes: the capitalisation that an uncased encoder cannot see, as a small integer a word.

Owns the classes and their rule only; the network learns one vector a class.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class Shape(IntEnum):
    """How a word is written."""

    #: No say: the passage has no capital letter at all, so case carries no information.
    NONE = 0
    LOWER = 1
    CAPITALISED = 2
    UPPER = 3
    #: Capitals after the first letter, as in `iPhone`.
    MIXED = 4
    DIGITS = 5
    OTHER = 6


def shape(word: str) -> Shape:
    """Shape of one word; never `NONE`."""
    if not any(character.isalpha() for character in word):
        return Shape.DIGITS if any(character.isdigit() for character in word) else Shape.OTHER
    if word == word.lower():
        return Shape.LOWER
    if word == word.upper():
        return Shape.UPPER if len(word) > 1 else Shape.CAPITALISED
    return Shape.CAPITALISED if word[1:] == word[1:].lower() else Shape.MIXED


def shapes(words: Sequence[str]) -> list[Shape]:
    """Shapes of a passage's words; all `NONE` where the passage is written without capitals."""
    found = [shape(word) for word in words]
    if {Shape.CAPITALISED, Shape.UPPER, Shape.MIXED}.isdisjoint(found):
        return [Shape.NONE] * len(found)
    return found
