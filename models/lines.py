"""The lines that answers are written in: `mention = label`, one an entity, `-` where there is nothing.

Owns how texts, mentions and labels are spelled so that none of them can break the format: on one line each, and
without the sign that parts a mention from its label. Used by prompts, by the grammar and by the parser alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.decoding import flat
from models.words import split_words

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from models.types import Label, Span
    from models.words import Word

SEPARATOR = "="
#: What stands for the separator where a text or a label holds it: the full-width equals sign.
ESCAPED = "\uff1d"
#: The answer about a text without entities.
NOTHING = "-"
#: Name of a label that has no visible character.
UNNAMED = "label"


def spelled(word: str) -> str:
    """A word as prompts and answers write it."""
    return word.replace(SEPARATOR, ESCAPED)


def spaced(words: Sequence[Word]) -> list[bool]:
    """Whether each word stands apart from the one before it; the first does not."""
    return [i > 0 and words[i - 1].end < word.start for i, word in enumerate(words)]


def one_line(text: str) -> str:
    """The text's words on one line, with one space for any white space between them, and no separator."""
    words = split_words(text)
    parts = zip(words, spaced(words), strict=True)
    return "".join(" " * apart + spelled(text[word.start : word.end]) for word, apart in parts)


def shown_names(labels: Sequence[Label]) -> list[str]:
    """Names of the labels as prompts and answers write them: with spaces for underscores, numbered where alike."""
    names: list[str] = []
    taken: set[str] = set()
    for label in labels:
        name = _free(one_line(label.name.replace("_", " ")) or UNNAMED, taken)
        taken.add(name.casefold())
        names.append(name)
    return names


def written(text: str, spans: Iterable[Span], names: dict[str, str]) -> str:
    """The answer that says these spans, each line with its break; those of other labels than `names` are left out.

    `names` maps labels to how they are shown. Of spans that overlap, the earlier of equal score is written.
    """
    kept = flat(span for span in spans if span.label in names)
    lines = [f"{one_line(text[span.start : span.end])} {SEPARATOR} {names[span.label]}\n" for span in kept]
    return "".join(lines) or f"{NOTHING}\n"


def _free(name: str, taken: Collection[str]) -> str:
    number, free = 1, name
    while free.casefold() in taken:
        number += 1
        free = f"{name} ({number})"
    return free
