"""Words of a text with exact code-point offsets: the units that spans start and end on.

Owns segmentation only. A word is a run of letters, digits and marks; every other visible character stands
alone, and so does every character of a script written without spaces. No normalisation: offsets are those
of the caller's own string.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import regex

#: Longest word, in code points; longer runs (a URL, a base64 blob) are cut so that every one fits a window.
MAX_WORD = 48

_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"


@dataclass(frozen=True, slots=True)
class Word:
    """One word, `text[start:end]`, in code points."""

    start: int
    end: int


@cache
def _pattern() -> regex.Pattern[str]:
    unspaced = rf"[{_UNSPACED}]\p{{M}}*"
    number = r"\p{N}+(?:[.,]\p{N}+)+"
    letters = rf"(?:(?![{_UNSPACED}])[\p{{L}}\p{{N}}\p{{M}}]){{1,{MAX_WORD}}}"
    # A prepending sign (U+0600) would take the space or the first letter after it into its cluster.
    symbol = r"(?!\s)(?:\p{GCB=Prepend}|\X)"
    return regex.compile(rf"{unspaced}|{number}|{letters}|{symbol}")


def split_words(text: str) -> list[Word]:
    """Words of `text` in order; they never overlap and leave out white space alone."""
    found = (match.span() for match in _pattern().finditer(text))
    return [Word(cut, min(cut + MAX_WORD, end)) for start, end in found for cut in range(start, end, MAX_WORD)]
