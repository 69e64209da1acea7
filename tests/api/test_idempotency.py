"""One key, one job: however often, and however much at once, the same request is sent."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from api.schemas import JobRequest
from api.submissions import fingerprint
from jobs.records import Idempotency
from jobs.store import replays
from tests.api.desk import asked, opened, problem

if TYPE_CHECKING:
    from pathlib import Path

    from tests.api.desk import Desk

KEY = {"Idempotency-Key": "order-17"}


def test_the_same_request_again_is_answered_with_the_first_job(desk: Desk) -> None:
    file = desk.upload()
    first = desk.post("/v1/jobs", json=asked(file), headers=KEY)
    desk.work()

    # Written otherwise, asking for the same
    again = desk.post(
        "/v1/jobs",
        content=b'{"kind":"tag", ' + first.request.content[1:],
        headers={**KEY, "Content-Type": "application/json"},
    )

    assert (again.status_code, again.json()) == (202, first.json())
    assert again.headers["Location"] == first.headers["Location"]
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert len(desk.get("/v1/jobs").json()["data"]) == 1


@pytest.mark.parametrize("fields", [{"name": "other"}, {"labels": ["song"]}, {"hours": 3}])
def test_another_request_with_the_key_is_refused(desk: Desk, fields: dict[str, Any]) -> None:
    file = desk.upload()
    desk.post("/v1/jobs", json=asked(file), headers=KEY)

    answer = desk.post("/v1/jobs", json={**asked(file), **fields}, headers=KEY)

    assert (answer.status_code, problem(answer)["code"]) == (422, "idempotency_key_reused")


def test_the_key_of_another_tenant_is_another_key(desk: Desk) -> None:
    first = desk.post("/v1/jobs", json=asked(desk.upload()), headers=KEY)
    other = desk.other_tenant()
    file = desk.ask("POST", "/v1/files", key=other, content='{"id": "a", "text": "b"}').json()["id"]

    second = desk.ask("POST", "/v1/jobs", key=other, json=asked(file), headers=KEY)

    assert second.status_code == 202
    assert second.json()["id"] != first.json()["id"]


def test_a_refused_request_does_not_use_the_key_up(desk: Desk) -> None:
    refused = desk.post("/v1/jobs", json=asked("file_00000000000000000000"), headers=KEY)

    assert refused.status_code == 404
    assert desk.post("/v1/jobs", json=asked(desk.upload()), headers=KEY).status_code == 202


@pytest.mark.parametrize("key", ["", "a b", "\x80", "x" * 256])
def test_a_key_that_cannot_be_is_refused(shared_desk: Desk, key: str) -> None:
    answer = shared_desk.ask(
        "POST", "/v1/jobs", json=asked("file_x"), headers={"Idempotency-Key": key.encode("latin-1")}
    )

    assert (answer.status_code, problem(answer)["code"]) == (422, "invalid_request")
    assert "'Idempotency-Key'" in problem(answer)["detail"]


def test_a_tagging_request_is_the_same_whatever_is_asked_of_adaptations() -> None:
    # A key that was used before there were any must be answered with the same job.
    request = JobRequest(file="file_x", labels=["band"])

    said = request.model_dump(mode="json") | {"tagger": "default", "engine": "biencoder"}
    assert [said.pop(name) for name in ("method", "types", "typer")] == [None] * 3
    canonical = json.dumps(said, sort_keys=True, separators=(",", ":"))
    assert fingerprint(request) == hashlib.sha256(canonical.encode()).hexdigest()
    assert len(said) == 7


def test_what_is_left_out_is_the_same_as_what_it_stands_for() -> None:
    plain, prompted = {"file": "file_x", "labels": ["band"]}, {"file": "file_x", "labels": ["band"], "engine": "llm"}

    def digest(**fields: Any) -> str:  # noqa: ANN401 -- whatever a request may have
        return fingerprint(JobRequest(**fields))

    assert digest(**plain) == digest(**plain, tagger="default") == digest(**plain, engine="biencoder")
    assert digest(**prompted) == digest(**plain, tagger="compact") == digest(**prompted, tagger="compact")
    adapting = plain | {"kind": "adapt", "name": "music"}
    assert digest(**adapting, method="lora") == digest(**adapting, method="lora", tagger="compact")
    assert len({digest(**plain), digest(**prompted), digest(**plain, tagger="music")}) == 3


def test_fifty_at_once_make_one_job(postgresql_ledger_url: str, tmp_path: Path) -> None:
    # Given 50 senders of the same request with the same key
    with opened(postgresql_ledger_url, tmp_path / "blobs") as desk:
        file = desk.upload()
        answers: list[httpx.Response] = []
        gate = threading.Barrier(50)

        def send() -> None:
            with httpx.Client(base_url=desk.url, timeout=60) as client:
                headers = {"Authorization": f"Bearer {desk.key}", **KEY}
                gate.wait()
                answers.append(client.post("/v1/jobs", json=asked(file), headers=headers))

        # When they send at the same moment
        threads = [threading.Thread(target=send) for _ in range(50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        # Then there is one job, and every answer is that job or a word to come again
        [job] = desk.get("/v1/jobs").json()["data"]
        counted = Counter(answer.status_code for answer in answers)
        assert set(counted) <= {202, 409}
        assert counted[202] >= 1
        assert {answer.json()["id"] for answer in answers if answer.status_code == 202} == {job["id"]}
        for answer in answers:
            if answer.status_code == 409:
                assert problem(answer)["code"] == "idempotency_key_in_use"
                assert int(answer.headers["Retry-After"]) > 0
        made = [answer for answer in answers if answer.is_success and "Idempotency-Replayed" not in answer.headers]
        assert len(made) == 1


def test_a_key_at_work_is_told_to_come_again(postgresql_ledger_url: str, tmp_path: Path) -> None:
    with opened(postgresql_ledger_url, tmp_path / "blobs") as desk:
        file = desk.upload()
        # Given a request with the key that is at work
        with desk.ledger._engines.writing() as connection:
            replays.recall(connection, "local", Idempotency(key="order-17", fingerprint="f"))

            # When another comes with it
            answer = desk.post("/v1/jobs", json=asked(file), headers=KEY)

        # Then it is told to come again, and can
        assert (answer.status_code, problem(answer)["code"]) == (409, "idempotency_key_in_use")
        assert int(answer.headers["Retry-After"]) > 0
        assert desk.post("/v1/jobs", json=asked(file), headers=KEY).status_code == 202
