"""Contrast as a bi-encoder learns by it: its spans, or its words, as Gaussians against each other and against labels.

Owns which units of a batch are contrasted and how the two objectives are weighed; the objectives themselves are in
`models.training.contrasts`, the cross-entropy over spans in `models.training.objectives`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from models.biencoder import span_mask, windows
from models.gaussians import likeness
from models.inside import InsideBiEncoder
from models.training.contrasts import chosen, context_context, context_label
from models.training.objectives import IGNORED, entropy, tags_of

if TYPE_CHECKING:
    from models.biencoder import Batch, BiEncoder
    from models.training.contrasts import ContrastConfig


def contrast(
    network: BiEncoder,
    pieces: Tensor,
    batch: Batch,
    labels: Tensor,
    targets: Tensor,
    config: ContrastConfig,
    ruled_out: Tensor | None = None,
) -> Tensor:
    """Both objectives of a batch, weighed; what a batch is as of `models.training.objectives.entropy`.

    For spans, context against label is that cross-entropy, which tells them from "outside" as well.
    """
    if isinstance(network, InsideBiEncoder):
        return _of_words(network, pieces, batch, labels, targets, config)
    loss = pieces.new_zeros(())
    if config.alpha < 1:
        loss = loss + (1 - config.alpha) * entropy(network, pieces, batch, labels, targets, ruled_out)
    if config.alpha > 0:
        loss = loss + config.alpha * _of_spans(network, pieces, batch, targets, config)
    return loss


def _of_spans(network: BiEncoder, pieces: Tensor, batch: Batch, targets: Tensor, config: ContrastConfig) -> Tensor:
    places, classes = hard_spans(targets, batch.word_mask, config.units)
    spans = network.gaussians(network.span_units(pieces, batch, places))
    return context_context(-likeness(spans, spans, config.distance), classes, config)


def hard_spans(targets: Tensor, word_mask: Tensor, most: int) -> tuple[Tensor, Tensor]:
    """Places (n, 3) and classes (n) of entities and of the spans that share a word with one; at most so many."""
    width = targets.size(2)
    entity = _covered(targets > 0)
    near = span_mask(word_mask, width) & (targets != IGNORED) & _overlapping(entity, width)
    places = near.nonzero()
    classes = targets[near]
    kept = chosen(classes, most)
    return places[kept], classes[kept]


def _covered(spans: Tensor) -> Tensor:
    """Which words (b, w) are part of one of the spans (b, w, width)."""
    covered = torch.zeros_like(spans[..., 0])
    for width in range(spans.size(2)):
        for further in range(min(width + 1, spans.size(1))):
            covered[:, further:] |= spans[:, : spans.size(1) - further, width]
    return covered


def _overlapping(words: Tensor, width: int) -> Tensor:
    """Which spans (b, w, width) hold one of the words (b, w)."""
    return windows(words.float().unsqueeze(-1), width).squeeze(-1).cumsum(-1) > 0


def _of_words(
    network: InsideBiEncoder, pieces: Tensor, batch: Batch, labels: Tensor, targets: Tensor, config: ContrastConfig
) -> Tensor:
    classes = inside_of(targets, batch.word_mask, network.config.max_width, labels.size(0))[batch.word_mask]
    kept = (classes != IGNORED).nonzero()[:, 0]
    kept = kept[chosen(classes[kept], config.units)]
    units, bar = network.word_units(pieces, batch)
    units, bar, classes = units[kept], bar[kept], classes[kept]
    words = network.gaussians(units)
    loss = pieces.new_zeros(())
    if config.alpha > 0:
        loss = loss + config.alpha * context_context(-likeness(words, words, config.distance), classes, config)
    if config.alpha < 1:
        outside = bar.float() - network.log_scale.exp()
        scores = torch.cat([outside, likeness(words, network.gaussians(labels), config.distance)], 1)
        loss = loss + (1 - config.alpha) * context_label(-scores, classes, config)
    return loss


def inside_of(targets: Tensor, word_mask: Tensor, max_width: int, labels: int) -> Tensor:
    """Classes of words (b, w): outside, 1 + the label they are inside of, or IGNORED; of nested ones the longest."""
    tags = tags_of(targets, word_mask, max_width, labels)
    return torch.where(tags > labels, tags - labels, tags)
