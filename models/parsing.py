"""From an answer that was written freely to spans: what holds is kept, what does not is left out and said.

Owns the rules by which lines are read. A mention counts where its words stand in the text, white space apart; one
that is written once means all its places, one that is written n times means its first n, in the order of the lines.
Longer mentions take their places first, and no place is taken twice.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.asking import UNPARSABLE, Answer
from models.lines import NOTHING, SEPARATOR, shown_names, spelled
from models.types import Span
from models.words import split_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.asking import Ask
    from models.words import Word

#: What some models put around an answer, whatever they are told.
_FENCE = "```"

Words = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Line:
    """A line that names a label of the job."""

    words: Words
    label: str
    score: float


class _Places:
    """Where words stand in a text, and which of them are taken."""

    def __init__(self, text: str) -> None:
        self.words: list[Word] = split_words(text)
        self._strings = _strings(text)
        self._taken = [False] * len(self.words)
        self._by_first: defaultdict[str, list[int]] = defaultdict(list)
        for i, string in enumerate(self._strings):
            self._by_first[string].append(i)

    def take(self, words: Words, most: int | None) -> list[tuple[int, int]]:
        """The first `most` free places of a mention, or all, as offsets in the text; they are taken from now on."""
        found: list[tuple[int, int]] = []
        for first in self._by_first.get(words[0], ()):
            last = first + len(words)
            if (most is None or len(found) < most) and self._free(words, first, last):
                self._taken[first:last] = [True] * len(words)
                found.append((self.words[first].start, self.words[last - 1].end))
        return found

    def _free(self, words: Words, first: int, last: int) -> bool:
        return tuple(self._strings[first:last]) == words and not any(self._taken[first:last])


def parse(answer: str, ask: Ask, shown: int, *, whole: bool = True, scores: Sequence[float] = ()) -> Answer:
    """Read an answer about an ask. `whole` is False where it was cut short: its last line does not count then.

    `scores` are the chances of its lines, broken at line feeds, where they are known; else 1.
    """
    written = answer.split("\n")
    kept = written if whole else written[:-1]
    labels = {name.casefold(): label.name for name, label in zip(shown_names(ask.labels), ask.labels, strict=True)}
    lines: list[_Line] = []
    said, sound = 0, whole
    for number, text in enumerate(kept):
        if not text.strip() or text.strip().startswith(_FENCE):
            continue
        said += 1
        line = _line(text, labels, scores[number] if number < len(scores) else 1.0)
        if line is not None:
            lines.append(line)
        elif text.strip() != NOTHING:
            sound = False
    nothing = said - len(lines)
    spans, missing = _resolved(lines, ask.text)
    # Neither silence nor "nothing" beside something is an answer.
    sound = sound and said > 0 and not missing and not (lines and nothing) and nothing < 2
    return Answer(spans=tuple(spans), shown=shown, flags=() if sound else (UNPARSABLE,))


def _line(text: str, labels: dict[str, str], score: float) -> _Line | None:
    mention, found, name = text.rpartition(SEPARATOR)
    label = labels.get(" ".join(name.split()).casefold())
    words = tuple(_strings(mention))
    return _Line(words, label, score) if found and label is not None and words else None


def _resolved(lines: Sequence[_Line], text: str) -> tuple[list[Span], bool]:
    """Spans of the lines in the order of the text, and whether any line has no place left."""
    by_words: defaultdict[Words, list[_Line]] = defaultdict(list)
    for line in lines:
        by_words[line.words].append(line)
    places = _Places(text)
    spans: list[Span] = []
    missing = False
    for words in sorted(by_words, key=len, reverse=True):
        same = by_words[words]
        found = places.take(words, None if len(same) == 1 else len(same))
        missing = missing or len(found) < len(same)
        each = same * len(found) if len(same) == 1 else same
        spans += [
            Span(start=start, end=end, label=line.label, score=round(line.score, 4))
            for (start, end), line in zip(found, each, strict=False)
        ]
    return sorted(spans, key=lambda span: span.start), missing


def _strings(text: str) -> list[str]:
    return [spelled(text[word.start : word.end]) for word in split_words(text)]
