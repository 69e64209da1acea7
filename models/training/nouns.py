"""Mentions that plain text shows without labels: nouns after an article, pronouns, and what is said beside a name.

Head words as types follow Choi et al. (Ultra-Fine Entity Typing, ACL 2018, section 3.2), without a parser: a noun
counts that the table of types knows. Owns finding them; what they are kinds of is the table's.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import yaml

from models.training.hypernyms import hypernyms

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

#: Most words of a noun phrase after its article, and most words of one looked at beside a name.
_LONGEST, _LOOKED = 4, 6
_SIGNS = frozenset(".,;:!?()[]\"'`-–—/&%$#*")


@dataclass(frozen=True, slots=True)
class Grammar:
    """The words that noun phrases are told by."""

    nouns: frozenset[str]
    determiners: frozenset[str]
    stops: frozenset[str]
    copulas: frozenset[str]
    pronouns: Mapping[str, tuple[str, ...]]


@cache
def settings() -> Mapping[str, Any]:
    """What ultrafine.yaml says."""
    found: Mapping[str, Any] = yaml.safe_load(
        (resources.files("models.training") / "ultrafine.yaml").read_text("utf-8")
    )
    return found


@cache
def grammar() -> Grammar:
    """The words of the package."""
    raw = settings()
    return Grammar(
        nouns=frozenset(hypernyms().upwards) - frozenset(raw["not_nouns"]),
        determiners=frozenset(raw["determiners"]),
        stops=frozenset(raw["stops"]),
        copulas=frozenset(raw["copulas"]),
        pronouns={str(word): tuple(types) for word, types in raw["pronouns"].items()},
    )


def singular(word: str) -> str:
    """The noun of the table that a word is a form of, or nothing."""
    for form in _forms(word):
        if form in grammar().nouns:
            return form
    return ""


def _forms(word: str) -> Iterator[str]:
    yield word
    if word.endswith("men"):
        yield f"{word[:-3]}man"
    if word.endswith("ies"):
        yield f"{word[:-3]}y"
    if word.endswith("es"):
        yield word[:-2]
    if word.endswith("s") and not word.endswith("ss"):
        yield word[:-1]
    if word == "children":
        yield "child"


def phrases(tokens: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    """Noun phrases [first, last) of a sentence with the noun that they end in: `the old bank` is a `bank`.

    Without a parser a phrase is sure to end only where a sign follows or a word that no phrase goes past.
    """
    words = [token.lower() for token in tokens]
    for first, word in enumerate(words):
        if word in grammar().determiners:
            last, noun = _head(words, first + 1, _LONGEST)
            if noun:
                yield first, last, noun


def pronouns(tokens: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    """Pronouns of a sentence, as `phrases` are told."""
    for i, token in enumerate(tokens):
        if token.lower() in grammar().pronouns:
            yield i, i + 1, token.lower()


def beside(tokens: Sequence[str], first: int, last: int) -> Iterator[str]:
    """Nouns that say what the name [first, last) is: in it, before it, after a comma or a verb of being."""
    words = [token.lower() for token in tokens]
    named = words[first:last]
    for told in (named[-1], *(named[i - 1] for i in range(1, len(named)) if named[i] == "of")):
        if noun := singular(told):
            yield noun
    if first and (noun := singular(words[first - 1])) == words[first - 1] and noun:
        yield noun
    if first > 1 and words[first - 1] == "of" and (noun := singular(words[first - 2])):
        yield noun
    after = words[last : last + 2]
    if len(after) == 2 and after[0] in {",", *grammar().copulas} and after[1] in {"a", "an", "the", "one"}:
        noun = _head(words, last + 2, _LOOKED)[1]
        if noun:
            yield noun


def _head(words: Sequence[str], start: int, most: int) -> tuple[int, str]:
    """Where the noun phrase from `start` ends and the noun at its end, if the table knows it."""
    end = start
    while end < min(len(words), start + most) and words[end] not in grammar().stops and not _SIGNS & set(words[end]):
        end += 1
    if end == start + most and end < len(words) and words[end] not in grammar().stops and words[end].isalpha():
        return end, ""
    if end - start > 1 and (noun := singular(" ".join(words[end - 2 : end]))):
        return end, noun
    return (end, singular(words[end - 1])) if end > start else (end, "")
