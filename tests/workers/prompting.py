"""Taggers of the engine `llm` as the tests of this room need them: a compact model so small that it is quick.

It ships, as far as the rooms know, beside a `default` that is as small. Its weights are random: what it says is
nothing, how it comes to say it is all there is.
"""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import torch

from jobs import tagger_names
from jobs import taggers as registry
from jobs.states import JobState
from models import artifact
from models.compact import Reading
from models.incontext import InContextConfig, InContextModel
from models.incontext_artifact import save_model
from models.states import StateReader
from models.training.incontext_tuning import TuningConfig
from retrieval.settings import RetrievalSettings
from tests.workers.building import hands, only_chunk, tag_job
from workers import adapting, language, runtime, tagging
from workers.runtime import Runtime
from workers.settings import WorkerSettings

if TYPE_CHECKING:
    from pathlib import Path

    from tests.retrieval.standin import StandIn
    from tests.workers.school import School

TEXTS = ("Anna lives in Bern .", "", "Nobody came to Oslo")
#: Steps of each training.
STEPS = 3


def ship(folder: Path, tiny: Path) -> Path:
    """Make a folder of shipped taggers around a tiny bi-encoder."""
    shutil.copytree(tiny, folder / "default")
    reader = StateReader(artifact.load(folder / "default"))
    torch.manual_seed(5)
    network = InContextModel(InContextConfig(width=reader.width, layers=1, heads=2, inner=32, positions=32))
    # As it is it would hardly dare say anything.
    torch.nn.init.constant_(network.others.bias, -4.0)
    save_model(
        folder / "compact",
        network,
        name="compact",
        base="default",
        base_fingerprint=reader.fingerprint,
        reading=Reading(),
        receipt={},
    )
    return folder


def places(folder: Path) -> list[tuple[Any, str, Path]]:
    """Where the rooms keep the folder of shipped taggers, each with what it is to be."""
    return [(module, "SHIPPED", folder) for module in (registry, tagger_names, language, runtime)]


class PromptedRuntime(Runtime):
    """The real runtime, whose trainings take three steps and keep each."""

    def __init__(self, retrieval: RetrievalSettings | None = None, **settings: Any) -> None:  # noqa: ANN401
        super().__init__(WorkerSettings(device="cpu", dtype="float32", **settings), retrieval)

    def tuning(self) -> TuningConfig:
        return TuningConfig(passes=0, least_steps=STEPS, budget=256, checkpoint_minutes=0.0)


def served_by(standin: StandIn, policy: str = "flag", **settings: Any) -> RetrievalSettings:  # noqa: ANN401
    """Settings of an index behind a stand-in."""
    patience = {"retrieval_timeout": 5.0, "retrieval_retry_seconds": 0.01} | settings
    return RetrievalSettings(qdrant_url=standin.url, retrieval_policy=policy, **patience)


def prompted_job(school: School, name: str = "music", method: str = "retrieve", **chosen: Any) -> str:  # noqa: ANN401
    """A queued adaptation of the compact language model."""
    usual = {"tagger": "compact", "engine": "llm", "options": {"method": method, "name": name}}
    return school.job(name, **(usual | chosen))


def adapt(school: School, runtime: Runtime | None = None) -> None:
    """Do the one adaptation whose bell is owed."""
    used = hands(school.ledger, school.blobs, runtime or PromptedRuntime(), taggers=school.taggers)
    adapting.run(used, school.chunk())


def made(school: School, method: str = "retrieve", name: str = "music", **chosen: Any) -> str:  # noqa: ANN401
    """The full name of a tagger that was made."""
    job_id = prompted_job(school, name, method, **chosen)
    adapt(school)
    job = school.ledger.job(job_id)
    assert job.state is JobState.COMPLETED, job.error
    return str(json.loads(school.ledger.results(job_id)[0].body)["tagger"])


def queued(school: School, tagger: str, *texts: str, **chosen: Any) -> str:  # noqa: ANN401
    """A job of the engine over these texts, in a chunk whose bell is owed."""
    return tag_job(school.ledger, school.blobs, *(texts or TEXTS), tagger=tagger, **({"engine": "llm"} | chosen))


def tagged(school: School, job_id: str, runtime: Runtime) -> list[dict[str, Any]]:
    """The lines that a job has once its chunk was done."""
    tagging.run(hands(school.ledger, school.blobs, runtime, taggers=school.taggers), only_chunk(school.ledger))
    return [json.loads(line.body) for line in school.ledger.results_in_order(job_id)]
