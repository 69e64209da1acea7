"""Routes of results: every line once, in order, in pages or as a stream, with offsets of either kind."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.api.desk import CORPUS, lines, problem

if TYPE_CHECKING:
    from typing import Any

    from tests.api.desk import Desk


def all_pages(desk: Desk, path: str) -> list[list[dict[str, Any]]]:
    """The lines of every page, by the `next` links."""
    pages, answer = [], desk.get(path)
    while True:
        pages.append(lines(answer))
        if "next" not in answer.links:
            return pages
        answer = desk.get(answer.links["next"]["url"])


def test_results_stream_in_the_order_of_the_corpus(shared_desk: Desk) -> None:
    job_id = shared_desk.done(failed={"d3"})

    found = lines(shared_desk.get(f"/v1/jobs/{job_id}/results"))

    assert [line["id"] for line in found] == ["d1", "d2", "d3"]
    assert found[0]["entities"] == [{"start": 7, "end": 11, "text": "Blur", "label": "band", "score": 0.5}]
    assert found[2] == {"id": "d3", "error": {"code": "broken", "message": "it broke"}}


def test_results_come_in_pages_that_a_link_joins(shared_desk: Desk) -> None:
    job_id = shared_desk.done()

    pages = all_pages(shared_desk, f"/v1/jobs/{job_id}/results?limit=2")

    assert [[line["id"] for line in page] for page in pages] == [["d1", "d2"], ["d3"]]
    assert all_pages(shared_desk, f"/v1/jobs/{job_id}/results?limit=3") == [
        lines(shared_desk.get(f"/v1/jobs/{job_id}/results"))
    ]


def test_a_page_of_large_lines_ends_early(shared_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.streaming.PAGE_BYTES", 1)
    job_id = shared_desk.done()

    pages = all_pages(shared_desk, f"/v1/jobs/{job_id}/results?limit=100")

    assert [[line["id"] for line in page] for page in pages] == [["d1"], ["d2"], ["d3"]]


@pytest.mark.parametrize("query", ["", "&limit=1", "&limit=2"])
def test_offsets_count_utf16_units_where_asked(shared_desk: Desk, query: str) -> None:
    job_id = shared_desk.done()

    pages = all_pages(shared_desk, f"/v1/jobs/{job_id}/results?offsets=utf16{query}")

    found = {line["id"]: line["entities"] for page in pages for line in page}
    assert (found["d2"][0]["start"], found["d2"][0]["end"]) == (7, 12)
    assert (found["d1"][0]["start"], found["d1"][0]["end"]) == (7, 11)
    assert "😀 for Oasis".encode("utf-16-le")[14:24].decode("utf-16-le") == found["d2"][0]["text"]
    assert found["d3"] == []


def test_an_unfinished_job_gives_what_is_there(shared_desk: Desk) -> None:
    job_id = shared_desk.submit()

    assert lines(shared_desk.get(f"/v1/jobs/{job_id}/results")) == []
    assert lines(shared_desk.get(f"/v1/jobs/{job_id}/results?limit=5&offsets=utf16")) == []


def test_errors_name_the_line_and_come_in_pages(shared_desk: Desk) -> None:
    job_id = shared_desk.done(failed={"d1", "d3"})

    pages = all_pages(shared_desk, f"/v1/jobs/{job_id}/errors?limit=1")

    broken = {"code": "broken", "message": "it broke"}
    assert pages == [[{"line": 1, "id": "d1", "error": broken}], [{"line": 4, "id": "d3", "error": broken}]]
    assert lines(shared_desk.get(f"/v1/jobs/{job_id}/errors")) == [*pages[0], *pages[1]]


def test_documents_that_no_worker_reached_have_lines(shared_desk: Desk) -> None:
    job_id = shared_desk.submit()
    shared_desk.post(f"/v1/jobs/{job_id}/cancel")

    for route, page in (("results", 2), ("errors", 2)):
        found = [line for lines in all_pages(shared_desk, f"/v1/jobs/{job_id}/{route}?limit={page}") for line in lines]
        assert [(line["id"], line["error"]["code"]) for line in found] == [
            (each, "job_cancelled") for each in ("d1", "d2", "d3")
        ]


def test_documents_come_as_they_are_stored(shared_desk: Desk) -> None:
    answer = shared_desk.get(f"/v1/jobs/{shared_desk.submit()}/documents")

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/jsonl")
    assert answer.text == CORPUS


def test_many_lines_stream_in_blocks(shared_desk: Desk) -> None:
    corpus = "".join(json.dumps({"id": f"n{number}", "text": "é " * 400 + "x"}) + "\n" for number in range(300))
    job_id = shared_desk.done(corpus)

    with shared_desk.http.stream(
        "GET", f"/v1/jobs/{job_id}/results", headers={"Authorization": f"Bearer {shared_desk.key}"}
    ) as answer:
        found = [json.loads(line) for line in answer.iter_lines()]

    assert [line["id"] for line in found] == [f"n{number}" for number in range(300)]
    assert shared_desk.get(f"/v1/jobs/{job_id}/documents").text == corpus


@pytest.mark.parametrize("query", ["limit=0", "limit=10001", "after=x", "offsets=bytes", "format=csv", "offset=utf16"])
def test_what_results_are_not_given_in_is_refused(shared_desk: Desk, query: str) -> None:
    answer = shared_desk.get(f"/v1/jobs/job_00000000000000000000/results?{query}")

    assert answer.status_code == 422
    assert problem(answer)["code"] in ("invalid_request", "unknown_parameter")


@pytest.mark.parametrize("route", ["documents", "results?offsets=utf16", "results"])
def test_a_corpus_that_is_gone_is_a_problem_and_not_half_an_answer(desk: Desk, route: str) -> None:
    # Given a job that needs its corpus for an answer, which is gone
    job_id = desk.submit() if route == "results" else desk.done()
    if route == "results":
        desk.post(f"/v1/jobs/{job_id}/cancel")
    for path in desk.blobs.root.iterdir():
        path.unlink()

    # When it is asked for
    answer = desk.get(f"/v1/jobs/{job_id}/{route}")

    # Then the answer says so and when to ask again, and names no folder
    assert (answer.status_code, problem(answer)["code"]) == (503, "unknown_blob")
    assert int(answer.headers["Retry-After"]) > 0
    assert str(desk.blobs.root) not in answer.text


@pytest.mark.parametrize("content", [b"", b'{"id": "d1", "text": "we saw Blur"}\n'])
def test_a_corpus_that_is_damaged_is_a_problem(desk: Desk, content: bytes) -> None:
    job_id = desk.done()
    for path in desk.blobs.root.iterdir():
        path.write_bytes(content)

    answer = desk.get(f"/v1/jobs/{job_id}/results?offsets=utf16")

    assert (answer.status_code, problem(answer)["code"]) == (410, "damaged_blob")


def test_a_job_without_a_corpus_has_no_documents(shared_desk: Desk) -> None:
    from jobs.states import JobKind

    job_id = shared_desk.ledger.create_job(
        kind=JobKind.TAG, tagger="default", engine="biencoder", labels=[], options={}, hours=1
    )

    answer = shared_desk.get(f"/v1/jobs/{job_id}/documents")

    assert (answer.status_code, problem(answer)["code"]) == (404, "no_corpus")
