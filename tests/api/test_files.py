"""Routes of files: what is uploaded is there, once, and can be found."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest

from tests.api.desk import CORPUS, problem

if TYPE_CHECKING:
    from tests.api.desk import Desk


@pytest.mark.parametrize(
    "content", [CORPUS.encode(), gzip.compress(CORPUS.encode(), mtime=0), b"\xef\xbb\xbf" + CORPUS.encode()]
)
def test_an_upload_is_stored_expanded(desk: Desk, content: bytes) -> None:
    answer = desk.post("/v1/files?name=reviews%20of%20May", content=content)

    file = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/v1/files/{file['id']}"
    assert (file["name"], file["bytes"], file["documents"]) == ("reviews of May", len(CORPUS.encode()), 3)
    assert desk.get(answer.headers["Location"]).json() == file
    assert [path.read_text() for path in desk.blobs.root.iterdir()] == [CORPUS]


@pytest.mark.parametrize("kind", ["application/jsonl", "application/json", "text/plain; charset=x", "nonsense"])
def test_the_content_type_of_an_upload_does_not_matter(shared_desk: Desk, kind: str) -> None:
    assert shared_desk.post("/v1/files", content=CORPUS, headers={"Content-Type": kind}).status_code == 201


def test_a_bad_line_refuses_the_file_with_its_number(desk: Desk) -> None:
    answer = desk.post("/v1/files", content=CORPUS + '{"id": "d4"}\n{"id": 5, "text": ""}\n')

    told = problem(answer)
    assert (answer.status_code, told["code"], told["total"]) == (422, "invalid_corpus", 2)
    assert [(each["line"], each["code"]) for each in told["errors"]] == [(5, "missing_text"), (6, "id_not_a_string")]
    assert told["errors"][0]["detail"].startswith('line 5: no "text"')
    assert list(desk.blobs.root.iterdir()) == []
    assert desk.get("/v1/files").json()["data"] == []


def test_of_many_bad_lines_twenty_are_told_and_all_counted(desk: Desk) -> None:
    told = problem(desk.post("/v1/files", content="[]\n" * 50))

    assert (len(told["errors"]), told["total"]) == (20, 50)


def test_files_come_in_pages_newest_first(desk: Desk) -> None:
    ids = [desk.upload(f'{{"id": "{number}", "text": ""}}') for number in range(3)]

    first = desk.get("/v1/files?limit=2").json()
    rest = desk.get(f"/v1/files?limit=2&after={first['after']}").json()

    assert [file["id"] for file in first["data"] + rest["data"]] == ids[::-1]
    assert (first["has_more"], rest["has_more"], rest["after"]) == (True, False, ids[0])
    assert desk.get(f"/v1/files?after={ids[0]}").json() == {"data": [], "has_more": False, "after": None}


@pytest.mark.parametrize(
    ("name", "code"), [("x" * 201, "invalid_request"), ("a%00b", "invalid_request"), ("x&name=y", "unknown_parameter")]
)
def test_a_name_that_cannot_be_is_refused_before_the_body_is_read(shared_desk: Desk, name: str, code: str) -> None:
    answer = shared_desk.post(f"/v1/files?name={name}", content="no corpus at all")

    assert (answer.status_code, problem(answer)["code"]) == (422, code)
