"""The client against the real interface: corpora up, jobs made and waited for, what came of them down."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

import tagwerk
from corpora.errors import InvalidCorpus
from corpora.ingest import ingest
from corpora.limits import DEFAULT_LIMITS
from jobs.states import EscalationState, JobState
from models.types import Document, Label, Span, TypeScore
from tagwerk.client import Client
from tagwerk.errors import (
    BadKey,
    BadServerAddress,
    MissingKey,
    MissingServer,
    ServiceError,
    Unauthorized,
    UnusableInput,
    WaitTimeout,
)
from tests.tagwerk.running import ROOT
from tests.tagwerk.server import body

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tagwerk.sending import Labels
    from tests.tagwerk.server import Server

#: Line separators and wide characters are a text's own business.
DOCUMENTS: list[dict[str, Any]] = [
    {"id": "a", "text": "𝄞 Abba"},
    {"id": "b", "text": "one\u2028two"},
    {"id": "c", "text": "𝄞𝄞 Queen", "entities": [{"start": 3, "end": 8, "label": "band"}]},
    {"id": "d", "text": "Cream", "meta": {"year": 1966}},
    {"id": "e", "text": "Can"},
]
LINES = "".join(json.dumps(each) + "\n" for each in DOCUMENTS).encode()
RESULTS = [json.loads(body(each)) for each in DOCUMENTS]
BANDS = {"band": "a group that makes music"}


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    """A client of the server."""
    with server.client() as client:
        yield client


def as_path(folder: Path) -> object:
    (folder / "corpus.jsonl").write_bytes(LINES)
    return folder / "corpus.jsonl"


FORMS: dict[str, Callable[[Path], Any]] = {
    "path": as_path,
    "name": lambda folder: str(as_path(folder)),
    "bytes": lambda _: LINES,
    "gzip": lambda _: gzip.compress(LINES),
    "stream": lambda _: io.BytesIO(LINES),
    "documents": lambda _: DOCUMENTS,
    "generator": lambda _: (each for each in DOCUMENTS),
    "values": lambda _: [Document(id=each["id"], text=each["text"]) for each in DOCUMENTS],
}


@pytest.mark.parametrize("form", FORMS)
def test_a_corpus_may_come_in_any_form(client: Client, tmp_path: Path, form: str) -> None:
    file = client.upload(FORMS[form](tmp_path), name="bands")

    assert (file.documents, file.name) == (5, "bands")
    assert [found.id for found in client.files()] == [file.id]


def test_a_document_keeps_its_annotation(client: Client) -> None:
    span = Span(start=0, end=4, label="band")
    typed = Span(start=0, end=2, label="", types=(TypeScore(name="/group"),))
    document = Document(id="x", text="Abba", meta={"a": 1}, entities=(span, typed))

    job = client.tag([document], BANDS)

    [found] = client.documents(job.id)
    assert (found["id"], found["text"], found["meta"]) == ("x", "Abba", {"a": 1})
    assert found["entities"] == [
        {"start": 0, "end": 4, "label": "band"},
        {"start": 0, "end": 2, "types": ["/group"]},
    ]


def test_a_stream_is_sent_from_where_it_stands(client: Client, tmp_path: Path) -> None:
    (tmp_path / "corpus.jsonl").write_bytes(b"# a heading\n" + LINES)
    with (tmp_path / "corpus.jsonl").open("rb") as stream:
        stream.readline()

        assert client.upload(stream).documents == 5


def test_the_whole_way(client: Client, server: Server) -> None:
    # Given an uploaded corpus and a job over it
    file = client.upload(DOCUMENTS)
    job = client.submit(file, BANDS, name="mine", hours=2)
    assert (job.state, job.total, job.name) == (JobState.QUEUED, 5, "mine")
    assert (job.expires_at - job.created_at).total_seconds() == pytest.approx(7200, abs=1)

    # When it is done, but for one document, and another is for people
    server.work(failed={"b"}, escalated={"c", "d"})
    seen: list[JobState] = []
    job = client.wait(job.id, progress=lambda view: seen.append(view.state))

    # Then all there is to read is read
    assert (job.state, job.completed, job.failed, job.escalated) == (JobState.COMPLETED, 4, 1, 2)
    assert seen == [JobState.COMPLETED]
    [failed] = client.errors(job.id)
    assert (failed["line"], failed["id"], failed["error"]["code"]) == (2, "b", "broken")
    assert list(client.results(job.id)) == [json.loads(body(each, {"b"})) for each in DOCUMENTS]
    assert list(client.documents(job.id)) == DOCUMENTS
    assert [event.name for event in client.events(job.id, page=2)][-1] == "completed"
    assert [event.id for event in client.events(job.id, page=2)] == [event.id for event in client.events(job.id)]
    assert [found.document_id for found in client.escalations(job.id, page=1)] == ["c", "d"]
    assert list(client.escalations(job.id, EscalationState.ACCEPTED)) == []
    assert [found.id for found in client.jobs()] == [job.id]


@pytest.mark.parametrize("page", [1, 2, 4, 5, 6])
def test_pages_of_lines_have_no_seams(client: Client, server: Server, page: int) -> None:
    job = client.tag(DOCUMENTS, BANDS)
    server.work(failed={"a", "c", "e"})

    assert [line["id"] for line in client.results(job.id, page=page)] == list("abcde")
    assert [line["id"] for line in client.errors(job.id, page=page)] == list("ace")


def test_utf16_counts_as_javascript_does(client: Client, server: Server) -> None:
    job = client.tag(DOCUMENTS, BANDS)
    server.work()

    for page in (2, 5000):
        found = list(client.results(job.id, utf16=True, page=page))
        for document, line in zip(DOCUMENTS, found, strict=True):
            units = document["text"].encode("utf-16-le")
            [entity] = line["entities"]
            assert units[2 * entity["start"] : 2 * entity["end"]].decode("utf-16-le") == entity["text"]


def test_raw_lines_are_as_they_were_stored(client: Client, server: Server) -> None:
    job = client.tag(DOCUMENTS, BANDS)
    server.work()

    assert list(client.result_lines(job.id, page=2)) == [body(each) for each in DOCUMENTS]


def test_of_a_job_that_nobody_began_there_is_nothing_to_read(client: Client) -> None:
    job = client.tag(DOCUMENTS, BANDS)

    assert list(client.results(job.id)) == []
    assert list(client.errors(job.id)) == []


def test_all_pages_of_jobs_are_one_list(client: Client) -> None:
    made = [client.tag(DOCUMENTS, BANDS).id for _ in range(5)]

    assert [job.id for job in client.jobs(page=2)] == made[::-1]


def test_a_key_of_ones_own_makes_one_job(client: Client) -> None:
    file = client.upload(DOCUMENTS)

    first, second = (client.submit(file.id, BANDS, idempotency_key="nightly-1") for _ in range(2))

    assert first == second
    with pytest.raises(ServiceError) as caught:
        client.submit(file, ["song"], idempotency_key="nightly-1")
    assert caught.value.problem.code == "idempotency_key_reused"


@pytest.mark.parametrize(
    "labels",
    [
        ["band"],
        [{"name": "band"}],
        (Label(name="band"),),
        iter(["band"]),
        {"band": ""},
    ],
    ids=["names", "objects", "values", "iterator", "mapping"],
)
def test_labels_may_come_in_any_form(client: Client, labels: Labels) -> None:
    job = client.tag(DOCUMENTS, labels)

    assert [label["name"] for label in job.labels] == ["band"]


def test_labels_may_be_a_file(client: Client, tmp_path: Path) -> None:
    (tmp_path / "labels.yaml").write_text("- name: band\n  description: a group\n  threshold: 0.4\n")

    job = client.tag(DOCUMENTS, tmp_path / "labels.yaml")

    assert job.labels == [{"name": "band", "description": "a group", "threshold": 0.4}]


@pytest.mark.parametrize("key", ["", "with space", "é", "x" * 256])
def test_an_impossible_idempotency_key_is_refused(client: Client, key: str) -> None:
    with pytest.raises(UnusableInput, match="idempotency key"):
        client.submit("file_x", BANDS, idempotency_key=key)


def test_a_job_is_cancelled_and_what_failed_is_retried(client: Client) -> None:
    job = client.tag(DOCUMENTS, BANDS)

    cancelled = client.cancel(job.id)
    child = client.retry(job.id)

    assert (cancelled.state, cancelled.failed) == (JobState.CANCELLED, 5)
    assert (child.parent, child.total, child.state) == (job.id, 5, JobState.QUEUED)
    with pytest.raises(ServiceError) as caught:
        client.cancel(job.id)
    assert caught.value.problem.code == "job_finished"


def test_a_bad_corpus_is_told_as_a_command_without_a_server_tells_it(client: Client, server: Server) -> None:
    bad = b"{}\n" * 25

    with pytest.raises(ServiceError) as caught:
        client.upload(bad)
    with pytest.raises(InvalidCorpus) as here:
        ingest(io.BytesIO(bad), server.blobs, DEFAULT_LIMITS)

    assert str(caught.value) == str(here.value)
    assert str(caught.value).endswith("\nand 5 more")
    assert (caught.value.problem.code, caught.value.exit_code) == ("invalid_corpus", 2)
    assert list(client.files()) == []


def test_what_is_not_there_is_an_error(client: Client, tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match="there is no job 'job_x'") as caught:
        client.job("job_x")
    assert (caught.value.problem.status, caught.value.exit_code) == (404, 2)
    with pytest.raises(ServiceError):
        list(client.results("../files"))
    with pytest.raises(ServiceError):
        list(client.documents("job_x"))
    with pytest.raises(FileNotFoundError):
        client.upload(tmp_path / "corpus.jsonl")


def test_a_key_that_the_server_does_not_know_is_an_error_of_its_own(server: Server) -> None:
    with Client(server.url, "tw_no") as client, pytest.raises(Unauthorized) as caught:
        client.taggers()

    assert "tw_no" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_refusal_in_the_middle_of_an_upload_is_heard(server: Server) -> None:
    with Client(server.url, "tw_no", retries=0) as client, pytest.raises(Unauthorized):
        client.upload({"id": str(number), "text": "x" * 1000} for number in range(20_000))


def test_the_taggers_and_the_server_are_there(client: Client) -> None:
    assert [tagger.name for tagger in client.taggers()] == ["compact", "default", "typer"]
    assert client.ready().ready


def test_patience_has_an_end(client: Client) -> None:
    job = client.tag(DOCUMENTS, BANDS)
    seen: list[JobState] = []

    with pytest.raises(WaitTimeout, match=r"has not ended after 0\.1 s; it goes on"):
        client.wait(job.id, progress=lambda view: seen.append(view.state), every=0.02, timeout=0.1)

    assert len(seen) > 1


def test_what_a_program_is_given_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAGWERK_URL", "https://a.example/tagwerk/")
    monkeypatch.setenv("TAGWERK_KEY", "tw_a\n")

    with Client() as one, Client("http://localhost:1", "tw_b") as other:
        assert (one.url, one.key) == ("https://a.example/tagwerk", "tw_a")
        assert (other.url, other.key) == ("http://localhost:1", "tw_b")
        assert repr(one) == "Client('https://a.example/tagwerk')"


def test_without_a_server_or_a_key_there_is_no_client() -> None:
    with pytest.raises(MissingServer, match="set TAGWERK_URL"):
        Client(key="tw_a")
    with pytest.raises(MissingKey, match="TAGWERK_KEY"):
        Client("https://a.example")


@pytest.mark.parametrize("address", ["http://127.0.0.1:8000", "http://127.0.0.1:8000/", "http://127.0.0.1:8000/v1/"])
def test_an_address_is_known_with_and_without_its_ending(address: str) -> None:
    assert Client(address, "tw_x").url == "http://127.0.0.1:8000"


@pytest.mark.parametrize(
    "address",
    [
        "a.example",
        "ftp://a.example",
        "https://",
        "https://a?b=1",
        "https://me:secret@a",
        "http://[",
        "http://a b",
        "//a",
    ],
)
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(BadServerAddress, match="is not the address of a server") as caught:
        Client(address, "tw_a")

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("key", [" ", "tw_ secret", "tw_secret\u2028x", "secrét"])
def test_a_key_that_is_none_is_refused_and_not_told(key: str) -> None:
    with pytest.raises(BadKey) as caught:
        Client("https://a.example", key)

    assert "secr" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "warned"),
    [
        ("http://a.example", True),
        ("http://10.0.0.1:8000", True),
        ("https://a.example", False),
        ("http://127.0.0.1:8000", False),
        ("http://[::1]:8000", False),
        ("http://localhost", False),
    ],
)
def test_a_key_in_the_open_is_warned_of(capsys: pytest.CaptureFixture[str], url: str, warned: bool) -> None:
    Client(url, "tw_a").close()

    assert capsys.readouterr().err.startswith("warning: the key goes to ") is warned


def test_the_client_needs_no_database_broker_or_model_library() -> None:
    program = (
        "import sys, tagwerk; tagwerk.Client('https://a.example', 'tw_a')\n"
        "print(sorted({'torch', 'celery', 'sqlalchemy', 'redis', 'fastapi'} & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"
    assert tagwerk.Client is Client
