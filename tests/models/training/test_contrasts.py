"""Contrastive losses: the matrix forms against double loops, far distances, and which units count."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.gaussians import DISTANCES, Gaussians, distances
from models.training.contrasts import FORMS, ContrastConfig, chosen, context_context, context_label


def units(number: int, seed: int) -> Gaussians:
    generator = torch.Generator().manual_seed(seed)
    mean = torch.randn(number, 4, generator=generator)
    return Gaussians(mean=mean, spread=torch.rand(number, 4, generator=generator) + 0.5)


def looped(apart: list[list[float]], classes: list[int], config: ContrastConfig) -> float:
    """The context-context loss as the papers write it, unit by unit."""
    losses = []
    for p, own in enumerate(classes):
        near = [q for q, other in enumerate(classes) if q != p and other == own]
        if not near or (own == 0 and not config.outside):
            continue
        chance = {q: math.exp(-apart[p][q] / config.temperature) for q in range(len(classes)) if q != p}
        whole = sum(chance.values())
        if config.form == "in":
            losses.append(-math.log(sum(chance[q] for q in near) / len(near) / whole))
        else:
            losses.append(-sum(math.log(chance[q] / whole) for q in near) / len(near))
    return sum(losses) / len(losses) if losses else 0.0


def labelled(apart: list[list[float]], classes: list[int], config: ContrastConfig) -> float:
    """The context-label loss, unit by unit."""
    losses = []
    for row, own in zip(apart, classes, strict=True):
        if own == 0 and not config.outside:
            continue
        columns = row if config.outside else row[1:]
        chances = [math.exp(-each / config.temperature) for each in columns]
        losses.append(-math.log(chances[own if config.outside else own - 1] / sum(chances)))
    return sum(losses) / len(losses) if losses else 0.0


classes_of_units = st.lists(st.integers(0, 3), min_size=1, max_size=9)
choices = st.builds(
    ContrastConfig,
    distance=st.sampled_from(sorted(DISTANCES)),
    form=st.sampled_from(FORMS),
    outside=st.booleans(),
    temperature=st.sampled_from([0.5, 1.0, 2.0]),
)


@given(classes_of_units, choices)
def test_context_against_context_is_the_double_loop(classes: list[int], config: ContrastConfig) -> None:
    gaussians = units(len(classes), seed=len(classes))
    apart = distances(gaussians, gaussians, config.distance)

    found = context_context(apart, torch.tensor(classes), config)

    assert float(found) == pytest.approx(looped(apart.tolist(), classes, config), rel=1e-4, abs=1e-5)


@given(classes_of_units, choices)
def test_context_against_label_is_the_loop(classes: list[int], config: ContrastConfig) -> None:
    apart = distances(units(len(classes), seed=2), units(4, seed=3), config.distance)

    found = context_label(apart, torch.tensor(classes), config)

    assert float(found) == pytest.approx(labelled(apart.tolist(), classes, config), rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("form", FORMS)
def test_far_distances_do_not_underflow(form: str) -> None:
    """Where every chance is too small for a number, there are still a loss and a gradient."""
    apart = torch.full((4, 4), 5000.0).fill_diagonal_(0).requires_grad_()
    classes = torch.tensor([1, 1, 2, 2])

    loss = context_context(apart, classes, ContrastConfig(form=form))
    loss.backward()  # type: ignore[no-untyped-call]

    assert loss.item() == pytest.approx(math.log(3), rel=1e-4)
    assert apart.grad is not None
    assert torch.isfinite(apart.grad).all()


@pytest.mark.parametrize("form", FORMS)
def test_without_two_of_a_kind_nothing_is_learnt(form: str) -> None:
    apart = torch.rand(3, 3).requires_grad_()

    loss = context_context(apart, torch.tensor([0, 1, 2]), ContrastConfig(form=form, outside=True))
    loss.backward()  # type: ignore[no-untyped-call]

    assert loss.item() == 0
    assert apart.grad is not None
    assert not apart.grad.any()


def test_drawing_a_kind_together_lowers_the_loss() -> None:
    classes = torch.tensor([1, 1, 2, 2, 0])
    near = torch.full((5, 5), 9.0)
    near[0, 1] = near[1, 0] = near[2, 3] = near[3, 2] = 0.1

    losses = [float(context_context(each, classes, ContrastConfig())) for each in (near, near.flip(0, 1).clone())]

    assert losses[0] < 0.01 < losses[1]


@given(st.lists(st.integers(0, 2), max_size=40), st.integers(1, 30))
def test_entities_are_chosen_first(classes: list[int], most: int) -> None:
    found = chosen(torch.tensor(classes, dtype=torch.long), most).tolist()

    inside = [i for i, each in enumerate(classes) if each]
    assert len(found) == min(most, len(classes))
    assert found == sorted(set(found))
    assert len(set(found) & set(inside)) == min(most, len(inside))


@pytest.mark.parametrize(("choice", "value"), [("distance", "cosine"), ("form", "both"), ("alpha", 1.5)])
def test_unknown_choices_are_refused(choice: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"{choice} is"):
        ContrastConfig(**{choice: value})  # type: ignore[arg-type]
