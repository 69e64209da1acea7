"""Masked words: pieces of a text that are hidden, and what they were.

BERT's objective (Devlin et al., NAACL 2019, section 3.1): of the chosen pieces eight in ten become `[MASK]`, one any
other piece, one stays. Owns the choice alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from models.training.objectives import IGNORED

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


def masked(
    ids: Tensor, mask: Tensor, tokenizer: PreTrainedTokenizerFast, share: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Pieces (b, n) with a share of them hidden, and targets (b, n): the hidden pieces, IGNORED elsewhere.

    Special pieces, `[MASK]` among them, are never chosen.
    """
    special = torch.isin(ids, torch.tensor(tokenizer.all_special_ids)) | ~mask.bool()
    lots = torch.rand(ids.shape, generator=generator)
    hidden = (lots < share) & ~special
    targets = torch.where(hidden, ids, IGNORED)
    how = torch.rand(ids.shape, generator=generator)
    others = torch.randint(len(tokenizer), ids.shape, generator=generator)
    replaced = torch.where(how < 0.8, torch.tensor(tokenizer.mask_token_id), torch.where(how < 0.9, others, ids))
    return torch.where(hidden, replaced, ids), targets
