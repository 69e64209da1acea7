"""The page on errors: every row on HTTP happens, word for word, and none is missing."""

from __future__ import annotations

import errno
import gzip
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from corpora.blobs import BlobWriter
from jobs.records import Idempotency
from jobs.store import replays
from tests.api.desk import CORPUS, asked, copied, opened, problem
from tests.jobs.building import made_tagger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx

    from tests.api.desk import Desk

    Case = Callable[[Desk, pytest.MonkeyPatch], httpx.Response]

PAGE = Path(__file__).parents[2] / "docs" / "errors.md"
JOB, FILE = "job_06gv0000000000000000", "file_06gv0000000000000000"
JSON = {"Content-Type": "application/json"}
KEY = {"Idempotency-Key": "order-17"}
EXAMPLE = b'{"id": "a", "text": "Copper Wrens", "entities": [{"start": 0, "end": 12, "label": "band"}]}\n'


def text(content: str | bytes, **headers: str) -> Case:
    """A body to /v1/jobs."""
    return lambda desk, _patch: desk.post("/v1/jobs", content=content, headers={**JSON, **headers})


def job(**fields: Any) -> Case:  # noqa: ANN401 -- fields of a request
    """A request for a job over a file that is there."""
    return lambda desk, _patch: desk.post("/v1/jobs", json=asked(desk.upload(), **fields))


def get(path: str, **more: Any) -> Case:  # noqa: ANN401 -- passed on
    return lambda desk, _patch: desk.get(path, **more)


def upload(content: bytes, query: str = "") -> Case:
    return lambda desk, _patch: desk.post(f"/v1/files{query}", content=content)


def on_a_job(action: str, state: str) -> Case:
    """An action on a job in a state."""

    def ask(desk: Desk, _patch: pytest.MonkeyPatch) -> httpx.Response:
        job_id = desk.submit() if state == "queued" else desk.done()
        return desk.post(f"/v1/jobs/{job_id}/{action}")

    return ask


def adapting(content: bytes = EXAMPLE, **fields: Any) -> Case:  # noqa: ANN401 -- as above
    """A request for an adaptation by a file of examples."""
    usual = {"kind": "adapt", "name": "music"}
    return lambda desk, _patch: desk.post("/v1/jobs", json=asked(desk.upload(content), **(usual | fields)))


def of_a_tagger(method: str, path: str) -> Case:
    """A request about the taggers `jazz@1`, of which nothing is promoted, and `soul@1`, which is."""
    return lambda desk, _patch: desk.ask(method, f"/v1/taggers/{path}", key=desk.other_tenant())


def tagger_damaged(desk: Desk, patch: pytest.MonkeyPatch) -> httpx.Response:
    patch.setattr(desk.parts, "taggers", Path("/nowhere"))
    return desk.get("/v1/taggers/soul", key=desk.other_tenant())


def key_reused(desk: Desk, _patch: pytest.MonkeyPatch) -> httpx.Response:
    file = desk.upload()
    desk.post("/v1/jobs", json=asked(file), headers=KEY)
    return desk.post("/v1/jobs", json=asked(file, name="another"), headers=KEY)


