"""The loop: schedule, budget, log, and what survives a kill. A clock of the test's own counts the time."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from models.errors import TrainingDiverged
from models.training.course import Course
from models.training.loop import RUNAWAY_STEPS, LoopConfig, losses, rate, train
from tests.models.training.clock import tick

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class Toy:
    """Learns one number, 3.0; may be killed at a step."""

    def __init__(self, *, killed_at: int | None = None, rate: float = 0.2) -> None:
        self.module = nn.Linear(1, 1, bias=False)
        nn.init.zeros_(self.module.weight)
        self.optimizer = torch.optim.AdamW(self.module.parameters(), lr=rate, weight_decay=0.0)
        self.killed_at = killed_at
        self.steps: list[int] = []
        self.rates: list[float] = []

    def loss(self, step: int) -> Tensor:
        if step == self.killed_at:
            raise KeyboardInterrupt
        self.steps.append(step)
        self.rates.append(self.optimizer.param_groups[0]["lr"])
        return (self.module.weight - 3.0).square().sum()

    def measure(self) -> dict[str, Any]:
        return {"f1": round(self.module.weight.item(), 3)}


def log(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()]


def run(toy: Toy, folder: Path, *, resume: bool = False, **config: Any) -> list[str]:  # noqa: ANN401 -- fields of LoopConfig
    said: list[str] = []
    chosen = LoopConfig(**({"minutes": 1, "measure_minutes": 0, "checkpoint_minutes": 0.25} | config))
    train(toy, chosen, folder, resume=resume, say=said.append)
    return said


@given(st.floats(0, 1), st.floats(0.01, 0.9))
def test_the_rate_is_a_share_of_its_peak(progress: float, warmup: float) -> None:
    assert 0 <= rate(progress, warmup) <= 1


@pytest.mark.parametrize(
    ("progress", "share"),
    [(0, 0), (0.05, 0.5), (0.1, 1), (0.325, 0.853553), (0.55, 0.5), (1, 0), (1.5, 0)],
)
def test_the_rate_rises_and_falls(progress: float, share: float) -> None:
    assert rate(progress, 0.1) == pytest.approx(share, abs=1e-6)


def test_without_a_warm_up_the_rate_begins_at_its_peak() -> None:
    assert rate(0, 0) == 1


def test_training_takes_the_minutes_and_learns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given steps of a second each
    tick(monkeypatch, 1.0)
    toy = Toy()

    # When a minute is trained
    run(toy, tmp_path)

    # Then it took 60 steps, at the scheduled rates, and learnt
    assert toy.steps == list(range(60))
    assert toy.rates == pytest.approx([0.2 * rate(step / 60, 0.03) for step in range(60)])
    assert toy.module.weight.item() == pytest.approx(3, abs=0.3)


def test_groups_of_parameters_keep_their_own_peaks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tick(monkeypatch, 1.0)
    toy = Toy()
    toy.optimizer.add_param_group({"params": [nn.Parameter(torch.zeros(1))], "lr": 0.02})
    ratios = []
    loss = toy.loss

    def watched(step: int) -> Tensor:
        ratios.append([group["lr"] for group in toy.optimizer.param_groups])
        return loss(step)

    monkeypatch.setattr(toy, "loss", watched)
    run(toy, tmp_path)

    assert all(second == pytest.approx(first / 10) for first, second in ratios)


def test_gradients_are_clipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tick(monkeypatch, 1.0)
    toy = Toy()
    toy.optimizer = torch.optim.SGD(toy.module.parameters(), lr=1.0)  # type: ignore[assignment]

    run(toy, tmp_path, clip=0.001)

    assert 0 < toy.module.weight.item() <= 0.001 * 60


def test_measurements_are_logged_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a measurement every 20 s of training, with measuring itself not counted
    tick(monkeypatch, 1.0)

    # When a minute is trained
    said = run(Toy(), tmp_path, measure_minutes=1 / 3)

    # Then there is a line at each, and one at the end
    lines = log(tmp_path)
    assert [(line["step"], line["minutes"]) for line in lines] == [(20, 0.33), (40, 0.67), (60, 1.0), (60, 1.0)]
    assert [set(line) for line in lines] == [{"step", "minutes", "loss", "gradient_norm", "f1"}] * 4
    assert [json.loads(text) for text in said] == lines
    assert lines[0]["loss"] > lines[-1]["loss"]


def test_without_an_interval_only_the_end_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tick(monkeypatch, 1.0)

    run(Toy(), tmp_path)

    assert [line["step"] for line in log(tmp_path)] == [60]


def test_a_killed_run_resumes_at_its_last_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a run that is killed at step 40, ten seconds after a checkpoint
    tick(monkeypatch, 1.0)
    whole = Toy()
    run(whole, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(Toy(killed_at=40), tmp_path / "killed")

    # When it is started again
    toy = Toy()
    said = run(toy, tmp_path / "killed", resume=True)

    # Then it goes on at step 30 with the time that was used, and ends where the whole run ended
    assert said[0] == "resumed at step 30, 0.5 minutes in"
    assert toy.steps == list(range(30, 60))
    assert toy.rates == pytest.approx(whole.rates[30:])
    assert toy.module.weight.item() == pytest.approx(whole.module.weight.item())
    assert log(tmp_path / "killed")[-1] == log(tmp_path / "whole")[-1]


def test_a_run_that_was_finished_is_only_measured_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tick(monkeypatch, 1.0)
    run(Toy(), tmp_path)
    toy = Toy()

    said = run(toy, tmp_path, resume=True)

    assert toy.steps == []
    assert said[0] == "resumed at step 60, 1.0 minutes in"
    assert log(tmp_path)[0] == log(tmp_path)[1]


def test_more_minutes_may_be_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tick(monkeypatch, 1.0)
    run(Toy(), tmp_path)
    toy = Toy()

    run(toy, tmp_path, resume=True, minutes=1.5)

    assert toy.steps == list(range(60, 90))


def test_without_resume_a_run_begins_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tick(monkeypatch, 1.0)
    run(Toy(), tmp_path)
    toy = Toy()

    run(toy, tmp_path)

    assert toy.steps == list(range(60))


def test_resuming_where_nothing_was_begins_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tick(monkeypatch, 1.0)
    toy = Toy()

    run(toy, tmp_path / "new", resume=True)

    assert toy.steps == list(range(60))


def test_a_kill_while_saving_leaves_the_last_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a run whose second checkpoint is cut short
    tick(monkeypatch, 1.0)
    saves = []
    real = torch.save

    def save(state: dict[str, Any], path: Path) -> None:
        saves.append(path)
        if len(saves) == 2:
            path.write_bytes(b"half a check")
            raise KeyboardInterrupt
        real(state, path)

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", save)
        with pytest.raises(KeyboardInterrupt):
            run(Toy(), tmp_path)

    # When it is started again, then it goes on from the first
    assert run(Toy(), tmp_path, resume=True)[0] == "resumed at step 15, 0.2 minutes in"


def test_training_ends_with_its_steps_where_they_are_fewer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tick(monkeypatch, 1.0)
    toy = Toy()
    told: list[float] = []

    train(toy, LoopConfig(minutes=1, steps=10), tmp_path, resume=False, say=lambda _: None, watch=told.append)

    assert toy.steps == list(range(10))
    assert told == [pytest.approx((n + 1) / 10) for n in range(10)]


def test_what_the_watch_raises_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tick(monkeypatch, 1.0)
    toy = Toy()

    def stop(done: float) -> None:
        if done >= 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(toy, LoopConfig(minutes=1, steps=10), tmp_path, resume=False, say=lambda _: None, watch=stop)
    assert len(toy.steps) == 5


def test_a_training_remembers_its_losses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a training that is killed half way and resumed
    tick(monkeypatch, 1.0)
    with pytest.raises(KeyboardInterrupt):
        run(Toy(killed_at=30), tmp_path)
    run(Toy(), tmp_path, resume=True)

    # Then there is one loss for each step, and they fall
    curve = losses(tmp_path)
    assert len(curve) == 60
    assert curve[0] == 9.0 > curve[20] > curve[-1]


class Told(Toy):
    """Its losses are those that it is told, whatever it learns."""

    def __init__(self, told: Sequence[float]) -> None:
        super().__init__()
        self.told = told

    def loss(self, step: int) -> Tensor:
        self.steps.append(step)
        return self.module.weight.sum() * 0 + self.told[step]


def test_gradients_are_kept_as_they_were_before_they_were_clipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tick(monkeypatch, 1.0)
    with pytest.raises(KeyboardInterrupt):
        run(Toy(killed_at=30), tmp_path)
    run(Toy(), tmp_path, resume=True)

    course = Course.of(tmp_path)

    assert len(course.norms) == len(course.losses) == 60
    assert course.norms[0] == pytest.approx(6.0)  # of (w - 3)^2 at zero
    assert course.norms[-1] < 1


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_ends_the_run_before_it_is_learnt_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bad: float
) -> None:
    # Given a loss that is no number at its sixth step
    tick(monkeypatch, 1.0)
    toy = Told([1.0] * 5 + [bad] * 55)

    # When it is trained, then it ends there
    with pytest.raises(TrainingDiverged, match=f"step 5: the loss is {bad}"):
        run(toy, tmp_path)

    # And the weights are still numbers
    assert torch.isfinite(toy.module.weight).all()


def test_a_gradient_that_is_no_number_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tick(monkeypatch, 1.0)
    toy = Toy()
    # The root of nothing: a loss of zero, and a slope without end.
    monkeypatch.setattr(toy, "loss", lambda _: toy.module.weight.abs().sqrt().sum())

    with pytest.raises(TrainingDiverged, match=r"step 0: the loss is 0\.0, the norm of its gradient nan"):
        run(toy, tmp_path)


def test_a_loss_that_runs_away_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tick(monkeypatch, 1.0)
    toy = Told([1.0] * 20 + [10.0] * 40)

    with pytest.raises(
        TrainingDiverged, match=r"step 26: the loss of the last 20 steps is 4\.15 on average, and was 1 at"
    ):
        run(toy, tmp_path)
    assert len(toy.steps) == 27


def test_a_run_that_was_killed_remembers_how_it_began(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a run that is killed when its first losses are long past
    tick(monkeypatch, 1.0)
    with pytest.raises(IndexError):
        run(Told([1.0] * 20 + [3.5] * 20), tmp_path, minutes=2)

    # When it goes on and gets no better than it was then
    with pytest.raises(TrainingDiverged, match="and was 1 at the beginning"):
        run(Told([0.0] * 30 + [5.0] * 90), tmp_path, resume=True, minutes=2)


@pytest.mark.parametrize(
    "told",
    [
        [5.0, *[1.0] * 59],
        [1.0] * 30 + [40.0] + [1.0] * 29,
        [0.001] * 20 + [0.9] * 40,
        [2.0 + (step % 2) for step in range(60)],
    ],
    ids=["falling", "one peak", "from nothing", "noisy"],
)
def test_what_trainings_do_is_no_running_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: list[float]
) -> None:
    tick(monkeypatch, 1.0)

    run(Told(told), tmp_path)

    assert len(losses(tmp_path)) == 60 > RUNAWAY_STEPS


@pytest.mark.parametrize(("patience", "steps"), [(0, 60), (1, 5), (3, 9)])
def test_patience_ends_a_run_that_gets_no_better(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, patience: int, steps: int
) -> None:
    tick(monkeypatch, 1.0)
    toy = Told([4.0, 3.0, 2.0, 1.5, 1.6, 1.4, 1.5, 1.5, 1.5, *[1.0] * 51])

    run(toy, tmp_path, patience=patience)

    assert len(toy.steps) == steps
    # And once ended it stays so.
    run(toy, tmp_path, patience=patience, resume=True)
    assert len(toy.steps) == steps
