"""Contrastive objectives over units, words or spans, and the labels of a batch.

Zhang and Zhuang (arXiv 2404.17178) weigh two of them: context against context and context against label. The first is
that of Das et al. (CONTaiNER, ACL 2022). Owns the losses alone; all in matrix form by log-sum-exp, so that no
probability underflows.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from models.gaussians import DISTANCES

#: Where the mean over a unit's own kind stands: inside the logarithm (CONTaiNER), or outside of it (Khosla et al.,
#: Supervised contrastive learning, NeurIPS 2020, equations 2 and 3).
FORMS = ("in", "out")
#: Class of a unit that is part of no entity.
OUTSIDE = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ContrastConfig:
    """How units are contrasted. Raises ValueError for an unknown choice."""

    #: One of `models.gaussians.DISTANCES`.
    distance: str = "euclidean"
    form: str = "out"
    #: Weight of context against context; the rest is that of context against label.
    alpha: float = 0.5
    #: Whether units outside of all entities are of one kind, to be drawn together, or only what others are kept from.
    outside: bool = False
    #: What distances are divided by.
    temperature: float = 1.0
    #: Most units of a batch that are contrasted: all of entities first, then the others, evenly spread.
    units: int = 512

    def __post_init__(self) -> None:
        for name, choices in (("distance", DISTANCES), ("form", FORMS)):
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} is {getattr(self, name)!r}; it is one of {', '.join(choices)}")
        if not 0 <= self.alpha <= 1:
            raise ValueError(f"alpha is {self.alpha}; it lies between 0 and 1")


def context_context(apart: Tensor, classes: Tensor, config: ContrastConfig) -> Tensor:
    """Mean loss of the units (n) that have one of their kind beside them, zero where none has.

    `apart` (n, n) are distances, `classes` (n) say of what kind each is.
    """
    logits = (-apart / config.temperature).fill_diagonal_(float("-inf"))
    same = (classes.unsqueeze(1) == classes).fill_diagonal_(fill_value=False)
    if not config.outside:
        same = same & (classes != OUTSIDE).unsqueeze(1)
    anchors = same.any(1)
    if not anchors.any():
        return apart.sum() * 0
    logits, same = logits[anchors], same[anchors]
    number = same.sum(1)
    if config.form == "in":
        near = logits.masked_fill(~same, float("-inf")).logsumexp(1) - number.log()
    else:
        near = logits.masked_fill(~same, 0).sum(1) / number
    return (logits.logsumexp(1) - near).mean()


def context_label(apart: Tensor, classes: Tensor, config: ContrastConfig) -> Tensor:
    """Mean loss of units (n) against the labels (n, 1 + l) of the batch, of which the first is "outside".

    Where "outside" is no kind of its own, its column and its units are left out.
    """
    if not config.outside:
        kept = classes != OUTSIDE
        apart, classes = apart[kept][:, 1:], classes[kept] - 1
    if not len(classes):
        return apart.sum() * 0
    return functional.cross_entropy(-apart / config.temperature, classes)


def chosen(classes: Tensor, most: int) -> Tensor:
    """Positions of at most `most` units (n), in order: those of entities first, then others, evenly spread."""
    if len(classes) <= most:
        return torch.arange(len(classes), device=classes.device)
    inside, outside = (classes != OUTSIDE).nonzero()[:, 0], (classes == OUTSIDE).nonzero()[:, 0]
    inside = _spread(inside, most)
    return torch.cat([inside, _spread(outside, most - len(inside))]).sort().values


def _spread(positions: Tensor, most: int) -> Tensor:
    if len(positions) <= most:
        return positions
    return positions[torch.arange(most, device=positions.device) * len(positions) // max(1, most)]
