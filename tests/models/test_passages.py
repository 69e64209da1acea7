"""Passages: every word is read and has one owner, and no window is too long."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from models.passages import OVERLAP, WINDOW, Passage, passages, tokenize_words
from models.shapes import Shape
from models.words import Word, split_words
from tests.models.building import example as examples_of
from tests.models.building import hostile

if TYPE_CHECKING:
    from models.encoder import Encoder


def owners(found: list[Passage]) -> Counter[Word]:
    return Counter(word for passage in found for word in passage.words[slice(*passage.owned)])


def readable(text: str, encoder: Encoder) -> list[Word]:
    words = split_words(text)
    strings = [text[word.start : word.end] for word in words]
    pieces = tokenize_words(encoder.tokenizer, strings) if strings else []
    return [word for word, ids in zip(words, pieces, strict=True) if ids]


def check(text: str, encoder: Encoder, window: int = WINDOW, overlap: int = OVERLAP) -> list[Passage]:
    found = passages(text, encoder.tokenizer, window=window, overlap=overlap)
    assert owners(found) == Counter(readable(text, encoder)), "every readable word has exactly one owner"
    for passage in found:
        assert len(passage.pieces) <= window
        assert len(passage.pieces) == len(passage.word_of)
        assert len(passage.words) == len(passage.shapes)
        assert sorted(set(passage.word_of)) == list(range(len(passage.words))), "every word has a piece"
        assert 0 <= passage.owned[0] <= passage.owned[1] <= len(passage.words)
    return found


@given(st.lists(hostile, max_size=6).map(" ".join), st.integers(8, 40), st.floats(0, 0.9))
@example("ab " * 40 + "Æ" * 48, 16, 0.75)
@settings(max_examples=200, deadline=None)
def test_every_word_is_read_and_owned_once(packaged: Encoder, text: str, window: int, share: float) -> None:
    check(text, packaged, window, int(window * share))


@given(st.lists(st.integers(1, 16), max_size=60), st.integers(0, 15))
def test_every_window_but_the_first_reads_something_new(packaged: Encoder, sizes: list[int], overlap: int) -> None:
    # Given words of so many pieces each
    text = " ".join("1" * size if size < 3 else ".".join("1" * ((size + 1) // 2)) for size in sizes)

    # When windows of 16 pieces are cut
    found = check(text, packaged, 16, overlap)

    # Then each ends after the one before it
    ends = [passage.words[-1].end for passage in found if passage.words]
    assert ends == sorted(set(ends))


def test_neighbours_share_context(packaged: Encoder) -> None:
    found = check("word " * 1000, packaged)

    assert len(found) == 1 + -(-(1000 - WINDOW) // (WINDOW - OVERLAP))
    for left, right in pairwise(found):
        shared = set(left.words) & set(right.words)
        assert len(shared) == OVERLAP
        assert left.owned[1] == WINDOW - OVERLAP // 2
        assert right.owned[0] == OVERLAP // 2


def test_a_short_text_is_one_passage(packaged: Encoder) -> None:
    [passage] = check("Anna Meier lives in Bern.", packaged)

    assert passage.owned == (0, 6)
    assert passage.words[:2] == (Word(0, 4), Word(5, 10))
    assert passage.shapes[:3] == (Shape.CAPITALISED, Shape.CAPITALISED, Shape.LOWER)


def test_the_long_example_is_read_to_its_end(packaged: Encoder) -> None:
    [document], _ = examples_of("long")

    found = check(document.text, packaged)

    assert len(found) > 20
    assert found[-1].words[-1].end == len(document.text)


@pytest.mark.parametrize("character", ["a", "Æ", "1", "中", "한", "\U00010330"])
def test_one_word_of_20000_characters(packaged: Encoder, character: str) -> None:
    found = check(character * 20_000, packaged)

    assert sum(word.end - word.start for word in owners(found)) == 20_000


@pytest.mark.parametrize("text", ["", "   \r\n", "\x00\x07\x1b", "\x00" * 500, "\ufeff\u200b"])
def test_a_text_with_nothing_to_read_is_one_empty_passage(packaged: Encoder, text: str) -> None:
    assert check(text, packaged) == [Passage(pieces=(), word_of=(), shapes=(), words=(), owned=(0, 0))]


def test_control_characters_between_words_are_left_out(packaged: Encoder) -> None:
    [passage] = check("Anna\x00 \x07Meier", packaged)

    assert passage.words == (Word(0, 4), Word(7, 12))


@given(hostile)
@settings(max_examples=50, deadline=None)
def test_passages_are_a_function_of_the_text_alone(packaged: Encoder, text: str) -> None:
    before = passages(text, packaged.tokenizer)
    passages("another text, much longer than the first one was", packaged.tokenizer)

    assert passages(text, packaged.tokenizer) == before


def test_pieces_of_each_word(packaged: Encoder) -> None:
    pieces = tokenize_words(packaged.tokenizer, ["Anna", "\x00", "unbelievability", "."])

    assert [packaged.tokenizer.convert_ids_to_tokens(ids) for ids in pieces] == [
        ["anna"],
        [],
        ["un", "##bel", "##ie", "##va", "##bility"],
        ["."],
    ]
