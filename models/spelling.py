"""Texts, labels and marks as a tokenizer writes them: the pieces that an answer may consist of.

Owns pieces of single words. A word is spelled as it stands after a line break, or after a space where the text has
white space before it; so an answer's pieces are known word by word, for whatever tokenizer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tokenizers import Tokenizer

from models.decoding import flat
from models.errors import GeneratorNotFound
from models.lines import NOTHING, SEPARATOR, shown_names, spaced, spelled
from models.words import split_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from transformers import PreTrainedTokenizerFast

    from models.types import Label, Span
    from models.words import Word

#: Text before what is spelled, so that no tokenizer adds a space of its own.
_BEFORE = "a\n"

#: Most spellings kept.
_MOST_KNOWN = 200_000

Pieces = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """What an answer has beside words and labels; every sequence has a piece at least."""

    separator: Pieces
    line_end: Pieces
    nothing: Pieces
    #: Pieces any of which ends an answer; the first is what training writes.
    ends: Pieces


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """The words of a text that the tokenizer sees, each with its pieces."""

    words: tuple[Word, ...]
    #: Pieces of each word where a line begins with it.
    opening: tuple[Pieces, ...]
    #: Pieces of each word after the one before it.
    following: tuple[Pieces, ...]


class Speller:
    """A tokenizer as a writer of words. What looks like a special piece in a text is spelled as any other text."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast, ends: Iterable[int] = ()) -> None:
        # A copy: the tokenizer's own settings are its owner's.
        self._backend = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
        self._backend.no_truncation()
        self._backend.no_padding()
        self._backend.encode_special_tokens = True
        # One unknown piece may swallow the next, so nothing goes before where a line break is unknown.
        self._anchor = _BEFORE if tokenizer.unk_token_id not in self.ids(_BEFORE) else ""
        self._before = self.ids(self._anchor)
        self._known: dict[str, Pieces] = {}
        self.marks = self._marks(tokenizer, ends)

    def ids(self, text: str) -> list[int]:
        """Pieces of a whole text, without special ones."""
        return list(self._backend.encode(text, add_special_tokens=False).ids)

    def script(self, text: str) -> Script:
        """The words of a text; those that the tokenizer drops, such as control characters, are left out."""
        words = split_words(text)
        plain = [spelled(text[word.start : word.end]) for word in words]
        later = [" " * apart + word for word, apart in zip(plain, spaced(words), strict=True)]
        opening, following = self.spell(plain), self.spell(later)
        seen = [i for i in range(len(words)) if opening[i] and following[i]]
        return Script(
            words=tuple(words[i] for i in seen),
            opening=tuple(opening[i] for i in seen),
            following=tuple(following[i] for i in seen),
        )

    def labels(self, labels: Sequence[Label]) -> list[Pieces]:
        """Pieces of each label as answers name it."""
        return self.spell([f" {name}" for name in shown_names(labels)])

    def answer(self, text: str, labels: Sequence[Label], spans: Iterable[Span]) -> list[int]:
        """Pieces of the answer that says these spans, its end included; as the grammar would have it written.

        Left out are spans that are no whole words, or of no such label; of those that overlap, the surer stays.
        """
        script, marks = self.script(text), self.marks
        first = {word.start: i for i, word in enumerate(script.words)}
        last = {word.end: i for i, word in enumerate(script.words)}
        names = dict(zip((label.name for label in labels), self.labels(labels), strict=True))
        pieces: list[int] = []
        for span in flat(span for span in spans if names.get(span.label)):
            if span.start in first and span.end in last:
                inner = script.following[first[span.start] + 1 : last[span.end] + 1]
                mention = [*script.opening[first[span.start]], *(piece for word in inner for piece in word)]
                pieces += [*mention, *marks.separator, *names[span.label], *marks.line_end]
        return [*(pieces or (*marks.nothing, *marks.line_end)), marks.ends[0]]

    def spell(self, texts: Sequence[str]) -> list[Pieces]:
        """Pieces of each text as it is written within a line."""
        new = sorted({text for text in texts if text not in self._known})
        found = self._backend.encode_batch([self._anchor + text for text in new], add_special_tokens=False)
        if len(self._known) + len(new) > _MOST_KNOWN:
            self._known = {text: self._known[text] for text in texts if text in self._known}
        for text, encoded in zip(new, found, strict=True):
            self._known[text] = self._without_before(text, encoded.ids)
        return [self._known[text] for text in texts]

    def _without_before(self, text: str, ids: Sequence[int]) -> Pieces:
        n = len(self._before)
        if list(ids[:n]) == self._before:
            return tuple(ids[n:])
        return tuple(self.ids(text))

    def _marks(self, tokenizer: PreTrainedTokenizerFast, ends: Iterable[int]) -> Marks:
        own = tokenizer.sep_token_id if tokenizer.eos_token_id is None else tokenizer.eos_token_id
        known = [end for end in (own, *ends) if isinstance(end, int)]
        if not known:
            raise GeneratorNotFound("the tokenizer has no piece that ends a text: set its eos_token")
        separator, nothing, line_end = self.spell([f" {SEPARATOR}", NOTHING, "\n"])
        if not line_end or tokenizer.unk_token_id in line_end:
            # What ends a text ends its lines too, where the tokenizer cannot write a line break.
            line_end = (known[0],)
        return Marks(separator=separator, line_end=line_end, nothing=nothing, ends=tuple(dict.fromkeys(known)))
