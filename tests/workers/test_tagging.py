"""A chunk from claim to commit: what is stored, and what is when something comes in between."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from jobs.states import JobState
from models.errors import BadArtifact
from tests.workers.building import LABELS, ScriptedRuntime, hands, only_chunk, tag_job, told
from workers import tagging
from workers.runtime import Runtime
from workers.settings import WorkerSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from corpora.blobs import BlobStore
    from jobs.store import Ledger

SIX = ("sure 1", "sure 2", "sure 3", "sure 4", "sure 5", "sure 6")


def after(batches: int, act: Callable[[], object]) -> ScriptedRuntime:
    """A runtime that calls `act` when so many batches are done."""

    def between(done: int) -> None:
        if done == batches:
            act()

    return ScriptedRuntime(between)


def events(logs: Sequence[Mapping[str, object]]) -> list[object]:
    return [entry["event"] for entry in logs]


def reap_one(ledger: Ledger) -> None:
    """Reap until a lease has run out, at most five seconds."""
    pause = threading.Event()
    for _ in range(500):
        if ledger.reap(3).crashed:
            return
        pause.wait(0.01)
    pytest.fail("no lease ran out within five seconds")


def test_every_document_gets_its_result_line(ledger: Ledger, blobs: BlobStore) -> None:
    job_id = tag_job(ledger, blobs, "sure thing", "empty words")

    tagging.run(hands(ledger, blobs), only_chunk(ledger))

    lines = [json.loads(result.body) for result in ledger.results_in_order(job_id)]
    common = {"escalation": None, "tagger": "default", "engine": "biencoder", "windows": 1}
    found = {"start": 0, "end": 4, "text": "sure", "label": "band", "score": 0.99}
    assert lines == [{"id": "d1", "entities": [found]} | common, {"id": "d2", "entities": []} | common]
    job = ledger.job(job_id)
    assert (job.state, job.completed, job.failed, job.escalated) == (JobState.COMPLETED, 2, 0, 0)
    assert ledger.law(job_id) == ()


def test_doubtful_documents_are_escalated_worst_first(ledger: Ledger, blobs: BlobStore) -> None:
    job_id = tag_job(ledger, blobs, "sure thing", "close call", "missed call")

    tagging.run(hands(ledger, blobs), only_chunk(ledger))

    stored = [(each.document_id, each.line, each.reasons, each.risk) for each in ledger.escalations(job_id)]
    assert stored == [("d3", 3, ["low_confidence"], 0.45), ("d2", 2, ["low_confidence"], 0.4)]
    lines = [json.loads(result.body)["escalation"] for result in ledger.results_in_order(job_id)]
    assert lines == [None, {"reasons": ["low_confidence"], "risk": 0.4}, {"reasons": ["low_confidence"], "risk": 0.45}]


def test_a_bad_document_fails_alone(ledger: Ledger, blobs: BlobStore) -> None:
    job_id = tag_job(ledger, blobs, "sure 1", "broken 2", "sure 3")

    tagging.run(hands(ledger, blobs), only_chunk(ledger))

    assert told(ledger, job_id) == [("d1", None), ("d2", "tagging_failed"), ("d3", None)]
    [bad] = [json.loads(result.body) for result in ledger.results(job_id) if not result.ok]
    assert bad["error"]["message"] == "the document could not be tagged: a word too strange to read"
    assert [(each.document_id, each.reasons, each.risk) for each in ledger.escalations(job_id)] == [
        ("d2", ["failed"], 1.0)
    ]
    job = ledger.job(job_id)
    assert (job.state, job.completed, job.failed) == (JobState.COMPLETED, 2, 1)


def test_each_chunk_keeps_the_line_numbers_of_its_corpus(ledger: Ledger, blobs: BlobStore) -> None:
    job_id = tag_job(ledger, blobs, *SIX, chunk=4)

    for chunk_id in reversed(ledger.owed("tag", 10)):
        tagging.run(hands(ledger, blobs), chunk_id)

    assert [(result.line, result.document_id) for result in ledger.results_in_order(job_id)] == [
        (number, f"d{number}") for number in range(1, 7)
    ]


def test_a_bell_for_a_chunk_that_is_taken_or_done_is_answered_by_nothing(ledger: Ledger, blobs: BlobStore) -> None:
    # Given a chunk that another worker holds
    job_id = tag_job(ledger, blobs, *SIX)
    chunk_id = only_chunk(ledger)
    held = ledger.claim(chunk_id, worker="elsewhere:1", lease_s=60)
    assert held is not None
    runtime = ScriptedRuntime()

    # When its bell rings here, and again when the chunk is done
    tagging.run(hands(ledger, blobs, runtime), chunk_id)
    assert ledger.release(held)
    tagging.run(hands(ledger, blobs), chunk_id)
    tagging.run(hands(ledger, blobs, runtime), chunk_id)

    # Then nothing is tagged for it
    assert runtime.tagged == 0
    assert len(told(ledger, job_id)) == 6


@pytest.mark.usefixtures("eager")
def test_a_lease_lost_in_the_middle_ends_the_work_and_writes_nothing(ledger: Ledger, blobs: BlobStore) -> None:
    # Given a chunk that is taken back when one of its three batches is done
    job_id = tag_job(ledger, blobs, *SIX)
    runtime = after(1, ledger.void_leases)

    # When the worker comes to the next place to stop at
    with capture_logs() as logs:
        tagging.run(hands(ledger, blobs, runtime), only_chunk(ledger))

    # Then it goes no further, nothing is stored, and the chunk is anybody's
    assert events(logs) == ["lease_lost"]
    assert (runtime.tagged, told(ledger, job_id), ledger.job(job_id).pending) == (4, [], 6)
    assert only_chunk(ledger)


@pytest.mark.usefixtures("trusting")
def test_a_stale_worker_is_refused_at_its_commit(ledger: Ledger, blobs: BlobStore) -> None:
    # Given a chunk that, unnoticed, is taken back and done by another worker
    job_id = tag_job(ledger, blobs, *SIX)
    chunk_id = only_chunk(ledger)

    def lose() -> None:
        ledger.void_leases()
        tagging.run(hands(ledger, blobs, ScriptedRuntime()), chunk_id)

    # When the first worker commits
    with capture_logs() as logs:
        tagging.run(hands(ledger, blobs, after(2, lose)), chunk_id)

    # Then it is refused, and every document is there once
    assert events(logs) == ["stale_commit_refused"]
    assert [name for name, _code in told(ledger, job_id)] == [f"d{number}" for number in range(1, 7)]
    assert ledger.law(job_id) == ()


@pytest.mark.usefixtures("trusting")
def test_a_stale_worker_cannot_commit_what_another_is_at_work_on(ledger: Ledger, blobs: BlobStore) -> None:
    # Given a chunk that, unnoticed, is taken back and claimed by another worker
    job_id = tag_job(ledger, blobs, *SIX)
    chunk_id = only_chunk(ledger)

    def lose() -> None:
        ledger.void_leases()
        assert ledger.claim(chunk_id, worker="elsewhere:1", lease_s=60) is not None

    # When the first worker commits
    with capture_logs() as logs:
        tagging.run(hands(ledger, blobs, after(2, lose)), chunk_id)

    # Then it is refused, and the other's claim stands
    assert events(logs) == ["stale_commit_refused"]
    assert (told(ledger, job_id), ledger.job(job_id).pending) == ([], 6)
    assert ledger.void_leases() == 1


def test_a_worker_that_is_to_end_hands_its_chunk_back(ledger: Ledger, blobs: BlobStore) -> None:
    # Given a worker that is told to end in the first batch
    job_id = tag_job(ledger, blobs, *SIX)
    chunk_id = only_chunk(ledger)
    ledger.mark_rung([chunk_id])
    runtime = ScriptedRuntime()

    # When the batch is done
    tagging.run(hands(ledger, blobs, runtime, stopping=lambda: True), chunk_id)

    # Then the rest is left, nothing is stored, and the bell is owed again, without a crash
    assert runtime.tagged == 2
    assert (told(ledger, job_id), ledger.job(job_id).pending) == ([], 6)
    assert only_chunk(ledger) == chunk_id
    claim = ledger.claim(chunk_id, worker="elsewhere:1", lease_s=60)
    assert claim is not None
    assert claim.attempt == 2


def test_a_worker_that_is_to_end_commits_a_chunk_that_is_finished(ledger: Ledger, blobs: BlobStore) -> None:
    job_id = tag_job(ledger, blobs, "sure 1", "sure 2")

    tagging.run(hands(ledger, blobs, stopping=lambda: True), only_chunk(ledger))

    assert ledger.job(job_id).state is JobState.COMPLETED


@pytest.mark.usefixtures("eager")
def test_cancel_keeps_finished_documents_and_codes_the_rest(ledger: Ledger, blobs: BlobStore) -> None:
    # Given a job that is cancelled while the second of three batches runs
    job_id = tag_job(ledger, blobs, "sure 1", "close 2", *SIX[2:])
    runtime = after(1, lambda: ledger.cancel(job_id))

    # When the worker notices
    tagging.run(hands(ledger, blobs, runtime), only_chunk(ledger))

    # Then the four finished documents are kept, the rest says why not, and only what is doubtful goes to people
    job = ledger.job(job_id)
    assert (job.state, job.completed, job.failed) == (JobState.CANCELLED, 4, 2)
    assert told(ledger, job_id) == [
        *((f"d{number}", None) for number in range(1, 5)),
        ("d5", "job_cancelled"),
        ("d6", "job_cancelled"),
    ]
    assert [each.document_id for each in ledger.escalations(job_id)] == ["d2"]
    assert ledger.law(job_id) == ()


@pytest.mark.parametrize(
    ("chosen", "code", "message"),
    [
        ({"tagger": "jazz@7"}, "unknown_tagger", "there is no tagger 'jazz@7'; known are compact, default, typer"),
        ({"engine": "oracle"}, "unknown_engine", "there is no engine 'oracle'; known are biencoder, llm"),
    ],
)
def test_a_job_that_asks_for_what_is_not_there_fails_instead_of_going_round(
    ledger: Ledger, blobs: BlobStore, chosen: dict[str, Any], code: str, message: str
) -> None:
    job_id = tag_job(ledger, blobs, "sure 1", "sure 2", **chosen)

    with capture_logs() as logs:
        tagging.run(hands(ledger, blobs, Runtime(WorkerSettings())), only_chunk(ledger))

    assert events(logs) == ["chunk_failed"]
    assert told(ledger, job_id) == [("d1", code), ("d2", code)]
    assert {json.loads(result.body)["error"]["message"] for result in ledger.results(job_id)} == {message}
    assert [each.reasons for each in ledger.escalations(job_id)] == [["failed"], ["failed"]]
    assert ledger.job(job_id).state is JobState.COMPLETED


def test_a_permanent_cause_in_the_middle_keeps_what_was_finished_before(ledger: Ledger, blobs: BlobStore) -> None:
    def fail() -> None:
        raise BadArtifact("weights-00001: not the file that was expected")

    job_id = tag_job(ledger, blobs, *SIX[:4])

    with capture_logs():
        tagging.run(hands(ledger, blobs, after(1, fail)), only_chunk(ledger))

    assert told(ledger, job_id) == [("d1", None), ("d2", None), ("d3", "bad_artifact"), ("d4", "bad_artifact")]


def test_an_error_that_nobody_foresaw_leaves_the_lease_to_run_out(ledger: Ledger, blobs: BlobStore) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    # Given a chunk that meets a bug at every attempt
    job_id = tag_job(ledger, blobs, *SIX)
    chunk_id = only_chunk(ledger)

    # When workers try it, and the reaper waits for their leases
    for _ in range(3):
        assert (ledger.job(job_id).pending, told(ledger, job_id)) == (6, [])
        with pytest.raises(ZeroDivisionError):
            tagging.run(hands(ledger, blobs, after(1, fail), lease_seconds=0.01), chunk_id)
        reap_one(ledger)

    # Then each attempt was a crash, and the third the last
    job = ledger.job(job_id)
    assert (job.state, job.completed, job.failed) == (JobState.COMPLETED, 0, 6)
    assert [dropped.reason for dropped in ledger.dropped_chunks(job_id)] == ["poison"]


def test_the_real_runtime_tags_a_chunk_with_the_shipped_tagger(ledger: Ledger, blobs: BlobStore) -> None:
    text = "🎸 Glass Harbour played in Oslo.\nThe İstanbul crowd sang along."
    labels = [LABELS[0] | {"threshold": 0.0}]
    job_id = tag_job(ledger, blobs, text, "", "   ", labels=labels)

    tagging.run(hands(ledger, blobs, Runtime(WorkerSettings(device="cpu"))), only_chunk(ledger))

    assert told(ledger, job_id) == [("d1", None), ("d2", None), ("d3", None)]
    first = json.loads(next(ledger.results_in_order(job_id)).body)
    assert first["entities"], "a threshold of 0 lets something through, whatever the weights"
    assert all(text[each["start"] : each["end"]] == each["text"] for each in first["entities"])
