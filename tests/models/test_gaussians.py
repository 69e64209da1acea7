"""Distances of Gaussians: the matrix forms against one pair at a time, and what a distance is."""

from __future__ import annotations

import pytest
import torch
from torch.distributions import Distribution, Independent, Normal, kl_divergence

from models.gaussians import DISTANCES, Gaussians, distances


def some(number: int, seed: int, size: int = 6) -> Gaussians:
    generator = torch.Generator().manual_seed(seed)
    mean = torch.randn(number, size, generator=generator)
    return Gaussians(mean=mean, spread=torch.rand(number, size, generator=generator) * 3 + 0.05)


def normal(gaussians: Gaussians, i: int) -> Distribution:
    return Independent(Normal(gaussians.mean[i], gaussians.spread[i].sqrt()), 1)


def middle(one: Gaussians, i: int, other: Gaussians, j: int) -> Distribution:
    """The normalised geometric mean of two densities: precisions are averaged."""
    precision = (1 / one.spread[i] + 1 / other.spread[j]) / 2
    mean = (one.mean[i] / one.spread[i] + other.mean[j] / other.spread[j]) / 2 / precision
    return Independent(Normal(mean, precision.rsqrt()), 1)


def naive(kind: str, one: Gaussians, i: int, other: Gaussians, j: int) -> float:
    ours, theirs = normal(one, i), normal(other, j)
    if kind == "euclidean":
        return float((one.mean[i] - other.mean[j]).square().sum())
    if kind == "kl":
        return float(kl_divergence(ours, theirs) + kl_divergence(theirs, ours)) / 2
    between = middle(one, i, other, j)
    return float(kl_divergence(ours, between) + kl_divergence(theirs, between)) / 2


@pytest.mark.parametrize("kind", DISTANCES)
def test_the_matrix_holds_the_distance_of_each_pair(kind: str) -> None:
    one, other = some(5, 1), some(7, 2)

    found = distances(one, other, kind)

    expected = [[naive(kind, one, i, other, j) for j in range(7)] for i in range(5)]
    assert torch.allclose(found, torch.tensor(expected), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", DISTANCES)
def test_a_distance_is_symmetric_and_zero_to_itself(kind: str) -> None:
    gaussians = some(8, 3)

    found = distances(gaussians, gaussians, kind)

    assert torch.allclose(found, found.T, atol=1e-4)
    assert torch.allclose(found.diagonal(), torch.zeros(8), atol=1e-4)
    assert (found >= 0).all()


@pytest.mark.parametrize("kind", DISTANCES)
def test_gradients_are_those_of_the_pairs(kind: str) -> None:
    gaussians = some(4, 4)
    mean, spread = gaussians.mean.double().requires_grad_(), gaussians.spread.double().requires_grad_()

    def apart(mean: torch.Tensor, spread: torch.Tensor) -> torch.Tensor:
        each = Gaussians(mean=mean, spread=spread)
        return DISTANCES[kind](each, each[torch.tensor([1, 2])])

    assert torch.autograd.gradcheck(apart, (mean, spread))


@pytest.mark.parametrize("kind", DISTANCES)
def test_half_precision_outside_does_not_reach_the_distances(kind: str) -> None:
    gaussians = some(6, 5)

    with torch.autocast("cpu", torch.bfloat16):
        found = distances(gaussians, gaussians, kind)

    assert found.dtype == torch.float32
    assert torch.equal(found, distances(gaussians, gaussians, kind))
