"""Batching: groups by length under a budget, and passages as padded tensors."""

from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.batching import by_length, collate, padded
from models.passages import passages

if TYPE_CHECKING:
    from models.encoder import Encoder


@given(st.lists(st.integers(0, 300)), st.integers(1, 2000))
def test_groups_hold_every_position_once_and_keep_the_budget(sizes: list[int], budget: int) -> None:
    groups = list(by_length(sizes, budget))

    assert sorted(i for group in groups for i in group) == list(range(len(sizes)))
    for group in groups:
        longest = max(sizes[i] for i in group)
        assert len(group) == 1 or longest * len(group) <= budget


@given(st.lists(st.integers(0, 300)), st.integers(1, 2000))
def test_groups_are_as_full_as_the_budget_allows(sizes: list[int], budget: int) -> None:
    groups = list(by_length(sizes, budget))

    for group, following in pairwise(groups):
        assert max(sizes[group[0]], 1) * (len(group) + 1) > budget
        assert min(sizes[i] for i in group) >= max(sizes[i] for i in following), "longest first"


@given(st.integers(0, 5000))
def test_padded_length_leaves_room_for_the_special_pieces(pieces: int) -> None:
    assert padded(pieces) % 8 == 0
    assert pieces + 2 <= padded(pieces) < pieces + 10


def test_passages_become_tensors(packaged: Encoder) -> None:
    # Given "Anna unbelievability" (one piece, five pieces) and a shorter text
    tokenizer = packaged.tokenizer
    items = [passages(text, tokenizer)[0] for text in ("Anna unbelievability", "bern")]
    anna, bern = (tokenizer.convert_tokens_to_ids(token) for token in ("anna", "bern"))
    cls, sep, pad = tokenizer.cls_token_id, tokenizer.sep_token_id, tokenizer.pad_token_id
    assert isinstance(cls, int)
    assert isinstance(sep, int)
    assert isinstance(pad, int)

    # When they are put together
    batch = collate(items, tokenizer)

    # Then pieces, shapes and words are where they belong
    assert batch.input_ids.shape == (2, 8)
    assert batch.input_ids[:, :3].tolist() == [[cls, anna, items[0].pieces[1]], [cls, bern, sep]]
    assert batch.input_ids[0, 7].item() == sep
    assert batch.input_ids[1, 3:].tolist() == [pad] * 5
    assert batch.attention_mask.tolist() == [[1] * 8, [1] * 3 + [0] * 5]
    assert batch.shape_ids.tolist() == [[0, 2, 1, 1, 1, 1, 1, 0], [0] * 8]
    assert batch.first_piece.tolist() == [[1, 2], [1, 0]]
    assert batch.last_piece.tolist() == [[1, 6], [1, 0]]
    assert batch.word_mask.tolist() == [[True, True], [True, False]]


def test_an_empty_passage_becomes_a_row_without_words(packaged: Encoder) -> None:
    batch = collate(passages("", packaged.tokenizer), packaged.tokenizer)

    assert batch.input_ids.shape == (1, 8)
    assert batch.attention_mask.sum().item() == 2
    assert not batch.word_mask.any()


def test_a_batch_moves_to_another_device_whole(packaged: Encoder) -> None:
    batch = collate(passages("Anna", packaged.tokenizer), packaged.tokenizer).to(torch.device("meta"))

    assert {getattr(batch, name).device.type for name in batch.__dataclass_fields__} == {"meta"}


def test_a_tokenizer_without_special_pieces_is_refused(packaged: Encoder) -> None:
    bare = cast("Any", SimpleNamespace(pad_token_id=0, cls_token_id=None, sep_token_id=None))

    with pytest.raises(TypeError, match="None"):
        collate(passages("Anna", packaged.tokenizer), bare)
