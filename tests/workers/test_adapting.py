"""An adaptation from claim to commit: what is made of it, and when something comes in between."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from jobs.errors import LedgerUnavailable
from jobs.states import JobState, TaggerState
from jobs.store import Ledger
from models import artifact
from models.training import adapting as lessons
from models.training.adapting import STAGES
from tests.workers.building import hands, only_chunk, tag_job, told
from tests.workers.school import STEPS, TRAININGS, QuickRuntime, School, examples
from workers import adapting, tagging

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from jobs.records import Claim

MISALIGNED = '{"id": "b", "text": "Anna lives in Bern .", "entities": [{"start": 1, "end": 4, "label": "person"}]}'
UNKNOWN = '{"id": "c", "text": "Anna lives in Bern .", "entities": [{"start": 0, "end": 4, "label": "persona"}]}'


class Meddling(Ledger):
    """A ledger that lets a test act when an adaptation tells how far it is."""

    act: Callable[[str, float], object]

    def progress(self, claimed: Claim, stage: str, share: float) -> bool:
        self.act(stage, share)
        return super().progress(claimed, stage, share)


@pytest.fixture
def meddling(ledger: Ledger) -> Meddling:
    return Meddling(ledger._engines)


def events(logs: Sequence[Mapping[str, object]]) -> list[object]:
    return [entry["event"] for entry in logs]


def at(wanted: str, act: Callable[[], object]) -> Callable[[str, float], object]:
    """Act when a stage is told of for the first time."""
    acted: list[str] = []

    def when(stage: str, _share: float) -> None:
        if stage == wanted and not acted:
            acted.append(stage)
            act()

    return when


def test_a_tagger_is_made_registered_and_of_use(school: School) -> None:
    # Given examples
    job_id = school.job()

    # When they are learnt from
    school.work()

    # Then a tagger is registered, whole, with its receipt, and nothing else is left
    job = school.ledger.job(job_id)
    assert (job.state, job.total, job.completed) == (JobState.COMPLETED, 1, 1)
    made = school.ledger.tenant("local").tagger("music")
    assert (made.full_name, made.folder, made.state) == ("music@1", job_id, TaggerState.PROMOTED)
    assert (made.receipt["method"], made.receipt["base"], made.receipt["examples"]) == ("extend", "tiny@1", 6)
    assert artifact.check_files(school.taggers / job_id).receipt == made.receipt
    assert school.left_over() == []
    [line] = school.ledger.results(job_id)
    assert json.loads(line.body) == {"id": job_id, "tagger": "music@1", "promoted": True, "receipt": made.receipt}
    assert school.ledger.law(job_id) == ()

    # And it tags
    tagged = tag_job(school.ledger, school.blobs, "Anna lives in Bern .", tagger="music@1")
    tagging.run(hands(school.ledger, school.blobs, QuickRuntime(), taggers=school.taggers), only_chunk(school.ledger))
    assert told(school.ledger, tagged) == [("d1", None)]
    assert json.loads(school.ledger.results(tagged)[0].body)["tagger"] == "music@1"


def test_a_tagger_that_got_worse_is_kept_and_not_promoted(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given an adaptation that makes its tagger worse
    monkeypatch.setattr(lessons, "verdict", lambda *_: "worse")
    job_id = school.job()

    school.work()

    made = school.ledger.tenant("local").tagger("music@1")
    assert (made.state, made.receipt["verdict"]) == (TaggerState.CANDIDATE, "worse")
    assert json.loads(school.ledger.results(job_id)[0].body)["promoted"] is False


@pytest.mark.usefixtures("chatty")
def test_progress_is_told_stage_by_stage(school: School) -> None:
    job_id = school.job()

    school.work()

    shares = school.shares(job_id)
    assert list(dict.fromkeys(stage for stage, _ in shares)) == list(STAGES)
    assert len(shares) == STEPS * TRAININGS + 1


def test_progress_is_told_now_and_then_only(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    # However slow the machine is, a stage is not over before it is time to tell of it again.
    monkeypatch.setattr(adapting, "TOLD_SECONDS", 600.0)
    job_id = school.job()

    school.work()

    assert [stage for stage, _ in school.shares(job_id)] == list(STAGES)


def test_bad_examples_fail_the_job_with_their_lines_before_anything_is_learnt(school: School) -> None:
    job_id = school.job(lines=[*examples(2), MISALIGNED, UNKNOWN])

    with capture_logs() as logs:
        school.work()

    job = school.ledger.job(job_id)
    assert job.state is JobState.FAILED
    assert job.error is not None
    assert (job.error["code"], job.error["total"]) == ("invalid_examples", 3)
    assert [(each["line"], each["code"]) for each in job.error["problems"]] == [
        (3, "misaligned_span"),
        (4, "unknown_label"),
        (4, "contradiction"),
    ]
    assert job.error["message"].startswith("line 3: entity 1 [1, 4) 'nna' cuts the word 'Anna'")
    assert events(logs) == ["adaptation_failed"]
    assert school.shares(job_id) == []
    assert not (school.taggers / ".work").exists()


@pytest.mark.parametrize(
    ("options", "tagger", "code"),
    [
        ({"method": "extend", "name": "default"}, "tiny@1", "bad_tagger_name"),
        ({"method": "magic", "name": "music"}, "tiny@1", "unknown_method"),
        ({"method": "extend"}, "tiny@1", "bad_tagger_name"),
        ({"method": "extend", "name": "music"}, "tiny@7", "unknown_tagger"),
    ],
)
def test_what_cannot_be_done_fails_the_job(school: School, options: dict[str, str], tagger: str, code: str) -> None:
    job_id = school.job(options=options, tagger=tagger)

    with capture_logs():
        school.work()

    job = school.ledger.job(job_id)
    assert (job.state, job.error and job.error["code"]) == (JobState.FAILED, code)
    assert school.left_over() == []


def test_a_base_that_is_damaged_fails_the_job(school: School) -> None:
    job_id = school.job()
    base = school.ledger.tenant("local").tagger("tiny").folder
    next((school.taggers / base).glob("weights-*")).write_bytes(b"no weights")

    with capture_logs():
        school.work()

    job = school.ledger.job(job_id)
    assert (job.state, job.error and job.error["code"]) == (JobState.FAILED, "bad_artifact")


def test_without_a_folder_of_taggers_nothing_can_be_made(school: School) -> None:
    job_id = school.job(tagger="default")

    with capture_logs():
        adapting.run(hands(school.ledger, school.blobs, QuickRuntime()), school.chunk())

    job = school.ledger.job(job_id)
    assert job.error is not None
    assert job.error["message"] == "TAGWERK_TAGGERS is not set; it names the folder of the taggers made here"


@pytest.mark.usefixtures("eager", "chatty")
@pytest.mark.parametrize("stage", STAGES)
def test_cancel_at_any_stage_leaves_nothing(school: School, meddling: Meddling, stage: str) -> None:
    # Given an adaptation that is cancelled in one of its stages
    job_id = school.job()
    meddling.act = at(stage, lambda: school.ledger.cancel(job_id))

    # When the worker notices
    school.work(meddling)

    # Then the job is cancelled, nothing is registered, and no file is left
    job = school.ledger.job(job_id)
    assert (job.state, job.failed) == (JobState.CANCELLED, 1)
    assert [each.full_name for each in school.ledger.tenant("local").taggers()] == ["tiny@1"]
    assert not (school.taggers / job_id).exists()
    assert school.left_over() == []
    assert school.ledger.law(job_id) == ()


@pytest.mark.usefixtures("chatty")
def test_a_worker_that_is_to_end_hands_the_work_back_and_the_next_goes_on(school: School, meddling: Meddling) -> None:
    # Given a worker that is told to end while it learns
    job_id = school.job()
    ending: list[bool] = []
    meddling.act = at("learning", lambda: ending.append(True))

    # When it notices
    adapting.run(school.hands(ledger=meddling, stopping=lambda: bool(ending)), school.chunk())

    # Then the bell is owed again, and the next worker takes up the rest alone
    before = school.shares(job_id)
    assert school.ledger.job(job_id).pending == 1
    school.work()
    rest = school.shares(job_id)[len(before) :]
    assert [stage for stage, _ in rest if stage == "judging"] == []
    assert school.ledger.job(job_id).state is JobState.COMPLETED
    assert school.left_over() == []


@pytest.mark.usefixtures("eager", "chatty")
def test_a_worker_that_lost_its_lease_stops_and_harms_nothing(school: School, meddling: Meddling) -> None:
    # Given an adaptation that another worker takes and does while the first one learns
    job_id = school.job()

    def taken() -> None:
        school.ledger.void_leases()
        school.work()

    meddling.act = at("learning", taken)

    # When the first one goes on
    with capture_logs() as logs:
        school.work(meddling)

    # Then there is one tagger, and it is whole
    assert events(logs) == ["tagger_made", "lease_lost"]
    assert [each.full_name for each in school.ledger.tenant("local").taggers()] == ["music@1", "tiny@1"]
    assert artifact.check_files(school.taggers / job_id)


def test_an_error_for_want_of_a_folder_that_was_taken_over_is_no_crash(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    def taken(*_: object) -> None:
        school.ledger.void_leases()
        assert school.ledger.claim(school.chunk(), worker="elsewhere:1", lease_s=60)
        raise FileNotFoundError

    school.job()
    monkeypatch.setattr(lessons, "adapt", taken)

    with capture_logs() as logs:
        school.work()

    assert events(logs) == ["lease_lost"]


def test_a_tagger_that_is_there_already_is_not_made_again(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given an attempt that died between the artifact and the commit
    job_id = school.job()
    monkeypatch.setattr(Ledger, "commit_tagger", _die)
    with pytest.raises(ZeroDivisionError):
        school.work()
    school.ledger.void_leases()
    monkeypatch.undo()
    made = (school.taggers / job_id / "tagger.json").read_text()

    # When the next attempt comes, which could learn nothing
    monkeypatch.setattr(lessons, "adapt", _die)
    school.work()

    # Then that artifact is registered
    assert school.ledger.job(job_id).state is JobState.COMPLETED
    assert (school.taggers / job_id / "tagger.json").read_text() == made
    assert school.left_over() == []


def test_an_error_that_nobody_foresaw_leaves_the_lease_to_run_out(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = school.job()
    monkeypatch.setattr(lessons, "adapt", _die)

    with pytest.raises(ZeroDivisionError):
        school.work()

    assert (school.ledger.job(job_id).pending, school.ledger.results(job_id)) == (1, [])
    assert school.ledger.void_leases() == 1


@pytest.mark.usefixtures("chatty")
def test_a_ledger_that_is_away_for_a_moment_stops_no_lesson(school: School, meddling: Meddling) -> None:
    def away() -> None:
        raise LedgerUnavailable("ledger", ConnectionError("server closed the connection"))

    job_id = school.job()
    meddling.act = at("learning", away)

    with capture_logs() as logs:
        school.work(meddling)

    assert school.ledger.job(job_id).state is JobState.COMPLETED
    assert events(logs) == ["progress_not_told", "tagger_made"]


def test_what_ended_without_a_worker_is_swept_up_by_the_next(school: School) -> None:
    # Given checkpoints of a job that was cancelled when its worker was dead already, and those of one that waits
    now, dead, waiting = (school.job() for _ in range(3))
    for job_id in (dead, waiting):
        (school.taggers / ".work" / job_id / "1").mkdir(parents=True)
    school.ledger.cancel(dead)

    # When another adaptation begins
    adapting.run(school.hands(), school.ledger.owed("adapt", 1)[0])

    # Then the former are gone, and the latter stay
    assert school.ledger.job(now).state is JobState.COMPLETED
    assert school.left_over() == [waiting]


def _die(*_: object, **__: object) -> None:
    raise ZeroDivisionError
