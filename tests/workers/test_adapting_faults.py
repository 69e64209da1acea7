"""Adapt workers as processes: two at once, and SIGKILL wherever one is; each job ends with one whole tagger."""

from __future__ import annotations

import multiprocessing
import random
import signal
import time
from typing import TYPE_CHECKING

import pytest

from jobs.states import JobState, TaggerState
from models import artifact, llm_artifact
from tests.workers.doomed import DEATHS, PROMPTED_DEATHS, work, work_prompted
from tests.workers.prompting import prompted_job
from tests.workers.school import STEPS, TRAININGS

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerContext
    from multiprocessing.process import BaseProcess
    from pathlib import Path

    from tests.workers.school import School

#: Seconds for a worker's whole work, on a machine that does other things as well.
PATIENCE = 60.0


@pytest.fixture(scope="module")
def forks() -> ForkServerContext:
    """Processes that have the model library at once."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.workers.doomed"])
    return context


def started(forks: ForkServerContext, school: School, url: str, steps: Path, death: str | None) -> BaseProcess:
    """A worker at the one adaptation whose bell is owed."""
    arguments = (url, school.blobs.root, school.taggers, school.chunk(), steps, death)
    worker = forks.Process(target=work, args=arguments)
    worker.start()
    return worker


def ended(worker: BaseProcess) -> int | None:
    """Wait for the end of a worker; how it ended."""
    worker.join(PATIENCE)
    code = worker.exitcode
    worker.close()
    return code


def assert_made_once(school: School, job_id: str) -> None:
    job = school.ledger.job(job_id)
    assert (job.state, job.completed, school.ledger.law(job_id)) == (JobState.COMPLETED, 1, ())
    assert [each.full_name for each in school.ledger.tenant("local").taggers()] == ["music@1", "tiny@1"]
    assert len([path for path in school.taggers.iterdir() if path.name.startswith("job_")]) == 2
    assert artifact.check_files(school.taggers / job_id).name == "music"


def test_two_adaptations_of_one_name_at_once_do_not_disturb_each_other(
    forks: ForkServerContext, school: School, ledger_url: str, tmp_path: Path
) -> None:
    # Given two jobs that are to make a tagger of one name
    jobs = {school.job(), school.job()}
    chunks = school.ledger.owed("adapt", 10)

    # When two workers do them at once
    workers = [
        forks.Process(
            target=work, args=(ledger_url, school.blobs.root, school.taggers, chunk, tmp_path / f"steps{chunk}", None)
        )
        for chunk in chunks
    ]
    for worker in workers:
        worker.start()
    assert [ended(worker) for worker in workers] == [0, 0]

    # Then there are two versions, each whole in a folder of its own, and one is promoted
    made = [each for each in school.ledger.tenant("local").taggers() if each.name == "music"]
    assert [each.full_name for each in made] == ["music@1", "music@2"]
    assert {each.folder for each in made} == jobs
    assert [artifact.check_files(school.taggers / each.folder).receipt for each in made] == [
        each.receipt for each in made
    ]
    assert [each.state for each in made].count(TaggerState.PROMOTED) == 1
    assert school.left_over() == []


def test_a_worker_that_is_killed_everywhere_in_turn(
    forks: ForkServerContext, school: School, ledger_url: str, tmp_path: Path
) -> None:
    # Given an adaptation whose every worker dies a little farther on
    job_id, steps = school.job(), tmp_path / "steps"
    for death in DEATHS:
        assert ended(started(forks, school, ledger_url, steps, death)) == -signal.SIGKILL, death
        # Its lease is given back as the holder of a stack does, without waiting for it to run out.
        school.ledger.void_leases()

    # When the next one comes, if there is anything left to do
    assert school.ledger.owed("adapt", 1) == []
    school.job("jazz")
    assert ended(started(forks, school, ledger_url, steps, None)) == 0

    # Then the tagger was made once, at the cost of a few steps, and no half of anything is left
    taken = [line for line in steps.read_text().splitlines() if line]
    assert len(taken) <= 2 * STEPS * TRAININGS + len(DEATHS)
    assert school.left_over() == []
    assert [each.name for each in school.ledger.tenant("local").taggers()] == ["jazz", "music", "tiny"]
    assert artifact.check_files(school.taggers / job_id).name == "music"
    assert school.ledger.job(job_id).state is JobState.COMPLETED


def test_a_worker_that_tunes_a_language_model_is_killed_everywhere_in_turn(
    forks: ForkServerContext, school: School, ledger_url: str, tmp_path: Path, shipping: Path
) -> None:
    # Given a tuning whose every worker dies a little farther on
    job_id, steps = prompted_job(school, method="lora"), tmp_path / "steps"

    def worked(death: str | None) -> int | None:
        arguments = (ledger_url, school.blobs.root, school.taggers, school.chunk(), steps, death, shipping)
        worker = forks.Process(target=work_prompted, args=arguments)
        worker.start()
        return ended(worker)

    for death in PROMPTED_DEATHS:
        assert worked(death) == -signal.SIGKILL, death
        school.ledger.void_leases()

    # When the next one comes, if there is anything left to do
    assert school.ledger.owed("adapt", 1) == []
    prompted_job(school, "jazz")
    assert worked(None) == 0

    # Then the tagger was made once, at the cost of a few steps, and no half of anything is left
    assert len(steps.read_text().splitlines()) <= 2 * STEPS * TRAININGS + len(PROMPTED_DEATHS)
    assert school.left_over() == []
    assert [each.name for each in school.ledger.tenant("local").taggers()] == ["jazz", "music", "tiny"]
    assert llm_artifact.check_files(school.taggers / job_id).holds("adapter")
    assert school.ledger.job(job_id).state is JobState.COMPLETED


def test_a_worker_that_is_killed_at_any_moment(
    forks: ForkServerContext, school: School, ledger_url: str, tmp_path: Path
) -> None:
    # Given an adaptation whose workers are killed at ten moments, by whoever
    job_id, steps, chance = school.job(), tmp_path / "steps", random.Random(4)
    for _ in range(10):
        if not school.ledger.owed("adapt", 1):
            break
        worker = started(forks, school, ledger_url, steps, None)
        time.sleep(chance.uniform(0.05, 0.5))
        worker.kill()
        assert ended(worker) in (0, -signal.SIGKILL)
        school.ledger.void_leases()

    # When one is left alone
    if school.ledger.owed("adapt", 1):
        assert ended(started(forks, school, ledger_url, steps, None)) == 0

    # Then the job is done, once
    assert_made_once(school, job_id)
    # Checkpoints that a worker could not remove any more go with the next adaptation.
    assert school.left_over() in ([], [job_id])


def test_a_worker_that_dies_at_the_same_place_again_and_again_is_given_up(
    forks: ForkServerContext, school: School, ledger_url: str, tmp_path: Path
) -> None:
    # Given an adaptation that kills every worker when it compares
    job_id = school.job()

    # When they die, and their leases run out
    deaths = 0
    while school.ledger.owed("adapt", 1):
        assert ended(started(forks, school, ledger_url, tmp_path / "steps", "comparing 0.0")) == -signal.SIGKILL
        deaths += 1
        crash(school)

    # Then the last of three that came no farther ends it, and nothing is registered
    assert deaths == 3
    assert [dropped.reason for dropped in school.ledger.dropped_chunks(job_id)] == ["poison"]
    assert [each.full_name for each in school.ledger.tenant("local").taggers()] == ["tiny@1"]
    assert not (school.taggers / job_id).exists()


def crash(school: School) -> None:
    """Let the lease of the dead worker have run out, which takes a minute otherwise."""
    engines = school.ledger._engines
    with engines.writing() as connection:
        connection.exec_driver_sql("UPDATE chunk SET lease_until = '2000-01-01 00:00:00' WHERE state = 'running'")
    assert school.ledger.reap(max_crashes=3).crashed == 1
