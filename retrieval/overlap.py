"""Which texts say the same in the same words: a text is no example for itself.

Two texts are near-duplicates where, letter case and everything but letters and digits aside,
- their words are the same, in the same order, or
- at least 90 % of the different words of both occur in both, or
- at least 90 % of the three-word sequences of the shorter, of 8 words or more, occur in the longer: a window of a
  document that is itself an example. Shorter texts are contained in too much that merely mentions them.
"""

from __future__ import annotations

from dataclasses import dataclass

from models.words import split_words

#: Share of words, or of sequences, from which on two texts are near-duplicates.
SAME = 0.9
#: Fewest words of a text that may count as a part of another.
CONTAINED = 8
_SEQUENCE = 3


@dataclass(frozen=True, slots=True)
class Wording:
    """A text's words as they are compared."""

    words: tuple[str, ...]
    vocabulary: frozenset[str]
    sequences: frozenset[tuple[str, ...]]


def wording(text: str) -> Wording:
    """What of a text is compared; a text without letters and digits is compared by its signs."""
    tokens = [text[word.start : word.end].casefold() for word in split_words(text)]
    words = tuple(token for token in tokens if any(map(str.isalnum, token))) or tuple(tokens)
    sequences = frozenset(words[i : i + _SEQUENCE] for i in range(len(words) - _SEQUENCE + 1))
    return Wording(words=words, vocabulary=frozenset(words), sequences=sequences)


def near_duplicates(one: Wording, other: Wording) -> bool:
    """Whether two texts say the same in the same words."""
    return one.words == other.words or _alike(one, other) or _part(one, other)


def _alike(one: Wording, other: Wording) -> bool:
    shared = len(one.vocabulary & other.vocabulary)
    return shared >= SAME * (len(one.vocabulary) + len(other.vocabulary) - shared) and shared > 0


def _part(one: Wording, other: Wording) -> bool:
    shorter, longer = sorted((one, other), key=lambda each: len(each.words))
    if len(shorter.words) < CONTAINED:
        return False
    return len(shorter.sequences & longer.sequences) >= SAME * len(shorter.sequences)
