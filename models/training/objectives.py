"""What a bi-encoder learns from: the cross-entropy of its spans, or of its words' tags, over the labels of a batch.

Owns the loss and nothing of where batches come from. Phase 1 and few-shot extension share it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from models.biencoder import span_mask
from models.tagging import TaggingBiEncoder

if TYPE_CHECKING:
    from models.biencoder import Batch, BiEncoder

#: Target of spans that the loss leaves out.
IGNORED = -100
#: Fewest entities that a batch is divided by: one with few must not count more than the others.
_LEAST = 8


def entropy(
    network: BiEncoder, pieces: Tensor, batch: Batch, labels: Tensor, targets: Tensor, ruled_out: Tensor | None = None
) -> Tensor:
    """Cross-entropy summed over a batch, divided by its entities (Golde et al., EACL 2024, section 3.1).

    `labels` are projected vectors; `targets` is (b, w, max_width): 0 for outside, 1 + a label's position, or IGNORED.
    With `ruled_out` (1 + own, others) the last labels stand only against entities of the own ones that rule them out.
    """
    count = labels.size(0)
    if isinstance(network, TaggingBiEncoder):
        tags = tags_of(targets, batch.word_mask, network.config.max_width, count)
        kept = tags != IGNORED
        logits, targets = network.score_tags(pieces, batch, labels)[kept].float(), tags[kept]
        entity = torch.where(targets > count, targets - count, targets)
    else:
        kept = targets != IGNORED
        scores, targets = network.score_spans(pieces, batch, labels)[kept].float(), targets[kept]
        logits = functional.pad(scores, (1, 0))  # "outside" first, at zero
        entity = targets
    if ruled_out is not None and ruled_out.numel():
        hidden = functional.pad(~ruled_out[entity], (count - ruled_out.size(1), 0))  # (n, count)
        repeated = hidden.repeat(1, logits.size(1) // count)
        logits = logits.masked_fill(functional.pad(repeated, (1, 0)), float("-inf"))
    return functional.cross_entropy(logits, targets, reduction="sum") / (targets > 0).sum().clamp_min(_LEAST)


def tags_of(targets: Tensor, word_mask: Tensor, max_width: int, labels: int) -> Tensor:
    """Tags of words (b, w) from targets of spans: 0 outside, 1 + l begin, 1 + labels + l inside, or IGNORED.

    Of nested entities the longest counts; the words of a span that is left out are left out.
    """
    tags = torch.where(word_mask, 0, IGNORED)
    inside = span_mask(word_mask, max_width)
    for width in range(max_width):
        rows, words = ((targets[..., width] != 0) & inside[..., width]).nonzero(as_tuple=True)
        found = targets[rows, words, width]
        for further in range(1, width + 1):
            tags[rows, words + further] = torch.where(found > 0, found + labels, IGNORED)
        tags[rows, words] = torch.where(found > 0, found, IGNORED)
    return tags
