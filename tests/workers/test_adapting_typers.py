"""A typer taught by a job: what is made of it, what refuses it, and a worker that is stopped in between."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from jobs.states import JobState, TaggerState
from models import manifests
from models.training import typing_adapting
from models.training.adapting import WORSE
from models.typing_hierarchy import stored, tree_of
from tests.workers.building import only_chunk
from tests.workers.school import STEPS, TRAININGS, School
from tests.workers.typing_jobs import tiny_typer, type_job
from workers import adapting, tagging

if TYPE_CHECKING:
    from pathlib import Path

    from corpora.blobs import BlobStore
    from jobs.store import Ledger

TYPES = stored(tree_of(["/person", "/person/friend", "/place"]))


@pytest.fixture(scope="module")
def typer_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_typer(tmp_path_factory.mktemp("typer"))


@pytest.fixture
def typers(ledger: Ledger, blobs: BlobStore, typer_folder: Path, tmp_path: Path) -> School:
    """A place to make typers in, with `tiny@1` as their base."""
    return School.founded(ledger, blobs, tmp_path / "taggers", typer_folder)


def example(number: int, *types: str) -> str:
    entities: list[dict[str, Any]] = [{"start": 0, "end": 4, "types": types or ["/person/friend"]}]
    entities += [{"start": 14, "end": 18, "label": "/place"}]
    return json.dumps({"id": f"e{number}", "text": f"Anna lives in Bern , {number} .", "entities": entities})


def fine_job(school: School, *lines: str) -> str:
    options = {"method": "finetype", "name": "fine", "types": TYPES}
    given = list(lines) or [example(number) for number in range(4)]
    return school.job(lines=given, engine="typer", labels=[], options=options)


def test_a_typer_is_made_with_its_receipt_and_types_what_it_is_named_for(
    ledger: Ledger, blobs: BlobStore, typers: School
) -> None:
    job_id = fine_job(typers)

    typers.work()

    made = ledger.tenant("local").tagger("fine@1")
    folder = typers.taggers / job_id
    said = manifests.check_files(folder)
    assert (said.engine, said.name, said.receipt) == ("typer", "fine", made.receipt)
    assert made.state is (TaggerState.CANDIDATE if made.receipt["verdict"] == WORSE else TaggerState.PROMOTED)
    assert (made.receipt["method"], made.receipt["base"], made.receipt["mentions"]) == ("finetype", "tiny@1", 8)
    assert made.receipt["warnings"] == [
        "type '/person/friend' has 4 examples; 5 or more make its score mean something",
        "type '/place' has 4 examples; 5 or more make its score mean something",
    ]
    assert {stage for stage, _ in typers.shares(job_id)} == {"judging", "learning"}
    assert typers.left_over() == []
    [line] = [json.loads(result.body) for result in ledger.results(job_id)]
    assert (line["tagger"], line["receipt"]) == ("fine@1", made.receipt)

    mention = {"id": "d1", "text": "Anna lives in Bern .", "entities": [{"start": 0, "end": 4}]}
    typed = type_job(ledger, blobs, [mention], TYPES, tagger="fine@1")
    tagging.run(typers.hands(), only_chunk(ledger))
    [line] = [json.loads(result.body) for result in ledger.results(typed)]
    assert line["tagger"] == "fine@1"
    assert line["entities"][0]["types"]


def test_examples_that_cannot_be_learnt_from_fail_the_job_with_every_complaint(ledger: Ledger, typers: School) -> None:
    job_id = fine_job(typers, example(1, "/robot"), example(2))

    typers.work()

    job = ledger.job(job_id)
    assert job.state is JobState.FAILED
    assert job.error is not None
    assert (job.error["code"], job.error["total"]) == ("invalid_examples", 1)
    assert job.error["problems"][0]["message"] == (
        "line 1: entity 1 has the unknown type '/robot'; list it among the types"
    )
    assert typers.left_over() == []


@pytest.mark.usefixtures("eager", "chatty")
def test_a_stopped_worker_hands_its_typer_on(ledger: Ledger, typers: School, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a worker that is told to end while it learns
    monkeypatch.setattr(typing_adapting, "CHECKPOINT_MINUTES", 0.0)
    job_id = fine_job(typers)
    adapting.run(typers.hands(stopping=lambda: len(typers.shares(job_id)) > 5), typers.chunk())
    told = len(typers.shares(job_id))
    assert ledger.job(job_id).state is JobState.RUNNING
    assert ledger.tenant("local").tagger("tiny").full_name == "tiny@1"

    # When another takes its place
    typers.work()

    # Then it goes on where the first one was
    shares = [share for _, share in typers.shares(job_id)[told:]]
    assert len(shares) < STEPS * TRAININGS
    assert ledger.tenant("local").tagger("fine@1").job_id == job_id
    assert ledger.law(job_id) == ()
