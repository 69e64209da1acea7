"""Adaptations with contrast from claim to commit, and what becomes of any that diverges."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from jobs.states import JobState
from models import artifact
from models.training.extend import Extension
from tests.models.training.support_set import PERSON, PLACE
from tests.workers.building import hands, only_chunk, tag_job, told
from tests.workers.school import STEPS, QuickRuntime, School
from workers import tagging

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

PAGE = Path(__file__).parents[2] / "docs" / "errors.md"
LABELS = [PERSON, PLACE]
TEXTS = ["Anna lives in Bern .", "Yesterday Bo came to Hull by train ."]


def test_a_contrastive_tagger_is_a_tagger_as_any_other(school: School) -> None:
    # Given examples that are to be learnt from with contrast
    job_id = school.job(options={"method": "contrastive", "name": "music"})

    school.work()

    # Then a tagger is registered with a receipt that says how, whole, with its picture
    made = school.ledger.tenant("local").tagger("music")
    assert (made.receipt["method"], made.receipt["config"]["contrast"]["form"]) == ("contrastive", "out")
    assert len(made.receipt["gradient_norm"]) == made.receipt["steps"] == STEPS
    assert artifact.check_files(school.taggers / job_id).receipt == made.receipt
    assert (school.taggers / job_id / "course.png").read_bytes().startswith(b"\x89PNG")

    # And it tags, in whatever order the labels come
    runtime = QuickRuntime()
    found = [runtime.tagger(school.taggers / job_id).predict(TEXTS, order) for order in (LABELS, LABELS[::-1])]
    assert found[0] == found[1]


@pytest.mark.parametrize("method", ["extend", "contrastive"])
def test_an_adaptation_that_diverges_makes_no_tagger_and_its_base_goes_on(
    school: School, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    # Given an earlier version, and an adaptation whose third training has a loss that is no number
    school.job()
    school.work()
    before = base_files(school)
    job_id = school.job(options={"method": method, "name": "music"}, tagger="music@1")
    monkeypatch.setattr(Extension, "loss", diverging(Extension.loss))

    with capture_logs() as logs:
        school.work()

    # Then the job has failed for good, and says why, as the page on errors has it
    job = school.ledger.job(job_id)
    assert (job.state, school.ledger.law(job_id)) == (JobState.FAILED, ())
    assert job.error is not None
    assert job.error["code"] == "training_diverged"
    assert f"`training_diverged`: `{job.error['message']}`" in PAGE.read_text(encoding="utf-8")
    assert logs[-1]["event"] == "adaptation_failed"

    # And there is no second version, nothing left over, and the first is what it was
    assert school.ledger.tenant("local").tagger("music").full_name == "music@1"
    assert school.left_over() == []
    assert not (school.taggers / job_id).exists()
    assert base_files(school) == before
    assert school.ledger.owed("adapt", 10) == []
    tagged = tag_job(school.ledger, school.blobs, "Anna lives in Bern .", tagger="music@1")
    tagging.run(hands(school.ledger, school.blobs, QuickRuntime(), taggers=school.taggers), only_chunk(school.ledger))
    assert told(school.ledger, tagged) == [("d1", None)]


def base_files(school: School) -> dict[str, bytes]:
    """Files of the tagger that `music` stands for."""
    folder = school.taggers / school.ledger.tenant("local").tagger("music").folder
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def diverging(learn: Callable[[Extension, int], Tensor]) -> Callable[[Extension, int], Tensor]:
    """A loss that is no number at the second step of the third training."""
    trainings: list[Extension] = []

    def loss(recipe: Extension, step: int) -> Tensor:
        if not any(recipe is each for each in trainings):
            trainings.append(recipe)
        bad = len(trainings) == 3 and step == 1
        return learn(recipe, step) * (float("nan") if bad else 1.0)

    return loss
