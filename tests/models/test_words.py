"""Words: offsets, what they cover, where they are cut."""

from __future__ import annotations

from itertools import pairwise

import pytest
import regex
from hypothesis import example, given, settings
from hypothesis import strategies as st

from models.words import MAX_WORD, split_words
from tests.models.building import characters, hostile

UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
RUN = regex.compile(rf"(?:(?![{UNSPACED}])[\p{{L}}\p{{N}}\p{{M}}])+")
#: Letters that Unicode joins to a symbol before them: an emoji, and marks of half-width kana.
JOINED = "ℹﾞﾟ"


def surfaces(text: str) -> list[str]:
    return [text[word.start : word.end] for word in split_words(text)]


@given(hostile)
@example("\u0600 12 \u06dd")
@settings(max_examples=500)
def test_words_are_in_order_and_cover_all_but_white_space(text: str) -> None:
    words = split_words(text)
    covered = [i for word in words for i in range(word.start, word.end)]

    assert all(word.start < word.end for word in words)
    assert all(left.end <= right.start for left, right in pairwise(words))
    assert covered == [i for i, character in enumerate(text) if not regex.match(r"\s", character)]


@given(st.text(characters.filter(lambda c: c not in JOINED), max_size=120))
@example("\u0600abc")
@example("1.5" + "a" * 40)
@settings(max_examples=500)
def test_no_run_of_letters_and_marks_is_cut(text: str) -> None:
    words = split_words(text)
    for run in RUN.finditer(text):
        if regex.match(r"\p{L}", run[0]) and len(run[0]) <= MAX_WORD:
            assert any(word.start <= run.start() and run.end() <= word.end for word in words), run[0]


@given(hostile.map(lambda text: text * 3))
def test_no_word_is_longer_than_the_limit(text: str) -> None:
    assert all(word.end - word.start <= MAX_WORD for word in split_words(text))


@given(hostile, hostile)
def test_words_do_not_depend_on_what_stands_after_white_space(left: str, right: str) -> None:
    assert surfaces(f"{left} {right}") == surfaces(left) + surfaces(right)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        (" \r\n\t\u3000", []),
        ("one two", ["one", "two"]),
        ("one\r\ntwo", ["one", "two"]),
        ("O'Neill-Smith", ["O", "'", "Neill", "-", "Smith"]),
        ("3.14, 1,000.5 and 7.", ["3.14", ",", "1,000.5", "and", "7", "."]),
        ("v2.0", ["v2", ".", "0"]),
        ("12th B12", ["12th", "B12"]),
        ("İstanbul", ["İstanbul"]),
        ("I\u0307stanbul e\u0301te\u0301", ["I\u0307stanbul", "e\u0301te\u0301"]),
        ("hi 👩🏽‍🚀!", ["hi", "👩🏽‍🚀", "!"]),
        ("🇩🇪🇫🇷", ["🇩🇪", "🇫🇷"]),
        ("❤\ufe0fa", ["❤\ufe0f", "a"]),
        ("東京タワー", ["東", "京", "タ", "ワ", "ー"]),
        ("東京Tower", ["東", "京", "Tower"]),
        ("ก\u0e34น", ["ก\u0e34", "น"]),
        ("한국어 말", ["한국어", "말"]),
        ("a\x00b", ["a", "\x00", "b"]),
        ("\u0600 12", ["\u0600", "12"]),
    ],
)
def test_words_of(text: str, words: list[str]) -> None:
    assert surfaces(text) == words


def test_a_word_above_the_limit_is_cut_into_words_of_the_limit() -> None:
    assert [len(surface) for surface in surfaces("a" * (2 * MAX_WORD + 5))] == [MAX_WORD, MAX_WORD, 5]
    assert surfaces("a" * MAX_WORD) == ["a" * MAX_WORD]
    assert "".join(surfaces("1." * 100 + "1")) == "1." * 100 + "1"