def full_disk(desk: Desk, patch: pytest.MonkeyPatch) -> httpx.Response:
    def full(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    patch.setattr(BlobWriter, "write", full)
    return desk.post("/v1/files", content=CORPUS)


def no_blobs(desk: Desk, patch: pytest.MonkeyPatch) -> httpx.Response:
    patch.setattr(desk.blobs, "root", Path("/dev/null/blobs"))
    return desk.post("/v1/files", content=CORPUS)


def corpus_gone(desk: Desk, _patch: pytest.MonkeyPatch) -> httpx.Response:
    job_id = desk.done()
    for path in desk.blobs.root.iterdir():
        path.unlink()
    return desk.get(f"/v1/jobs/{job_id}/documents")


def corpus_damaged(desk: Desk, _patch: pytest.MonkeyPatch) -> httpx.Response:
    job_id = desk.done()
    for path in desk.blobs.root.iterdir():
        path.write_bytes(b"")
    return desk.get(f"/v1/jobs/{job_id}/results?offsets=utf16")


def no_tables(desk: Desk, patch: pytest.MonkeyPatch) -> httpx.Response:
    patch.setattr(desk.parts, "_migrated", False)
    patch.setattr(desk.parts, "_database_url", "sqlite:////nowhere/ledger.db")
    return desk.get("/v1/jobs")


def unforeseen(desk: Desk, patch: pytest.MonkeyPatch) -> httpx.Response:
    patch.setattr("jobs.store.tenancy.TenantLedger.jobs", lambda *_arguments: 1 / 0)
    return desk.get("/v1/jobs")


#: What the page says went in, and how it goes in.
CASES: list[tuple[str, Case]] = [
    ("no key", lambda desk, _patch: desk.http.get("/v1/jobs")),
    ("a key that is unknown or revoked", get("/v1/jobs", key="tw_x")),
    ("a key for figures, elsewhere", lambda desk, _patch: desk.get("/v1/jobs", key=desk.metrics_key)),
    ("a tenant's key, for figures", get("/metrics")),
    ("a path that is not there", get("/v1/job")),
    ("a method that the path does not take", lambda desk, _patch: desk.ask("DELETE", "/v1/jobs")),
    ("an unknown parameter", get("/v1/jobs?aftr=x")),
    ("a parameter twice", get("/v1/jobs?limit=1&limit=2")),
    ("a parameter out of its bounds", get("/v1/jobs?limit=0")),
    ("an `after` that is no id", get("/v1/jobs?after=x")),
    ("a corpus with a bad line", upload(b'{"id": "a"}\n')),
    ("a corpus over the limit (here 2,000 bytes)", upload(gzip.compress(b"\n" * 5000))),
    ("a file name that is too long", upload(CORPUS.encode(), "?name=" + "x" * 201)),
    ("a disk without room", full_disk),
    ("a blob folder that cannot be written", no_blobs),
    ("a body that is not JSON", text('{"file": "x" "labels": []}')),
    ("a body of another type", text("file=x", **{"Content-Type": "application/x-www-form-urlencoded"})),
    ("a JSON body over the limit (here 1,000 bytes)", text(b" " * 2000)),
    ("a misspelt field", job(lables=["band"])),
    ("a field that is missing", text('{"labels": ["band"]}')),
    ("a field of another type", job(hours="many")),
    ("a job of less than a minute", job(hours=0.001)),
    ("a name with a NUL character", job(name="a\0b")),
    ("a label that cannot be used", job(labels=["band", {"name": " "}])),
    ("a tagger that there is not", job(tagger="music@3")),
    ("an engine that there is not", job(engine="magic")),
    ("a tagger and an engine that it is not of", job(tagger="default", engine="llm")),
    ("a job that tags without labels", job(labels=None)),
    ("a job that types without types", job(kind="type", labels=None)),
    ("a job that types, with labels", job(kind="type", types=["/person"])),
    ("a type that cannot be used", job(types=["/person", "/place/city"])),
    ("a typer where there are no types", job(typer="typer")),
    ("a tagger that gives no types, as typer", job(types=["/person"], typer="default")),
    ("a tagger that finds no entities", job(tagger="typer")),
    ("types where labels are learnt", adapting(types=["/person"], method="extend")),
    ("a tagger that the method does not go on from", adapting(tagger="default", method="retrieve")),
    ("a method of a job that does not adapt", job(method="extend")),
    ("an adaptation without a name", adapting(name=None)),
    ("an adaptation whose name no tagger can have", adapting(name="Music")),
    ("a method that there is not", adapting(method="magic")),
    ("an example that cuts a word", adapting(EXAMPLE.replace(b"0, ", b"1, "))),
    ("an example with an unknown label", adapting(labels=["group"])),
    ("a label that no example has", adapting(labels=["band", "song"])),
    ("a file that there is not", lambda desk, _patch: desk.post("/v1/jobs", json=asked(FILE))),
    (
        "an idempotency key with a space",
        text(f'{{"file": "{FILE}", "labels": ["band"]}}', **{"Idempotency-Key": "a b"}),
    ),
    ("an idempotency key of another request", key_reused),
    ("a job that there is not", get(f"/v1/jobs/{JOB}")),
    ("a file's entry that there is not", get(f"/v1/files/{FILE}")),
    ("a tagger's entry that there is not", get("/v1/taggers/music@3")),
    ("promoting a tagger that there is not", lambda desk, _patch: desk.post("/v1/taggers/music@3/promote")),
    ("a tagger of which nothing is promoted", of_a_tagger("POST", "jazz/rollback")),
    ("promoting a tagger without a version", of_a_tagger("POST", "jazz/promote")),
    ("rolling back a version of a tagger", of_a_tagger("POST", "jazz@1/rollback")),
    ("rolling back a tagger from a version of another", of_a_tagger("POST", "soul/rollback?from=jazz@1")),
    ("rolling back the tagger that was promoted first", of_a_tagger("POST", "soul/rollback")),
    ("a tagger whose folder is gone", tagger_damaged),
    ("cancelling a job that has ended", on_a_job("cancel", "completed")),
    ("retrying a job that has not ended", on_a_job("retry", "queued")),
    ("retrying a job of which nothing failed", on_a_job("retry", "completed")),
    ("a job whose corpus is gone", corpus_gone),
    ("a job whose corpus is damaged", corpus_damaged),
    ("a database without tables", no_tables),
    ("what nobody foresaw", unforeseen),
]
#: Rows whose cause is made elsewhere: see the tests of availability, idempotency and uploads.
ELSEWHERE: dict[str, tuple[str, str, str]] = {
    "a database that does not answer": (
        "503 `ledger_unavailable`",
        "the ledger does not answer; try again",
        "what was kept before",
    ),
    "a sender that falls silent (here for 60 seconds)": (
        "408 `upload_stalled`",
        "nothing came for 60 seconds; upload the file again",
        "nothing",
    ),
    "more uploads at once than are read (here 16)": (
        "503 `too_many_uploads`",
        "16 uploads are being read, as many as may be at a time; try again in a moment",
        "nothing",
    ),
}


def rows() -> dict[str, tuple[str, str, str]]:
    """The table on HTTP: what went in -> status and code, detail, what was kept."""
    section = PAGE.read_text().split("\n## HTTP\n")[1].split("\n## ")[0]
    cells = [[cell.strip() for cell in row.strip("|").split(" | ")] for row in section.splitlines() if row[:1] == "|"]
    return {what: (status, re.sub(r"^``? ?| ?``?$", "", detail), kept) for what, status, detail, kept in cells[2:]}


def masked(detail: str) -> str:
    """The detail with ids that are new each time shortened to their kind."""
    return re.sub(r"(job|file)_[0-9a-v]{20}", r"\1_06gv", detail)


@pytest.fixture(scope="module")
def narrow_desk(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """The service with low limits, for all rows."""
    folder = tmp_path_factory.mktemp("narrow")
    with opened(
        copied(sqlite_template, folder), folder / "blobs", max_corpus_bytes=2000, max_request_bytes=1000
    ) as desk:
        for name, promote in (("jazz", False), ("soul", True)):
            made_tagger(desk.ledger, name, promote=promote, tenant="other")
        yield desk


def counted(desk: Desk) -> list[int]:
    """How many files and jobs there are."""
    return [len(desk.get(f"/v1/{each}?limit=1000").json()["data"]) for each in ("files", "jobs")]


@pytest.mark.parametrize(("what", "case"), CASES, ids=[what for what, _ in CASES])
def test_a_row_of_the_page(narrow_desk: Desk, monkeypatch: pytest.MonkeyPatch, what: str, case: Case) -> None:
    before = counted(narrow_desk)
    told = problem(case(narrow_desk, monkeypatch))
    monkeypatch.undo()
    files, jobs = (now - then for now, then in zip(counted(narrow_desk), before, strict=True))

    kept = ["the file"] * bool(files) + ["the job as it is"] * bool(jobs)
    status, detail, said = rows()[what]
    assert (status, detail) == (f"{told['status']} `{told['code']}`", masked(told["detail"]))
    assert said == (" and ".join(kept) or "nothing")


def test_an_idempotency_key_at_work_is_on_the_page(postgresql_ledger_url: str, tmp_path: Path) -> None:
    with opened(postgresql_ledger_url, tmp_path / "blobs") as desk:
        file = desk.upload()
        with desk.ledger._engines.writing() as connection:
            replays.recall(connection, "local", Idempotency(key="order-17", fingerprint="f"))
            told = problem(desk.post("/v1/jobs", json=asked(file), headers=KEY))

    assert rows()["an idempotency key whose request is at work"] == (
        f"{told['status']} `{told['code']}`",
        told["detail"],
        "the file",
    )


def test_the_page_has_no_row_that_is_not_tried() -> None:
    found = rows()

    assert {what: found[what] for what in ELSEWHERE} == ELSEWHERE
    assert set(found) == {*(what for what, _ in CASES), *ELSEWHERE, "an idempotency key whose request is at work"}
