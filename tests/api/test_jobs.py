"""Routes of jobs: submitting, listing, stopping, repeating, and what is told of their way."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING, Any

import pytest

from jobs.states import JobState
from tests.api.desk import CORPUS, LABELS, asked, lines, opened, problem, until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.api.desk import Desk


def test_a_job_is_queued_and_its_bell_rings(desk: Desk) -> None:
    answer = desk.post("/v1/jobs", json=asked(desk.upload(), name="May", hours=2))

    job = answer.json()
    assert answer.status_code == 202
    assert answer.headers["Location"] == f"/v1/jobs/{job['id']}"
    assert (job["state"], job["total"], job["pending"], job["name"]) == ("queued", 3, 3, "May")
    assert job["labels"] == [{**LABELS[0], "threshold": None}]
    assert (job["tagger"], job["engine"], job["warnings"]) == ("default", "biencoder", [])
    assert "blob" not in job
    assert desk.get(answer.headers["Location"]).json() == job
    until(lambda: desk.parts.bell.depth("tag") == 1)
    until(lambda: desk.ledger.owed("tag", 1) == [])


def test_a_job_has_the_hours_it_asks_for_or_those_of_the_server(desk: Desk) -> None:
    file = desk.upload()

    for fields, hours in (({"hours": 2.5}, 2.5), ({}, 24)):
        job = desk.ledger.job(desk.submit(file, **fields))
        assert (job.expires_at - job.created_at).total_seconds() == hours * 3600


def test_what_may_be_worth_changing_in_the_labels_is_told(desk: Desk) -> None:
    job = desk.post("/v1/jobs", json=asked(desk.upload(), labels=["band"])).json()

    assert job["warnings"] == ["label 'band' has no description; a sentence on what it means helps"]


@pytest.mark.parametrize(
    ("fields", "code", "pointer"),
    [
        ({"labels": ["band", {"name": " "}]}, "blank_name", "/labels/1/name"),
        ({"labels": ["band", {"name": "x", "description": 1}]}, "bad_description", "/labels/1/description"),
        ({"labels": [{"name": "x", "threshold": 2}]}, "bad_threshold", "/labels/0/threshold"),
        ({"labels": ["band", "song", "band"]}, "duplicate_name", "/labels/2"),
        ({"labels": {"a/b~c": ["x"]}}, "bad_description", "/labels/a~1b~0c"),
        ({"labels": ["ba\x00nd"]}, "nul_character", "/labels/0"),
        ({"labels": []}, "no_labels", "/labels"),
        ({"labels": "band"}, "invalid_value", "/labels"),
        ({"tagger": "../secret"}, "unknown_tagger", "/tagger"),
        ({"tagger": "x" * 201}, "invalid_value", "/tagger"),
        ({"engine": "magic"}, "unknown_engine", "/engine"),
        ({"kind": "train"}, "invalid_value", "/kind"),
        ({"name": "a\x00b"}, "bad_name", "/name"),
        ({"name": "x" * 201}, "invalid_value", "/name"),
        ({"hours": 0}, "invalid_value", "/hours"),
        ({"hours": "many"}, "invalid_value", "/hours"),
        ({"labels": 1, "name": 5}, "invalid_value", "/labels"),
        ({"tager": "default"}, "unknown_field", "/tager"),
    ],
)
def test_what_is_wrong_is_pointed_at(shared_desk: Desk, fields: dict[str, Any], code: str, pointer: str) -> None:
    answer = shared_desk.post("/v1/jobs", json=asked(shared_desk.upload(), **fields))

    complaint = problem(answer)["errors"][0]
    assert (answer.status_code, complaint["code"], complaint["pointer"]) == (422, code, pointer)
    assert shared_desk.get("/v1/jobs").json()["data"] == []


def test_a_field_that_may_be_of_several_types_has_one_complaint(shared_desk: Desk) -> None:
    told = problem(shared_desk.post("/v1/jobs", json=asked("file_x", labels="band")))

    sentence = "the field 'labels' is 'band': input should be a valid list or input should be a valid dictionary"
    assert [each["detail"] for each in told["errors"]] == [sentence]


@pytest.mark.parametrize("file", ["file_00000000000000000000", "job_00000000000000000000", "", "a\x00b", "x" * 10_000])
def test_a_file_that_is_not_there_is_not_found(shared_desk: Desk, file: str) -> None:
    answer = shared_desk.post("/v1/jobs", json=asked(file))

    assert (answer.status_code, problem(answer)["code"]) == (404, "unknown_file")


def test_jobs_come_in_pages_newest_first(desk: Desk) -> None:
    file = desk.upload()
    ids = [desk.submit(file) for _ in range(3)]

    first = desk.get("/v1/jobs?limit=2").json()
    rest = desk.get(f"/v1/jobs?limit=2&after={first['after']}").json()

    assert [job["id"] for job in first["data"] + rest["data"]] == ids[::-1]
    assert (first["has_more"], rest["has_more"]) == (True, False)


def test_a_list_of_jobs_holds_no_labels(desk: Desk) -> None:
    job_id = desk.submit()

    whole = desk.get(f"/v1/jobs/{job_id}").json()
    [listed] = desk.get("/v1/jobs").json()["data"]

    assert listed == {name: told for name, told in whole.items() if name not in ("labels", "options", "warnings")}
    assert whole["labels"] == [{**LABELS[0], "threshold": None}]


@pytest.mark.parametrize("hours", [1e-12, 0.016, 0, -1])
def test_a_job_of_less_than_a_minute_is_refused(shared_desk: Desk, hours: float) -> None:
    answer = shared_desk.post("/v1/jobs", json=asked(shared_desk.upload(), hours=hours))

    assert answer.status_code == 422
    sentence = f"the field 'hours' is {hours}: a job has at least a minute, which is 1/60 of an hour"
    assert problem(answer)["detail"] == sentence


def test_a_job_of_a_minute_is_taken(desk: Desk) -> None:
    assert desk.post("/v1/jobs", json=asked(desk.upload(), hours=1 / 60)).status_code == 202


def test_a_job_that_is_cancelled_keeps_what_is_done(desk: Desk) -> None:
    job_id = desk.submit()

    cancelled = desk.post(f"/v1/jobs/{job_id}/cancel")
    again = desk.post(f"/v1/jobs/{job_id}/cancel")

    assert (cancelled.status_code, cancelled.json()["state"], cancelled.json()["failed"]) == (202, "cancelled", 3)
    assert (again.status_code, problem(again)["code"]) == (409, "job_finished")


def test_retry_makes_a_child_of_what_failed(desk: Desk) -> None:
    job_id = desk.done(failed={"d2"})

    answer = desk.post(f"/v1/jobs/{job_id}/retry")

    child = answer.json()
    assert (answer.status_code, child["parent"], child["total"]) == (202, job_id, 1)
    assert answer.headers["Location"] == f"/v1/jobs/{child['id']}"
    until(lambda: desk.ledger.owed("tag", 1) == [])
    desk.work()
    assert [line["id"] for line in lines(desk.get(f"/v1/jobs/{child['id']}/results"))] == ["d2"]
    assert problem(desk.post(f"/v1/jobs/{child['id']}/retry"))["code"] == "nothing_to_retry"


def test_a_retry_waits_for_no_broker(sqlite_ledger_url: str, tmp_path: Path) -> None:
    # Given a broker that takes connections and says nothing, and a job of which something failed
    listener = socket.create_server(("127.0.0.1", 0))
    broker = f"redis://127.0.0.1:{listener.getsockname()[1]}/0"
    with opened(sqlite_ledger_url, tmp_path / "blobs", broker) as desk, listener:
        job_id = desk.done(failed={"d2"})

        # When it is retried
        began = time.monotonic()
        answer = desk.post(f"/v1/jobs/{job_id}/retry")

        # Then the answer comes at once, and the child's bell is owed
        assert (answer.status_code, answer.json()["state"]) == (202, "queued")
        assert time.monotonic() - began < 4
        assert len(desk.ledger.owed("tag", 10)) == 1


def test_a_job_that_has_not_ended_is_not_retried(desk: Desk) -> None:
    answer = desk.post(f"/v1/jobs/{desk.submit()}/retry")

    assert (answer.status_code, problem(answer)["code"]) == (409, "job_unfinished")


def test_the_way_of_a_job_comes_in_pages_oldest_first(desk: Desk) -> None:
    job_id = desk.done()
    names = ["created", "queued", "started", "finalizing", "completed"]

    first = desk.get(f"/v1/jobs/{job_id}/events?limit=3").json()
    rest = desk.get(f"/v1/jobs/{job_id}/events?limit=3&after={first['after']}").json()

    assert [event["name"] for event in first["data"] + rest["data"]] == names
    assert (first["has_more"], rest["has_more"]) == (True, False)
    assert rest["data"][-1]["to_state"] == JobState.COMPLETED


def test_escalated_documents_come_worst_first(desk: Desk) -> None:
    job_id = desk.done(escalated={"d1", "d3"})
    path = f"/v1/jobs/{job_id}/escalations"

    first = desk.get(f"{path}?limit=1&state=open").json()
    rest = desk.get(f"{path}?limit=1&after={first['after']}").json()

    assert [each["document_id"] for each in first["data"] + rest["data"]] == ["d1", "d3"]
    assert (first["has_more"], rest["has_more"]) == (True, False)
    assert first["data"][0]["reasons"] == ["audit"]
    assert desk.get(f"{path}?state=accepted").json()["data"] == []
    assert desk.get(f"/v1/jobs/{job_id}").json()["escalated"] == 2


@pytest.mark.parametrize("route", ["", "/results", "/errors", "/documents", "/events", "/escalations"])
@pytest.mark.parametrize("job_id", ["job_00000000000000000000", "file_x", "%00", "%ff", "x" * 5000])
def test_an_id_that_never_was_is_not_found(shared_desk: Desk, route: str, job_id: str) -> None:
    answer = shared_desk.get(f"/v1/jobs/{job_id}{route}")

    assert (answer.status_code, problem(answer)["code"]) == (404, "unknown_job")


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "limit=x", "after=-1", f"after={2**63}", f"limit={'9' * 5000}", "after=%00"]
)
def test_numbers_that_no_page_has_are_refused(shared_desk: Desk, query: str) -> None:
    answer = shared_desk.get(f"/v1/jobs/job_00000000000000000000/events?{query}")

    assert (answer.status_code, problem(answer)["code"]) == (422, "invalid_request")


@pytest.mark.parametrize("after", ["x", "%00", "file_00000000000000000000", "job_0000000000000000000w"])
def test_an_after_that_is_no_id_is_refused(shared_desk: Desk, after: str) -> None:
    answer = shared_desk.get(f"/v1/jobs?after={after}")

    assert (answer.status_code, problem(answer)["code"]) == (422, "invalid_request")


def test_a_corpus_is_uploaded_once_for_any_number_of_jobs(desk: Desk) -> None:
    file = desk.upload(CORPUS)
    ids = [desk.submit(file) for _ in range(2)]
    desk.work()

    assert [desk.get(f"/v1/jobs/{job_id}").json()["completed"] for job_id in ids] == [3, 3]
