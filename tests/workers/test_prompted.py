"""Taggers of the engine `llm` from job to job: made by showing examples or by tuning, and of use."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from jobs.states import JobState, TaggerState
from models import llm_artifact
from retrieval import stored
from retrieval.settings import RetrievalSettings
from tests.models.languages import llama, save_language
from tests.workers.building import hands, tag_job
from tests.workers.prompting import (
    STEPS,
    TEXTS,
    PromptedRuntime,
    adapt,
    made,
    places,
    prompted_job,
    queued,
    served_by,
    ship,
    tagged,
)
from tests.workers.school import EXAMPLES, TRAININGS, examples
from tests.workers.test_adapting import Meddling, at
from workers import adapting

if TYPE_CHECKING:
    from pathlib import Path

    from tests.retrieval.standin import StandIn
    from tests.workers.school import School

pytestmark = pytest.mark.usefixtures("shipping")


def test_examples_become_a_tagger_with_a_receipt(school: School) -> None:
    # Given examples, and no tagger named to start from
    job_id = prompted_job(school)

    # When they are shown
    adapt(school)

    # Then a tagger is registered, whole, with its receipt, and nothing else is left
    found = school.ledger.tenant("local").tagger("music@1")
    assert (found.engine, found.folder) == ("llm", job_id)
    manifest = llm_artifact.check_files(school.taggers / job_id)
    assert manifest.receipt == found.receipt
    assert (manifest.base, manifest.holds("examples"), manifest.holds("adapter")) == ("compact", True, False)
    assert len(stored.load(school.taggers / job_id / "examples").documents) == EXAMPLES
    assert school.left_over() == []
    # And the receipt says what was measured on what, with which model, and which would be better
    receipt = found.receipt
    assert (receipt["method"], receipt["base"], receipt["llm"]) == ("retrieve", "compact", "compact")
    assert (receipt["documents"], receipt["examples"], receipt["search"]["k"]) == (EXAMPLES, EXAMPLES, 5)
    assert receipt["held_out"] == "each of 6 examples in turn, the others being those to be shown"
    assert {"f1", "f1_low", "f1_high"} < receipt["before"].keys() & receipt["after"].keys()
    assert receipt["labels"].keys() == {"person", "place"}
    assert "TAGWERK_LLM=Qwen/" in receipt["advice"]
    assert "steps" not in receipt
    assert found.state is (TaggerState.CANDIDATE if receipt["verdict"] == "worse" else TaggerState.PROMOTED)


def test_a_tagger_of_shown_examples_tags(school: School) -> None:
    tagger = made(school)

    lines = tagged(school, queued(school, tagger), PromptedRuntime())

    assert [line["id"] for line in lines] == ["d1", "d2", "d3"]
    for line, text in zip(lines, TEXTS, strict=True):
        assert (line["tagger"], line["engine"], line["windows"]) == (tagger, "llm", 1)
        assert all(each["text"] == text[each["start"] : each["end"]] for each in line["entities"])
        assert all(each["label"] == "band" for each in line["entities"])
    assert any(line["entities"] for line in lines)


def test_the_compact_model_tags_without_examples(school: School) -> None:
    lines = tagged(school, queued(school, "compact"), PromptedRuntime())

    assert [line["tagger"] for line in lines] == ["compact"] * 3
    assert "error" not in lines[0]


def test_two_taggers_side_by_side_keep_to_their_own_examples(school: School) -> None:
    # Given two taggers of other examples, and a runtime that has used both
    runtime = PromptedRuntime()
    one = made(school)
    other = made(school, name="jazz", lines=examples(3))
    alone = {tagger: tagged(school, queued(school, tagger), PromptedRuntime()) for tagger in (one, other)}

    # When they take turns
    for tagger in (one, other, one, other):
        lines = tagged(school, queued(school, tagger), runtime)

        # Then each answers as if it were alone
        assert lines == alone[tagger]


def test_tuning_makes_a_tagger_of_its_own_weights(school: School) -> None:
    # Given two taggers by the same examples, one of them tuned
    shown = made(school)
    job_id = prompted_job(school, method="lora")
    adapt(school)

    # Then the receipt has the steps, and the folder the adapter
    receipt = school.ledger.tenant("local").tagger("music@2").receipt
    assert (receipt["method"], receipt["steps"], receipt["held_out"][:6]) == ("lora", STEPS, "3-fold")
    assert receipt["config"]["least_steps"] == STEPS
    assert llm_artifact.check_files(school.taggers / job_id).holds("adapter")
    # And both tag in one process, side by side, as they do alone
    runtime = PromptedRuntime()
    alone = {tagger: tagged(school, queued(school, tagger), PromptedRuntime()) for tagger in (shown, "music@2")}
    for tagger in (shown, "music@2", shown):
        assert tagged(school, queued(school, tagger), runtime) == alone[tagger]


def test_showing_goes_on_from_a_tuned_model(school: School) -> None:
    tuned = made(school, "lora")
    adapter = next((school.taggers / school.ledger.tenant("local").tagger(tuned).folder).rglob("adapter_model*"))

    again = made(school, "retrieve", tagger=tuned)

    folder = school.taggers / school.ledger.tenant("local").tagger(again).folder
    assert (folder / "adapter" / adapter.name).read_bytes() == adapter.read_bytes()
    assert len(tagged(school, queued(school, again), PromptedRuntime())) == 3


def test_the_model_wears_the_adapter_that_the_settings_give_it(school: School) -> None:
    tuned = made(school, "lora")
    adapter = next((school.taggers / school.ledger.tenant("local").tagger(tuned).folder).rglob("adapter_model*"))
    job_id = prompted_job(school, "other")

    adapt(school, PromptedRuntime(llm_adapter=adapter.parent))

    kept = school.taggers / job_id / "adapter" / adapter.name
    assert kept.read_bytes() == adapter.read_bytes()


def test_tuning_goes_on_from_a_tuned_model(school: School) -> None:
    tuned = made(school, "lora")

    again = made(school, "lora", tagger=tuned)

    assert school.ledger.tenant("local").tagger(again).receipt["base"] == tuned


@pytest.mark.usefixtures("eager", "chatty")
@pytest.mark.parametrize(("method", "stage"), [("retrieve", "judging"), ("lora", "judging"), ("lora", "learning")])
def test_cancel_at_any_stage_leaves_nothing(school: School, method: str, stage: str) -> None:
    # Given an adaptation that is cancelled in one of its stages
    job_id = prompted_job(school, method=method)
    meddling = Meddling(school.ledger._engines)
    meddling.act = at(stage, lambda: school.ledger.cancel(job_id))

    # When the worker notices
    adapting.run(hands(meddling, school.blobs, PromptedRuntime(), taggers=school.taggers), school.chunk())

    # Then the job is cancelled, nothing is registered, and no file is left
    assert school.ledger.job(job_id).state is JobState.CANCELLED
    assert [each.full_name for each in school.ledger.tenant("local").taggers()] == ["tiny@1"]
    assert not (school.taggers / job_id).exists()
    assert school.left_over() == []


@pytest.mark.usefixtures("chatty")
def test_progress_is_told_stage_by_stage(school: School) -> None:
    job_id = prompted_job(school, method="lora")

    adapt(school)

    shares = school.shares(job_id)
    assert list(dict.fromkeys(stage for stage, _ in shares)) == ["judging", "learning"]
    learning = [share for stage, share in shares if stage == "learning"]
    assert learning == pytest.approx([(step + 1) / STEPS for step in range(STEPS)], abs=0.001)
    judging = [share for stage, share in shares if stage == "judging"]
    assert judging == sorted(judging)
    assert len(judging) == (STEPS + 4) * (TRAININGS - 1)


def test_any_causal_model_is_shown_examples_and_tuned(school: School, tmp_path: Path) -> None:
    # Given a causal language model in a folder
    llm = str(save_language(tmp_path / "llama"))

    # When it is shown examples, and when it is tuned by them
    for name, method in (("shown", "retrieve"), ("tuned", "lora")):
        prompted_job(school, name, method)
        adapt(school, PromptedRuntime(llm=llm))

    # Then each is a tagger, and both tag in one process with one base
    taggers = {each.name: each for each in school.ledger.tenant("local").taggers()}
    assert {taggers[name].receipt["llm"] for name in ("shown", "tuned")} == {llm}
    assert "advice" not in taggers["shown"].receipt
    assert llm_artifact.check_files(school.taggers / taggers["tuned"].folder).holds("adapter")
    runtime = PromptedRuntime(llm=llm)
    for name in ("shown", "tuned", "shown"):
        lines = tagged(school, queued(school, f"{name}@1"), runtime)
        assert ["error" in line for line in lines] == [False] * 3
    # And the one that has an adapter is not tuned once more
    job_id = prompted_job(school, method="lora", tagger="tuned@1")
    with capture_logs():
        adapt(school, runtime)
    error = school.ledger.job(job_id).error
    assert error is not None
    assert (error["code"], "tuned@1 has an adapter" in error["message"]) == ("llm_not_tunable", True)


def test_a_tagger_of_another_causal_model_is_refused(school: School, tmp_path: Path) -> None:
    # Given a tagger of one model, and a worker whose setting names another
    one, other = (str(save_language(tmp_path / name)) for name in ("one", "other"))
    llama(seed=4).save_pretrained(other)
    prompted_job(school)
    adapt(school, PromptedRuntime(llm=one))

    # When the worker is to tag with it
    with capture_logs():
        [line] = tagged(school, queued(school, "music@1", "Anna"), PromptedRuntime(llm=other))

    # Then both are told, and a worker that names none finds it where it was
    assert line["error"]["code"] == "bad_artifact"
    assert one in line["error"]["message"]
    assert other in line["error"]["message"]
    assert "error" not in tagged(school, queued(school, "music@1", "Anna"), PromptedRuntime())[0]


def test_examples_that_are_no_good_fail_the_job_before_anything_is_asked(school: School) -> None:
    bad = '{"id": "b", "text": "Anna lives in Bern .", "entities": [{"start": 1, "end": 4, "label": "person"}]}'
    job_id = prompted_job(school, lines=[bad])

    with capture_logs():
        adapt(school)

    job = school.ledger.job(job_id)
    assert (job.state, job.error and job.error["code"]) == (JobState.FAILED, "invalid_examples")


def test_a_single_example_claims_nothing(school: School) -> None:
    label = {"name": "person", "description": "", "threshold": None}
    line = '{"id": "b", "text": "Anna lives in Bern .", "entities": [{"start": 0, "end": 4, "label": "person"}]}'

    tagger = made(school, lines=[line], labels=[label])

    receipt = school.ledger.tenant("local").tagger(tagger).receipt
    assert (receipt["verdict"], receipt["documents"], "after" in receipt) == ("unknown", 0, False)


@pytest.mark.parametrize(
    ("llm", "code", "words"),
    [
        ("/no/such/model", "generator_not_found", "'/no/such/model'"),
        ("remote:big", "generator_not_found", "set TAGWERK_LLM to that and TAGWERK_LLM_URL"),
    ],
)
def test_a_language_model_that_is_not_there_fails_the_job(school: School, llm: str, code: str, words: str) -> None:
    job_id = prompted_job(school)

    with capture_logs():
        adapt(school, PromptedRuntime(llm=llm))

    error = school.ledger.job(job_id).error
    assert error is not None
    assert (error["code"], words in error["message"]) == (code, True)


def test_an_endpoint_is_not_tuned(school: School) -> None:
    job_id = prompted_job(school, method="lora")

    with capture_logs():
        adapt(school, PromptedRuntime(llm="remote:big", llm_url="http://127.0.0.1:1/v1"))

    error = school.ledger.job(job_id).error
    assert error is not None
    assert (error["code"], error["message"][:10]) == ("llm_not_tunable", "remote:big")


def test_a_tagger_of_another_compact_model_is_refused_with_both(
    school: School, monkeypatch: pytest.MonkeyPatch, tiny_artifact: Path, tmp_path: Path
) -> None:
    # Given a tagger, and a version whose compact model is another
    tagger = made(school)
    other = ship(tmp_path / "other", tiny_artifact)
    said = json.loads((other / "compact" / "tagger.json").read_text())
    [weights] = said["files"]
    (other / "compact" / weights).rename(other / "compact" / "renamed.safetensors")
    said["files"] = {"renamed.safetensors": said["files"][weights]}
    (other / "compact" / "tagger.json").write_text(json.dumps(said))
    for module, name, value in places(other):
        monkeypatch.setattr(module, name, value)

    # When it is to tag
    with capture_logs():
        lines = tagged(school, queued(school, tagger, "Anna"), PromptedRuntime())

    # Then its documents fail with what is to be done
    assert lines[0]["error"]["code"] == "bad_artifact"
    assert "was made with the language model compact" in lines[0]["error"]["message"]


def test_a_damaged_example_set_is_never_shown(school: School) -> None:
    tagger = made(school)
    folder = school.taggers / school.ledger.tenant("local").tagger(tagger).folder
    path = folder / "examples" / "examples.jsonl"
    path.write_text(path.read_text().replace("person", "place", 1))

    with capture_logs():
        lines = tagged(school, queued(school, tagger, "Anna"), PromptedRuntime())

    assert lines[0]["error"]["code"] == "bad_artifact"


def test_the_engine_of_a_job_must_be_its_taggers(school: School) -> None:
    with capture_logs():
        lines = tagged(school, tag_job(school.ledger, school.blobs, "Anna", tagger="compact"), PromptedRuntime())

    assert lines[0]["error"]["code"] == "engine_mismatch"


def test_examples_of_a_tenant_lie_in_a_collection_of_its_own(school: School, standin: StandIn) -> None:
    # Given a tagger that a server's examples serve
    tagger = made(school)

    # When it tags, in one process and then in another
    for _ in range(2):
        tagged(school, queued(school, tagger), PromptedRuntime(served_by(standin)))

    # Then its collection was filled once
    assert len(standin.client.get_collections().collections) == 1
    assert standin.asked.count("PUT collection") == 1


def test_an_adaptation_needs_no_index(school: School) -> None:
    job_id = prompted_job(school)

    adapt(school, PromptedRuntime(RetrievalSettings(qdrant_url="http://127.0.0.1:1", retrieval_policy="wait")))

    assert school.ledger.job(job_id).state is JobState.COMPLETED
