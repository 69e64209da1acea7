"""The prompt of an ask: instruction, labels, as many examples as fit, the text.

Owns what a language model is shown, by a versioned template (models/prompts/), and how much of it; what it may
answer is the grammar's. The text and the examples are data: each stands on one line of its own, which nothing in
it can break.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from models.errors import WindowTooLong
from models.lines import NOTHING, SEPARATOR, one_line, shown_names, written
from models.types import Label
from models.words import split_words

if TYPE_CHECKING:
    from collections.abc import Callable

    from jinja2 import Template

    from models.asking import Ask

#: Version of the template; a model that was tuned to one may do worse with another.
VERSION = "ner-v1"
#: Pieces kept free for the answer: so many for any, so many a word of the text, and no more than so many.
LEAST_ROOM, ROOM_PER_WORD, MOST_ROOM = 16, 5, 768
#: Words that a window may have: one for so many pieces of the context, as examples and labels want room too.
PIECES_PER_WORD = 16
LEAST_WORDS, MOST_WORDS = 24, 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A prompt that fits."""

    text: str
    #: How many of the ask's examples, the nearest, it shows.
    shown: int
    #: Its pieces by the measure that it was fitted with.
    pieces: int
    #: Most pieces of the answer that there is room for.
    room: int


def render(ask: Ask, shown: int, *, described: bool = True) -> str:
    """The prompt with the nearest `shown` examples, the nearest last; descriptions of labels only if `described`."""
    names = shown_names(ask.labels)
    by_label = {label.name: name for label, name in zip(ask.labels, names, strict=True)}
    labels = [
        Label(name=name, description=one_line(label.description)) for label, name in zip(ask.labels, names, strict=True)
    ]
    examples = [
        {"text": one_line(each.text), "answer": written(each.text, each.entities or (), by_label)}
        for each in reversed(ask.examples[:shown])
    ]
    return _template().render(
        labels=labels,
        described=described,
        examples=examples,
        text=one_line(ask.text),
        separator=f" {SEPARATOR} ",
        nothing=NOTHING,
    )


def fit(ask: Ask, measure: Callable[[str], int], context: int) -> Prompt:
    """The prompt with as many of the ask's examples as leave room for the answer.

    `measure` counts the pieces of a prompt. Where not even the text alone fits, the labels' descriptions are left
    out; where that does not help, WindowTooLong is raised.
    """
    room = answer_room(ask.text)
    tried = [(shown, True) for shown in range(len(ask.examples), -1, -1)] + [(0, False)]
    for shown, described in tried:
        text = render(ask, shown, described=described)
        pieces = measure(text)
        if pieces + room <= context:
            return Prompt(text=text, shown=shown, pieces=pieces, room=room)
    raise WindowTooLong(
        f"{len(ask.labels)} labels and a window of {len(ask.text):,} characters take {pieces:,} pieces, and the answer "
        f"up to {room:,} more, but the model reads {context:,}; give fewer labels or name a model with a longer context"
    )


def answer_room(text: str) -> int:
    """Pieces that are kept free for the answer about a text."""
    return min(MOST_ROOM, LEAST_ROOM + ROOM_PER_WORD * len(split_words(text)))


def window_words(context: int) -> int:
    """Words that one window of a long text should have for a model that reads `context` pieces."""
    return max(LEAST_WORDS, min(MOST_WORDS, context // PIECES_PER_WORD))


@cache
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined

    source = (resources.files("models") / "prompts" / f"{VERSION}.jinja").read_text(encoding="utf-8")
    # Plain text, not HTML: nothing is to be escaped for a browser.
    environment = Environment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    return environment.from_string(source)
