"""A training's course: what is kept of its losses and gradients, and what a receipt has of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from models.training.course import CHECKPOINT, POINTS, Course, points

if TYPE_CHECKING:
    from pathlib import Path


def test_the_curve_has_few_points_however_many_steps() -> None:
    curve = [float(step) for step in range(1000)]

    assert points(curve)[0] == [50, 24.5]
    assert len(points(curve)) == POINTS
    assert points([2.0, 1.0]) == [[1, 2.0], [2, 1.0]]
    assert points([]) == []


def test_a_receipt_has_both_curves_and_the_largest_gradient() -> None:
    told = Course(losses=(2.0, 1.0), norms=(0.5, 7.25)).told()

    assert told == {
        "steps": 2,
        "loss": [[1, 2.0], [2, 1.0]],
        "gradient_norm": [[1, 0.5], [2, 7.25]],
        "largest_gradient_norm": 7.25,
    }


def test_checkpoints_of_before_gradients_were_kept_can_be_read(tmp_path: Path) -> None:
    torch.save({"losses": [1.0]}, tmp_path / CHECKPOINT)

    assert Course.of(tmp_path).told() == {"steps": 1, "loss": [[1, 1.0]], "gradient_norm": []}


def test_a_course_becomes_a_picture(tmp_path: Path) -> None:
    one, other = tmp_path / "one.png", tmp_path / "other.png"

    assert Course(losses=(2.0, 1.0), norms=(0.5, 7.0)).draw(one) == one
    Course(losses=(2.0, 1.0), norms=(0.5, 3.0)).draw(other)

    assert one.read_bytes().startswith(b"\x89PNG\r\n")
    assert one.read_bytes() != other.read_bytes()
    assert Course(losses=(), norms=()).draw(tmp_path / "none.png") is None
