"""Masked words: the share that is hidden, how, and what never is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from models.training.masking import masked
from models.training.objectives import IGNORED

if TYPE_CHECKING:
    from models.encoder import Encoder


def test_a_share_is_hidden_and_special_pieces_never_are(packaged: Encoder) -> None:
    tokenizer = packaged.tokenizer
    ids = torch.randint(2000, 3000, (50, 100), generator=torch.Generator().manual_seed(1))
    ids[:, 0], ids[:, 50], ids[:, 99] = tokenizer.cls_token_id, tokenizer.mask_token_id, tokenizer.sep_token_id
    mask = torch.ones_like(ids)
    mask[:, 90:] = 0
    found, targets = masked(ids, mask, tokenizer, 0.2, torch.Generator().manual_seed(2))
    hidden = targets != IGNORED
    assert 0.18 < hidden[:, 1:50].float().mean() < 0.22
    assert not hidden[:, [0, 50]].any()
    assert not hidden[:, 90:].any()
    assert torch.equal(targets[hidden], ids[hidden])
    assert torch.equal(found[~hidden], ids[~hidden])
    covered = (found[hidden] == tokenizer.mask_token_id).float().mean()
    assert 0.75 < covered < 0.85
    assert 0.06 < (found[hidden] == ids[hidden]).float().mean() < 0.14


def test_nothing_is_hidden_where_nothing_is_wanted(packaged: Encoder) -> None:
    ids = torch.full((2, 5), 2000)
    found, targets = masked(ids, torch.ones_like(ids), packaged.tokenizer, 0.0, torch.Generator())
    assert torch.equal(found, ids)
    assert (targets == IGNORED).all()
