"""Words, spans and labels as Gaussians with a variance for each dimension, and how far apart they are.

Das et al. (CONTaiNER, ACL 2022, section 3.1) embed tokens so. Owns the distances, in matrix form: what is held at a
time grows with the pairs, or with the dimensions, never with both. All of it in float32: squares cancel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True, slots=True, kw_only=True)
class Gaussians:
    """n diagonal Gaussians of d dimensions."""

    mean: Tensor  # (n, d)
    #: Variances, above zero.
    spread: Tensor  # (n, d)

    def __getitem__(self, chosen: Tensor) -> Gaussians:
        """Those at some positions, or where a mask holds."""
        return Gaussians(mean=self.mean[chosen], spread=self.spread[chosen])

    def floats(self) -> Gaussians:
        """The same in float32."""
        return Gaussians(mean=self.mean.float(), spread=self.spread.float())


def distances(ours: Gaussians, theirs: Gaussians, kind: str) -> Tensor:
    """Distances (n, m), none below zero, of one of the kinds in `DISTANCES`; differentiable."""
    with torch.autocast(ours.mean.device.type, enabled=False):
        return DISTANCES[kind](ours.floats(), theirs.floats()).clamp_min(0)


def likeness(ours: Gaussians, theirs: Gaussians, kind: str) -> Tensor:
    """Distances (n, m) below zero, in one measure whatever the kind: at unit variances all are the same."""
    return -distances(ours, theirs, kind) / _MEASURE[kind]


def _euclidean(ours: Gaussians, theirs: Gaussians) -> Tensor:
    """Squared distance of the means."""
    product = ours.mean @ theirs.mean.T
    return ours.mean.square().sum(-1, keepdim=True) + theirs.mean.square().sum(-1) - 2 * product


def _kl(ours: Gaussians, theirs: Gaussians) -> Tensor:
    """The mean of the two Kullback-Leibler divergences: the logarithms cancel, the rest is products."""
    left, right = _moments(ours), _moments(theirs)
    second, precision, mean, scaled = (slice(n * ours.mean.size(1), (n + 1) * ours.mean.size(1)) for n in range(4))
    turned = torch.cat([right[:, precision], right[:, second], -2 * right[:, scaled], -2 * right[:, mean]], -1)
    # E_ours[(x - mean_theirs)^2] / spread_theirs, and the other way about, summed over the dimensions.
    alone = [(g.mean.square() / g.spread).sum(-1) for g in (ours, theirs)]
    return (left @ turned.T + alone[0].unsqueeze(1) + alone[1]) / 4 - ours.mean.size(1) / 2


def _moments(gaussians: Gaussians) -> Tensor:
    """Second moment, precision, mean and mean over variance, side by side: (n, 4 * d)."""
    mean, spread = gaussians.mean, gaussians.spread
    return torch.cat([spread + mean.square(), 1 / spread, mean, mean / spread], -1)


def _js(ours: Gaussians, theirs: Gaussians) -> Tensor:
    """Jensen-Shannon divergence with the geometric mean of both as their middle, which has a closed form.

    Nielsen (On the Jensen-Shannon symmetrization of distances, Entropy 2019), section 5, with equal weights: half the
    symmetrised KL divergence less the Bhattacharyya distance, for diagonal Gaussians.
    """
    apart: Tensor = _Pairs.apply(ours.mean, ours.spread, theirs.mean, theirs.spread)  # type: ignore[no-untyped-call]
    own = [gaussians.spread.log().sum(-1) / 4 for gaussians in (ours, theirs)]
    halves = ours.mean.size(1) * math.log(2) / 2
    return _kl(ours, theirs) / 2 - (apart - halves - own[0].unsqueeze(1) - own[1])


class _Pairs(torch.autograd.Function):
    """What of the Bhattacharyya distance does not come apart into products, (n, m), one dimension at a time.

    (difference of means)^2 / (sum of variances) / 4 + log(sum of variances) / 2, summed over the dimensions. Nothing is
    kept for the way back but what came in.
    """

    @staticmethod
    def forward(ctx: Any, mean: Tensor, spread: Tensor, mean_other: Tensor, spread_other: Tensor) -> Tensor:  # noqa: ANN401 -- torch's own
        ctx.save_for_backward(mean, spread, mean_other, spread_other)
        total = mean.new_zeros(len(mean), len(mean_other))
        for difference, both in _pairs(mean, spread, mean_other, spread_other):
            total += difference.square_().div_(both).div_(4).add_(both.log_(), alpha=0.5)
        return total

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, ...]:  # noqa: ANN401 -- torch's own
        [grad] = grads
        found: list[list[Tensor]] = [[], [], [], []]
        for difference, both in _pairs(*ctx.saved_tensors):
            slope = difference.div_(both).div_(2)
            mean = grad * slope
            spread = grad * (both.reciprocal_().div_(2) - slope.square_())
            for part, each in zip(found, (mean.sum(1), spread.sum(1), -mean.sum(0), spread.sum(0)), strict=True):
                part.append(each)
        return tuple(torch.stack(part, -1) for part in found)


def _pairs(mean: Tensor, spread: Tensor, mean_other: Tensor, spread_other: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Differences of means and sums of variances, (n, m) each, dimension by dimension."""
    sides = (mean.T.unsqueeze(-1), spread.T.unsqueeze(-1), mean_other.T, spread_other.T)
    for own, varies, other, varies_too in zip(*sides, strict=True):
        yield own - other, varies + varies_too


#: By name: symmetrised KL, geometric JS divergence, squared Euclidean distance of the means.
DISTANCES: dict[str, Callable[[Gaussians, Gaussians], Tensor]] = {"kl": _kl, "js": _js, "euclidean": _euclidean}
#: What each makes of two means that are 1 apart in half their squared distance, at unit variances.
_MEASURE = {"kl": 1.0, "js": 0.25, "euclidean": 2.0}
