"""Around every request: ids, the log and the figures; and what nobody foresaw."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from tests.api.desk import CORPUS, problem, until

if TYPE_CHECKING:
    from structlog.typing import EventDict

    from tests.api.desk import Desk


def fail(*_arguments: object, **_more: object) -> None:
    raise ZeroDivisionError("the cause, which is secret")


def test_what_nobody_foresaw_is_told_by_its_id_and_logged_with_its_cause(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, log: list[EventDict]
) -> None:
    monkeypatch.setattr("jobs.store.tenancy.TenantLedger.jobs", fail)

    answer = desk.get("/v1/jobs")

    told = problem(answer)
    assert (answer.status_code, told["code"]) == (500, "internal_error")
    assert "secret" not in answer.text
    [entry] = [each for each in log if each["event"] == "request_failed"]
    assert (entry["request_id"], entry["route"], entry["exc_info"]) == (told["request_id"], "/v1/jobs", True)


def test_an_answer_that_fails_on_the_way_breaks_off(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, log: list[EventDict]
) -> None:
    # Given results of which the second block cannot be made
    monkeypatch.setattr("api.streaming.BLOCK", 1)
    job_id = desk.done()
    for path in desk.blobs.root.iterdir():
        path.write_bytes(path.read_bytes()[:40])

    # When they are streamed
    results = f"/v1/jobs/{job_id}/results?offsets=utf16"
    with desk.http.stream("GET", results, headers={"Authorization": f"Bearer {desk.key}"}) as answer:
        assert answer.status_code == 200
        with pytest.raises(httpx.RemoteProtocolError):
            answer.read()

    # Then the answer breaks off, for nobody to take it for whole, and the log says why
    until(lambda: any(each.get("status") == 499 for each in log))
    assert any(each["event"] == "request_failed" for each in log)


@pytest.mark.parametrize(("given", "kept"), [("order-17.a:b_c", True), ("a b", False), ("x" * 65, False), ("é", False)])
def test_an_id_from_outside_is_taken_over_where_it_is_harmless(shared_desk: Desk, given: str, kept: bool) -> None:
    answer = shared_desk.get("/v1/jobs", headers={"X-Request-ID": given.encode("latin-1")})

    assert (answer.headers["X-Request-ID"] == given) == kept
    assert len(answer.headers["X-Request-ID"]) <= 64


def test_every_request_has_a_line_that_holds_no_secret(shared_desk: Desk, log: list[EventDict]) -> None:
    shared_desk.http.get("/v1/jobs?limit=1&after=private", headers={"Authorization": f"Bearer {shared_desk.key[:-1]}"})
    answer = shared_desk.get("/v1/jobs", headers={"X-Request-ID": "mine"})

    assert answer.status_code == 200
    until(lambda: any(each.get("request_id") == "mine" for each in log))
    [entry] = [each for each in log if each.get("request_id") == "mine"]
    assert (entry["method"], entry["route"], entry["status"], entry["tenant"]) == ("GET", "/v1/jobs", 200, "local")
    assert entry["key"] == f"key_{shared_desk.key[3:13]}"
    for secret in (shared_desk.key[13:], shared_desk.metrics_key[13:], "private"):
        assert secret not in repr(log)


def test_figures_count_answers_by_route_and_never_by_path(desk: Desk) -> None:
    desk.done()
    desk.get("/v1/jobs/job_x")
    desk.get("/somewhere/else")
    desk.ask("BREW", "/v1/jobs")

    text = desk.ask("GET", "/metrics", key=desk.metrics_key).text
    for line in (
        'tagwerk_http_requests_total{method="GET",route="/v1/jobs/{id}",status="404"} 1.0',
        'tagwerk_http_requests_total{method="GET",route="unknown",status="404"} 1.0',
        'tagwerk_http_requests_total{method="OTHER",route="/v1/jobs",status="405"} 1.0',
        'tagwerk_http_request_seconds_count{method="POST",route="/v1/files"} 1.0',
        "tagwerk_uploaded_documents_total 3.0",
        f"tagwerk_uploaded_bytes_total {float(len(CORPUS.encode()))}",
        "tagwerk_submitted_jobs_total 1.0",
        "tagwerk_replayed_submits_total 0.0",
        "tagwerk_uploads_in_flight 0.0",
    ):
        assert line in text.splitlines()
    assert "job_x" not in text
