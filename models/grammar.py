"""What may be written about a text, piece by piece: lines of a mention and a label, and nothing else.

    answer  = nothing line_end end | line+ end
    line    = mention separator label line_end

A mention is contiguous words of the text, at or after the end of the mention before; a label is one of the job's.
So whatever a model writes under it is spans of the text with labels of the job, flat and in order. Owns the state
machine over pieces; scores of pieces are its callers'.

Words may be written alike. All places that begin as the line does stay possible while it is written; when it turns
to its label, it stands for the first of them after the mention before. So a mention that is written twice means its
first two places.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TYPE_CHECKING

from models.types import Span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from models.spelling import Marks, Pieces, Script
    from models.types import Label


class _Part(IntEnum):
    """What of a line is being written."""

    WORD = 0
    SEPARATOR = 1
    LABEL = 2
    LINE_END = 3
    NOTHING = 4
    NOTHING_END = 5


@dataclass(frozen=True, slots=True)
class _Reading:
    """One way to understand the line so far: `at` pieces of a part are written."""

    first: int
    last: int
    part: _Part
    label: int = -1
    at: int = 0


class Grammar:
    """What may be written about one text with a job's labels."""

    def __init__(self, script: Script, labels: Sequence[Label], spelled: Sequence[Pieces], marks: Marks) -> None:
        self.script, self.labels, self.marks = script, labels, marks
        self._spelled = spelled
        # A label that the tokenizer drops cannot be written.
        self.writable = [i for i, pieces in enumerate(spelled) if pieces]
        self._openings: dict[int, list[int]] = {}
        for i, pieces in enumerate(script.opening if self.writable else ()):
            self._openings.setdefault(pieces[0], []).append(i)

    def openings(self, after: int) -> Iterator[int]:
        """Pieces that a mention may begin with, at or after a word."""
        return (piece for piece, places in self._openings.items() if places[-1] >= after)

    def opened(self, piece: int, after: int) -> list[_Reading]:
        """Ways to understand a line that begins with a piece."""
        return [_Reading(i, i, _Part.WORD) for i in self._openings.get(piece, ()) if i >= after]

    def pieces(self, reading: _Reading) -> Pieces:
        """All pieces of the part that a reading is at."""
        match reading.part:
            case _Part.WORD:
                script = self.script
                return (script.opening if reading.first == reading.last else script.following)[reading.last]
            case _Part.SEPARATOR:
                return self.marks.separator
            case _Part.LABEL:
                return self._spelled[reading.label]
            case _Part.NOTHING:
                return self.marks.nothing
            case _:
                return self.marks.line_end

    def after(self, reading: _Reading) -> Iterator[_Reading]:
        """Ways to go on once a part is written; none after a line's end."""
        match reading.part:
            case _Part.WORD:
                if reading.last + 1 < len(self.script.words):
                    yield replace(reading, last=reading.last + 1, at=0)
                yield replace(reading, part=_Part.SEPARATOR, at=0)
            case _Part.SEPARATOR:
                yield from (replace(reading, part=_Part.LABEL, label=i, at=0) for i in self.writable)
            case _Part.LABEL:
                yield replace(reading, part=_Part.LINE_END, at=0)
            case _Part.NOTHING:
                yield replace(reading, part=_Part.NOTHING_END, at=0)


class Writing:
    """One answer while it is written: what may come next, and what has been said."""

    def __init__(self, grammar: Grammar) -> None:
        self.grammar = grammar
        self.finished = False
        self._spans: list[Span] = []
        self._readings: list[_Reading] = []
        #: Word that the next mention may begin with; None once the text was said to have nothing.
        self._after: int | None = 0
        self._chance = 1.0
        self._allowed: list[int] | None = None

    @property
    def spans(self) -> tuple[Span, ...]:
        """What the finished lines say. A score is the chance of its line among all that could have been written."""
        return tuple(self._spans)

    @property
    def allowed(self) -> list[int]:
        """Pieces that may come next, ascending; none once the answer is finished."""
        if self._allowed is None:
            self._allowed = [] if self.finished else sorted(self._next())
        return self._allowed

    def take(self, piece: int, chance: float = 1.0) -> None:
        """Write one piece, which had this chance among those allowed. Raises ValueError where it is not one of them."""
        if piece not in self.allowed:
            raise ValueError(f"piece {piece} cannot follow: {len(self.allowed)} others may")
        self._allowed = None
        self._chance *= chance
        if not self._readings and piece in self.grammar.marks.ends and self._may_end():
            self.finished = True
            return
        readings = self._readings or self._begun(piece)
        self._read([reading for reading in readings if self._expected(reading) == piece])

    def _next(self) -> set[int]:
        if self._readings:
            return {self._expected(reading) for reading in self._readings}
        pieces = set(self.grammar.openings(self._after)) if self._after is not None else set()
        if self._may_end():
            return pieces.union(self.grammar.marks.ends)
        return pieces | {self.grammar.marks.nothing[0]}

    def _may_end(self) -> bool:
        return bool(self._spans) or self._after is None

    def _begun(self, piece: int) -> list[_Reading]:
        nothing = [] if self._may_end() else [_Reading(0, 0, _Part.NOTHING)]
        return [*(self.grammar.opened(piece, self._after) if self._after is not None else ()), *nothing]

    def _expected(self, reading: _Reading) -> int:
        return self.grammar.pieces(reading)[reading.at]

    def _read(self, matching: list[_Reading]) -> None:
        going: list[_Reading] = []
        for reading in matching:
            if reading.at + 1 < len(self.grammar.pieces(reading)):
                going.append(replace(reading, at=reading.at + 1))
                continue
            if reading.part in (_Part.LINE_END, _Part.NOTHING_END):
                self._end_line(reading)
                return
            going.extend(self.grammar.after(reading))
        self._readings = _first_places(going)

    def _end_line(self, reading: _Reading) -> None:
        if reading.part == _Part.NOTHING_END:
            self._after = None
        else:
            words = self.grammar.script.words
            start, end = words[reading.first].start, words[reading.last].end
            label = self.grammar.labels[reading.label].name
            self._spans.append(Span(start=start, end=end, label=label, score=round(self._chance, 4)))
            self._after = reading.last + 1
        self._readings, self._chance = [], 1.0


def _first_places(readings: list[_Reading]) -> list[_Reading]:
    """The readings without those that turn to their label now and stand for a later place than another does."""
    turning = [reading for reading in readings if reading.part == _Part.SEPARATOR and reading.at == 0]
    if len(turning) < 2:
        return readings
    first = min(turning, key=lambda reading: (reading.first, reading.last))
    return [reading for reading in readings if reading is first or reading not in turning]
