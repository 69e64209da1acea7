"""Prompts of mentions: the template, what is cut, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import MentionOutside, MentionTooLong
from models.mentions import LEFT, Mention, collated, prompts
from models.shapes import Shape
from tests.models.building import hostile
from tests.models.typing_sets import mention

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.encoder import Encoder


def shown(encoder: Encoder, pieces: Sequence[int]) -> str:
    """Pieces as text."""
    return str(encoder.tokenizer.decode(list(pieces)))


def test_a_mention_stands_in_brackets_before_the_place_of_its_type(packaged: Encoder) -> None:
    tokenizer = packaged.tokenizer
    [found] = prompts([mention("Yesterday the band played in Ulm.", "the band")], tokenizer)
    assert shown(packaged, found.pieces) == "[CLS] yesterday [ the band ] ( type : [MASK] ) played in ulm. [SEP]"
    assert found.pieces[found.at] == tokenizer.mask_token_id
    assert [tokenizer.decode([each or 0]) for each in found.beside] == ["yesterday", "played"]
    [other] = prompts([mention("the band", "the band")], tokenizer, cue=LEFT)
    assert shown(packaged, other.pieces) == "[CLS] [ the band ] ( left : [MASK] ) [SEP]"
    assert other.beside == (None, None)


def test_pieces_know_how_their_words_are_written(packaged: Encoder) -> None:
    [found] = prompts([mention("Yesterday the iPhone of NASA fell, 12 times.", "the iPhone")], packaged.tokenizer)
    words = shown(packaged, found.pieces).split()
    told = dict(zip(packaged.tokenizer.convert_ids_to_tokens(list(found.pieces)), found.shapes, strict=True))
    assert len(found.shapes) == len(found.pieces)
    assert words[0] == "[CLS]"
    assert (told["yesterday"], told["the"], told["nasa"]) == (Shape.CAPITALISED, Shape.LOWER, Shape.UPPER)
    assert {told[piece] for piece in packaged.tokenizer.tokenize("iPhone")} == {Shape.MIXED}
    assert (told["12"], told[","], told["[MASK]"], told["type"]) == (Shape.DIGITS, Shape.OTHER, Shape.NONE, Shape.NONE)
    [small] = prompts([mention("yesterday the phone fell", "the phone")], packaged.tokenizer)
    assert set(small.shapes) == {Shape.NONE}


def test_a_context_that_is_cut_keeps_its_shapes_in_place(packaged: Encoder) -> None:
    text = f"{'small ' * 90}Big Golden Gate Wide{' small' * 90}"
    [found] = prompts([mention(text, "Golden Gate")], packaged.tokenizer, most=32)
    pieces = packaged.tokenizer.convert_ids_to_tokens(list(found.pieces))
    raised = {piece for piece, shape in zip(pieces, found.shapes, strict=True) if shape is Shape.CAPITALISED}
    assert raised == {"big", "golden", "gate", "wide"}


def test_a_mask_in_the_text_is_not_the_place(packaged: Encoder) -> None:
    text = "He wrote [MASK] on the wall of the house."
    for words in ("[MASK]", "the house"):
        [found] = prompts([mention(text, words)], packaged.tokenizer)
        after = shown(packaged, found.pieces[found.at - 2 : found.at + 2])
        assert after == "type : [MASK] )"


@pytest.mark.parametrize("place", [0, 2000, 3990])
def test_a_long_context_is_cut_on_both_sides_and_the_mention_is_whole(packaged: Encoder, place: int) -> None:
    words = ["word"] * 4000
    words[place : place + 2] = ["golden", "gate"]
    [found] = prompts([mention(" ".join(words), "golden gate")], packaged.tokenizer, most=64)
    told = shown(packaged, found.pieces)
    assert "[ golden gate ] ( type : [MASK] )" in told
    assert len(found.pieces) == 64
    before, _, after = told.partition("[ golden")
    assert place == 0 or before.count("word") >= 10
    assert place == 3990 or after.count("word") >= 10


def test_a_long_mention_keeps_some_context_or_is_refused(packaged: Encoder) -> None:
    text = f"{'left ' * 300}{'own ' * 200}{'right ' * 300}"
    start, end = 5 * 300, 5 * 300 + 4 * 200 - 1
    [found] = prompts([Mention(text=text, start=start, end=end)], packaged.tokenizer, most=64)
    told = shown(packaged, found.pieces)
    assert (told.count("own"), told.count("left"), told.count("right")) == (200, 16, 16)
    with pytest.raises(MentionTooLong, match="has 200 pieces; the encoder holds no more than 91"):
        prompts([Mention(text=text, start=start, end=end)], packaged.tokenizer, limit=100)


@pytest.mark.parametrize(("start", "end"), [(-1, 2), (2, 2), (3, 2), (0, 6)])
def test_a_mention_outside_its_text_is_refused_by_value(start: int, end: int) -> None:
    with pytest.raises(MentionOutside, match=rf"\[{start}, {end}\) is no stretch of a text of 5 characters"):
        Mention(text="Hello", start=start, end=end)


@given(text=hostile.filter(bool), data=st.data())
@settings(max_examples=60, deadline=None)
def test_whatever_a_text_holds_there_is_one_place_and_the_limit_is_kept(
    packaged: Encoder, text: str, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    [found] = prompts([Mention(text=text, start=start, end=end)], packaged.tokenizer, most=48, limit=300)
    assert found.pieces[found.at] == packaged.tokenizer.mask_token_id
    assert len(found.pieces) <= 300


def test_prompts_become_one_padded_batch(packaged: Encoder) -> None:
    texts = ["Rome fell.", "The city of Rome fell long ago."]
    found = prompts([mention(text, "Rome") for text in texts], packaged.tokenizer)
    batch = collated(found, 0).to(torch.device("cpu"))
    assert batch.ids.shape == batch.mask.shape == (2, 24)
    assert batch.mask.sum(1).tolist() == [len(each.pieces) for each in found]
    assert batch.shapes[0, : len(found[0].pieces)].tolist() == list(found[0].shapes)
    assert (batch.ids[torch.arange(2), batch.at] == packaged.tokenizer.mask_token_id).all()
    assert prompts([], packaged.tokenizer) == []
