"""Passages into batches: padding to tensors, and grouping by length under a token budget.

Owns how work is packed; what is predicted does not depend on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from models.biencoder import Batch
from models.shapes import Shape

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from transformers import PreTrainedTokenizerFast

    from models.passages import Passage


def by_length(sizes: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Positions of `sizes` in groups of like length, longest first, none above `budget` padded units.

    A single item above the budget goes alone.
    """
    order = sorted(range(len(sizes)), key=lambda i: (-sizes[i], i))
    group: list[int] = []
    for i in order:
        if group and max(sizes[group[0]], 1) * (len(group) + 1) > budget:
            yield group
            group = []
        group.append(i)
    if group:
        yield group


def padded(pieces: int) -> int:
    """Length that a passage of `pieces` takes: the special pieces added, rounded up to a multiple of 8.

    Few different shapes let the kernels' caches work: on a processor, new shapes cost half a step more.
    """
    return -(-(pieces + 2) // 8) * 8


def collate(items: Sequence[Passage], tokenizer: PreTrainedTokenizerFast, suffix: Sequence[int] = ()) -> Batch:
    """Pad passages to tensors, with the special pieces around each and the pieces of `suffix` behind."""
    t = max(padded(len(item.pieces) + len(suffix)) for item in items)
    w = max(1, max(len(item.shapes) for item in items))
    b = len(items)
    ids = torch.full((b, t), _id(tokenizer.pad_token_id), dtype=torch.long)
    attention = torch.zeros((b, t), dtype=torch.long)
    shape_ids = torch.full((b, t), int(Shape.NONE), dtype=torch.long)
    first = torch.zeros((b, w), dtype=torch.long)
    last = torch.zeros((b, w), dtype=torch.long)
    mask = torch.zeros((b, w), dtype=torch.bool)
    for row, item in enumerate(items):
        n = len(item.pieces)
        around = (_id(tokenizer.cls_token_id), _id(tokenizer.sep_token_id))
        read = [around[0], *item.pieces, around[1], *suffix]
        ids[row, : len(read)] = torch.tensor(read)
        attention[row, : len(read)] = 1
        if n:
            word_of = torch.tensor(item.word_of)
            shape_ids[row, 1 : n + 1] = torch.tensor([int(s) for s in item.shapes])[word_of]
            counts = torch.bincount(word_of, minlength=len(item.shapes))
            ends = counts.cumsum(0)
            first[row, : len(counts)] = ends - counts + 1
            last[row, : len(counts)] = ends
            mask[row, : len(counts)] = True
    return Batch(
        input_ids=ids,
        attention_mask=attention,
        shape_ids=shape_ids,
        first_piece=first,
        last_piece=last,
        word_mask=mask,
    )


def _id(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError(f"the tokenizer has no such special piece: {value!r}")
    return value
