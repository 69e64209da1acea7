"""Texts as the encoder reads them: words cut into pieces, pieces into overlapping windows.

Owns the mapping between code points, words and pieces. Every word of a text that the tokenizer can see is in
at least one window, and every word belongs to exactly one: the window in which it has context on both sides.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.shapes import Shape, shapes
from models.words import Word, split_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transformers import PreTrainedTokenizerFast

#: Most pieces in a window, special pieces not counted.
WINDOW = 192
#: Pieces that neighbouring windows share; half of it is context for either side.
OVERLAP = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A stretch of words that one forward pass reads."""

    #: Piece ids without special pieces.
    pieces: tuple[int, ...]
    #: Word that each piece belongs to, counted from the passage's first word.
    word_of: tuple[int, ...]
    #: Shape of each word.
    shapes: tuple[Shape, ...]
    #: Words with their offsets in the text.
    words: tuple[Word, ...]
    #: Words, by position in the passage, whose spans are this passage's to report: [first, last).
    owned: tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Cut:
    words: list[Word]
    pieces: list[list[int]]
    shapes: list[Shape]


def tokenize_words(tokenizer: PreTrainedTokenizerFast, words: Sequence[str]) -> list[list[int]]:
    """Piece ids of each word; empty for a word that the tokenizer drops, such as a control character."""
    encoded = tokenizer(list(words), is_split_into_words=True, add_special_tokens=False)
    pieces: list[list[int]] = [[] for _ in words]
    for piece, word in zip(encoded["input_ids"], encoded.word_ids(0), strict=True):
        pieces[word].append(piece)
    return pieces


def passages(
    text: str, tokenizer: PreTrainedTokenizerFast, *, window: int = WINDOW, overlap: int = OVERLAP
) -> list[Passage]:
    """Windows over `text`, at least one, none above `window` pieces; a function of the text alone."""
    cut = _cut(text, tokenizer, window)
    return [
        _passage(cut, first, last, owned)
        for (first, last), owned in stretches([len(p) for p in cut.pieces], window, overlap)
    ]


def stretches(sizes: Sequence[int], window: int, overlap: int) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Overlapping ranges [first, last) of words of these sizes, none larger than `window`, and what each owns.

    What a range owns, [first, last), counts from its own first word.
    """
    return _with_owners(_windows(sizes, window, overlap))


def _cut(text: str, tokenizer: PreTrainedTokenizerFast, window: int) -> _Cut:
    words = split_words(text)
    strings = [text[word.start : word.end] for word in words]
    pieces = tokenize_words(tokenizer, strings) if strings else []
    seen = [i for i, ids in enumerate(pieces) if ids]
    return _Cut([words[i] for i in seen], [pieces[i][:window] for i in seen], shapes([strings[i] for i in seen]))


def _windows(sizes: Sequence[int], window: int, overlap: int) -> list[tuple[int, int]]:
    """Word ranges [first, last) of at most `window` pieces that share about `overlap` pieces."""
    ranges: list[tuple[int, int]] = []
    first = 0
    while True:
        last, used = first, 0
        while last < len(sizes) and used + sizes[last] <= window:
            used += sizes[last]
            last += 1
        ranges.append((first, last))
        if last >= len(sizes):
            return ranges
        first = _step_back(sizes, first, last, min(overlap, window - sizes[last]))


def _step_back(sizes: Sequence[int], first: int, last: int, overlap: int) -> int:
    start, shared = last, 0
    while start - 1 > first and shared + sizes[start - 1] <= overlap:
        start -= 1
        shared += sizes[start]
    return start


def _with_owners(ranges: list[tuple[int, int]]) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Give each word to one window: shared words are split in the middle of the overlap."""
    borders = [(a[1] + b[0] + 1) // 2 for a, b in itertools.pairwise(ranges)]
    starts = [0, *borders]
    ends = [*borders, ranges[-1][1]]
    return [(r, (start - r[0], end - r[0])) for r, start, end in zip(ranges, starts, ends, strict=True)]


def _passage(cut: _Cut, first: int, last: int, owned: tuple[int, int]) -> Passage:
    pieces = cut.pieces[first:last]
    return Passage(
        pieces=tuple(piece for word in pieces for piece in word),
        word_of=tuple(i for i, word in enumerate(pieces) for _ in word),
        shapes=tuple(cut.shapes[first:last]),
        words=tuple(cut.words[first:last]),
        owned=owned,
    )
