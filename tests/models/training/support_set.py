"""A support set whose entities are told by their words, so that a small network can learn it in seconds."""

from __future__ import annotations

import random

from models.types import Document, Label, Span

PEOPLE = ("Anna", "Bo", "Carla", "Dmitri", "Esra", "Finn", "Greta", "Hugo", "Ines", "Jonas")
PLACES = ("Bern", "Hull", "Oslo", "Porto", "Quito", "Riga", "Seoul", "Turin", "Utrecht", "Vienna")
PERSON = Label(name="person", description="a human being")
PLACE = Label(name="place", description="a town")
FRAMES = ("{} lives in {} .", "Yesterday {} came to {} by train .", "{} of {} was not there .")


def documents(count: int, seed: int = 0) -> list[Document]:
    """So many sentences, each with a person and a place."""
    rng = random.Random(seed)
    return [_document(f"d{i}", FRAMES[i % 3].format(rng.choice(PEOPLE), rng.choice(PLACES))) for i in range(count)]


def _document(name: str, text: str) -> Document:
    spans = []
    position = 0
    for word in text.split(" "):
        if word in PEOPLE or word in PLACES:
            label = PERSON if word in PEOPLE else PLACE
            spans.append(Span(start=position, end=position + len(word), label=label.name))
        position += len(word) + 1
    return Document(id=name, text=text, entities=tuple(spans))
