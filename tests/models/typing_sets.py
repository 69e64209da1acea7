"""Mentions that types can be learnt from, and sets of sentences with them, written for a test."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from models.mentions import Mention
from tests.models.building import record

if TYPE_CHECKING:
    from collections.abc import Sequence

PEOPLE = ["Anna", "Bo", "Carla", "Dmitri", "Esra", "Finn", "Greta", "Hugo", "Ines", "Jonas"]
PLACES = ["Bern", "Hull", "Oslo", "Porto", "Quito", "Riga", "Seoul", "Turin", "Utrecht", "Vienna"]
FRAMES = ["{} lives in {} .", "Yesterday {} came to {} with the old doctor .", "{} of {} was not there ; he slept ."]


def sentences(count: int, seed: int) -> list[dict[str, Any]]:
    """Sentences with a person and a place each."""
    rng = random.Random(seed)
    found = []
    for i in range(count):
        tokens = FRAMES[i % 3].format(rng.choice(PEOPLE), rng.choice(PLACES)).split()
        spans = [(j, j + 1, "PER" if t in PEOPLE else "LOC") for j, t in enumerate(tokens) if t in {*PEOPLE, *PLACES}]
        found.append(record(" ".join(tokens), *spans))
    return found


def mention(text: str, words: str) -> Mention:
    """The first place of some words in a text."""
    start = text.index(words)
    return Mention(text=text, start=start, end=start + len(words))


def names(mentions: Sequence[Mention]) -> list[str]:
    """What is mentioned."""
    return [each.text[each.start : each.end] for each in mentions]
