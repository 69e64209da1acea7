"""`tagwerk jobs ...`: looking at jobs, waiting for them, reading, stopping and retrying them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from jobs.states import JobState
from tests.jobs.building import results_of
from tests.tagwerk.running import LABELS, corpus, ids

if TYPE_CHECKING:
    from pathlib import Path

    from jobs.store import Ledger
    from tests.tagwerk.conftest import Tagwerk


@pytest.fixture
def job_id(tagwerk: Tagwerk, services: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A job of four documents in two chunks, of which the first is done and its second document failed."""
    monkeypatch.setenv("TAGWERK_CHUNK_DOCUMENTS", "2")
    corpus(tmp_path / "corpus.jsonl", 4)
    job_id = tagwerk("tag", tmp_path / "corpus.jsonl", "--labels", LABELS, "--detach").out.strip()
    work(services, chunks=1, failed=[2])
    return str(job_id)


def work(ledger: Ledger, chunks: int, failed: list[int] | None = None) -> None:
    """Do the oldest chunks that wait, as a worker would."""
    for chunk_id in ledger.oldest_rung("tag", chunks):
        claim = ledger.claim(chunk_id, worker="w", lease_s=60)
        assert claim is not None
        assert ledger.commit(claim, results_of(claim, failed or []))


def test_a_list_for_people(tagwerk: Tagwerk, job_id: str) -> None:
    ended = tagwerk("jobs", "list")

    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines()[1].split()[:7] == [job_id, "running", "corpus.jsonl", "1", "1", "2", "0"]


def test_a_list_for_machines_has_the_newest_first(tagwerk: Tagwerk, job_id: str, tmp_path: Path) -> None:
    newer = tagwerk("tag", tmp_path / "corpus.jsonl", "--labels", LABELS, "--detach").out.strip()

    listed = json.loads(tagwerk("jobs", "list", "--json").out)
    limited = json.loads(tagwerk("jobs", "list", "--json", "--limit", "1").out)

    assert [job["id"] for job in listed] == [newer, job_id]
    assert [job["id"] for job in limited] == [newer]
    assert (listed[1]["total"], listed[1]["pending"], listed[1]["completed"], listed[1]["failed"]) == (4, 2, 1, 1)


def test_where_there_never_was_a_job_the_list_is_empty(tagwerk: Tagwerk) -> None:
    people, machines = tagwerk("jobs", "list"), tagwerk("jobs", "list", "--json")

    assert (people.out, people.err) == ("", "no jobs yet; `tagwerk tag` submits one\n")
    assert (machines.out, machines.err) == ("[]\n", "")


@pytest.mark.parametrize("command", ["show", "results", "cancel"])
def test_where_there_never_was_a_job_none_is_known(tagwerk: Tagwerk, command: str) -> None:
    ended = tagwerk("jobs", command, "job_x")

    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("error: there is no job 'job_x'")


def test_a_job_is_shown_with_what_happened_to_it(tagwerk: Tagwerk, job_id: str) -> None:
    people = tagwerk("jobs", "show", job_id).out.splitlines()
    machines = json.loads(tagwerk("jobs", "show", job_id, "--json").out)

    assert people[0] == f"{job_id} running: 1 of 4 documents tagged, 1 failed, 2 pending"
    assert [event["event"] for event in machines["events"]] == [line.split()[2] for line in people[1:]]
    assert [event["state"] for event in machines["events"]][-1] == machines["state"] == "running"
    assert [label["name"] for label in machines["labels"]][:2] == ["musician", "band"]


def test_results_of_a_running_job_are_those_that_are_there(tagwerk: Tagwerk, job_id: str) -> None:
    ended = tagwerk("jobs", "results", job_id)

    assert (ended.code, ids(ended.out)) == (0, ["d1", "d2"])
    assert ended.err == f"{job_id} running: 1 of 4 documents tagged, 1 failed, 2 pending\n"


def test_results_go_to_a_file(tagwerk: Tagwerk, services: Ledger, job_id: str, tmp_path: Path) -> None:
    work(services, chunks=1)

    ended = tagwerk("jobs", "results", job_id, "--json", "-o", tmp_path / "out.jsonl")

    assert (ended.code, ended.out) == (0, "")
    assert ids((tmp_path / "out.jsonl").read_text()) == ["d1", "d2", "d3", "d4"]


def test_a_job_whose_corpus_was_refused_has_no_results(tagwerk: Tagwerk, services: Ledger) -> None:
    refused = tagwerk("tag", "-", "--labels", LABELS, stdin=b'{"id": 1}\n')
    [job] = services.jobs()

    ended = tagwerk("jobs", "results", job.id)

    assert (refused.code, ended.code, ended.out) == (2, 0, "")
    assert ended.err.startswith(f"{job.id} failed: 0 of 0 documents tagged, line 1: ")


def test_a_cancelled_job_keeps_what_is_finished(tagwerk: Tagwerk, services: Ledger, job_id: str) -> None:
    ended = tagwerk("jobs", "cancel", job_id)

    assert (ended.code, services.job(job_id).state) == (0, JobState.CANCELLED)
    assert ended.err == f"{job_id} cancelled: 1 of 4 documents tagged, 3 failed\n"
    assert len(tagwerk("jobs", "results", job_id).out.splitlines()) == 4


def test_a_retry_is_a_job_of_what_failed(tagwerk: Tagwerk, services: Ledger, job_id: str) -> None:
    tagwerk("jobs", "cancel", job_id)

    ended = tagwerk("jobs", "retry", job_id, "--detach")

    child = services.job(ended.out.strip())
    assert (ended.code, ended.err) == (0, "")
    assert (child.parent_id, child.total, child.state) == (job_id, 3, JobState.QUEUED)


@pytest.mark.parametrize("failed", [[], [3]], ids=["all tagged", "one failed"])
def test_watching_a_job_that_is_over_says_how_it_ended(
    tagwerk: Tagwerk, services: Ledger, job_id: str, failed: list[int]
) -> None:
    work(services, chunks=1, failed=failed)

    ended = tagwerk("jobs", "watch", job_id)

    assert (ended.code, ended.out) == (0, "")
    assert ended.err.startswith(f"{job_id} completed: {3 - len(failed)} of 4 documents tagged")


def test_watching_a_job_that_was_stopped_fails(tagwerk: Tagwerk, job_id: str) -> None:
    tagwerk("jobs", "cancel", job_id)

    assert tagwerk("jobs", "watch", job_id).code == 1


@pytest.mark.usefixtures("warm")
def test_a_retry_on_the_embedded_stack_waits_for_its_end(tagwerk: Tagwerk, tmp_path: Path) -> None:
    # Given a job that was cancelled before anything of it was done
    expected = corpus(tmp_path / "corpus.jsonl", 200)
    job_id = tagwerk("tag", tmp_path / "corpus.jsonl", "--labels", LABELS, "--detach").out.strip()
    tagwerk("jobs", "cancel", job_id)
    assert tagwerk("jobs", "watch", job_id).code == 1
    lines = [json.loads(line) for line in tagwerk("jobs", "results", job_id).out.splitlines()]
    failed = [line["id"] for line in lines if "error" in line]
    assert failed

    # When it is retried
    ended = tagwerk("jobs", "retry", job_id)

    # Then the new job is exactly the rest
    child = ended.out.strip()
    assert (ended.code, ids(tagwerk("jobs", "results", child).out)) == (0, failed)
    assert [line["id"] for line in lines] == expected
