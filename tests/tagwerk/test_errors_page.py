"""The page on errors: every row for the command line happens, word for word, and none is missing."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from corpora.blobs import BlobStore
from jobs.queue import Doorbell
from jobs.states import JobKind
from jobs.submitting import submit_corpus
from tagwerk import exchange
from tests.corpora.test_errors_page import rows
from tests.jobs.building import made_tagger, results_of
from tests.tagwerk.wire import Say

if TYPE_CHECKING:
    from pathlib import Path

    from jobs.store import Ledger
    from tests.tagwerk.conftest import Tagwerk
    from tests.tagwerk.wire import Wire

TAG = ("tag", "corpus.jsonl", "--labels", "labels.yaml")
#: Files of examples: lines of entities.
EXAMPLES: dict[str, list[list[tuple[int, int, str]]]] = {
    "cut.jsonl": [[(0, 3, "band")]],
    "bands.jsonl": [[(0, 6, "bands"), (7, 12, "band")]],
    "good.jsonl": [[(0, 12, "band")]],
    "twice.jsonl": [[(0, 12, "band")], [(0, 6, "band")]],
}
TYPE = ("type", "corpus.jsonl", "--types", "types.yaml")
ADAPT = ("adapt", "cut.jsonl", "--labels", "labels.yaml", "--name", "music")
KEY = {"TAGWERK_KEY": "tw_abc"}
SERVICES = {"TAGWERK_BROKER_URL": "redis://127.0.0.1:1/0", "TAGWERK_BLOBS": "blobs"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A row that needs nothing running: words of a command and settings, in a folder with a good corpus."""

    what: str
    words: tuple[str, ...]
    settings: dict[str, str] = field(default_factory=dict)


CASES = [
    Case(what="a corpus that is not there", words=("tag", "corpse.jsonl", "--labels", "labels.yaml")),
    Case(what="a folder as corpus", words=("tag", "folder", "--labels", "labels.yaml")),
    Case(what="a label file that is not there", words=("tag", "corpus.jsonl", "--labels", "label.yaml")),
    Case(what="an unknown tagger", words=(*TAG, "--tagger", "music@3")),
    Case(what="an unknown engine", words=(*TAG, "--engine", "magic")),
    Case(what="a tagger and an engine that it is not of", words=(*TAG, "--tagger", "default", "--engine", "llm")),
    Case(what="an output in no folder", words=(*TAG, "-o", "nowhere/out.jsonl")),
    Case(what="a folder as output", words=(*TAG, "-o", "folder")),
    Case(what="an unknown job", words=("jobs", "show", "job_x")),
    Case(what="an unknown queue", words=("worker", "--queues", "tags")),
    Case(what="an unknown log level", words=("worker", "--log-level", "loud")),
    Case(what="a worker without settings", words=("worker",)),
    Case(what="training sets that are not there", words=("train", "biencoder", "--data", "sets", "--minutes", "1")),
    Case(what="a setting that cannot be", words=TAG, settings={"TAGWERK_JOB_HOURS": "a day"}),
    Case(what="a home that is a file", words=TAG, settings={"TAGWERK_HOME": "/dev/null"}),
    Case(
        what="some services and not others",
        words=TAG,
        settings={"TAGWERK_DATABASE_URL": "postgresql://me:secret@db/tagwerk"},
    ),
    Case(
        what="a database of another kind",
        words=TAG,
        settings={"TAGWERK_DATABASE_URL": "mysql://me:secret@db/tagwerk", **SERVICES},
    ),
    Case(
        what="a database that does not answer",
        words=("jobs", "list"),
        settings={"TAGWERK_DATABASE_URL": "sqlite:////nowhere/ledger.db", **SERVICES},
    ),
    Case(
        what="a database without tables",
        words=("jobs", "list"),
        settings={"TAGWERK_DATABASE_URL": "sqlite:///new.db", **SERVICES},
    ),
    Case(what="a server and no key", words=TAG, settings={"TAGWERK_URL": "https://tags.example"}),
    Case(what="a server that has no address", words=TAG, settings={**KEY, "TAGWERK_URL": "tags.example"}),
    Case(
        what="a key that none can be",
        words=TAG,
        settings={"TAGWERK_KEY": "my key", "TAGWERK_URL": "https://tags.example"},
    ),
    Case(what="a server that does not answer", words=TAG, settings={**KEY, "TAGWERK_URL": "http://127.0.0.1:1"}),
    Case(what="examples that are not there", words=("adapt", "samples.jsonl", *ADAPT[2:])),
    Case(what="an example that cuts a word", words=("adapt", "cut.jsonl", *ADAPT[2:])),
    Case(what="an example with an unknown label", words=("adapt", "bands.jsonl", *ADAPT[2:])),
    Case(what="two annotations of one text", words=("adapt", "twice.jsonl", *ADAPT[2:])),
    Case(what="a label without an example", words=("adapt", "corpus.jsonl", *ADAPT[2:])),
    Case(what="a name that no tagger can have", words=(*ADAPT[:-1], "My band")),
    Case(what="the name of a shipped tagger", words=(*ADAPT[:-1], "default")),
    Case(what="an unknown method", words=(*ADAPT, "--method", "magic")),
    Case(
        what="a tagger that the method does not go on from",
        words=("adapt", "good.jsonl", *ADAPT[2:], "--method", "retrieve", "--tagger", "default"),
    ),
    Case(what="a type file that is not there", words=("type", "corpus.jsonl", "--types", "type.yaml")),
    Case(what="a type file that cannot be used", words=("type", "corpus.jsonl", "--types", "circle.yaml")),
    Case(what="a mention outside its text", words=("type", "outside.jsonl", "--types", "types.yaml")),
    Case(what="a tagger that gives no types", words=(*TYPE, "--tagger", "default")),
    Case(what="a tagger that finds no entities", words=(*TAG, "--tagger", "typer")),
    Case(what="a typer where there are no types", words=(*TAG, "--typer", "typer")),
    Case(what="neither labels nor types to score", words=("evaluate", "corpus.jsonl")),
    Case(what="types where labels are learnt", words=(*ADAPT, "--types", "types.yaml", "--method", "extend")),
    Case(what="labels where types are learnt", words=(*ADAPT, "--method", "finetype")),
    Case(what="a mention of an unknown type", words=("adapt", "good.jsonl", "--types", "types.yaml", *ADAPT[4:])),
    Case(what="promoting a tagger that is not there", words=("taggers", "promote", "music@3")),
    Case(
        what="a worker for adaptations without a folder of taggers",
        words=("worker", "--queues", "adapt"),
        settings={"TAGWERK_DATABASE_URL": "sqlite:///new.db", **SERVICES},
    ),
]
#: Rows about taggers that are there: `music@1`, promoted, and `jazz@1`, which is not; none has a folder.
TAGGERS = [
    ("a tagger of which nothing is promoted", (*TAG, "--tagger", "jazz")),
    ("promoting without a version", ("taggers", "promote", "jazz")),
    ("rolling back a version", ("taggers", "rollback", "jazz@1")),
    ("rolling back what was promoted first", ("taggers", "rollback", "music")),
    ("a tagger whose folder is gone", (*TAG, "--tagger", "music")),
]
#: Rows about a job that is there: its command, and whether the job has ended.
JOBS = [
    ("cancelling a job that has ended", "cancel", True),
    ("retrying a job that has not ended", "retry", False),
    ("retrying a job of which nothing failed", "retry", True),
]
#: Rows about a server that is there: the key, and what answers in its place.
SERVERS = [
    ("a key that the server does not know", "tw_abc", None),
    ("a server of another kind", "tw_abc", b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_a_command_of_the_page(tagwerk: Tagwerk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: Case) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(exchange, "FIRST_PAUSE", 0.01)
    furnish(tmp_path)
    for name, value in case.settings.items():
        monkeypatch.setenv(name, value)

    ended = tagwerk(*case.words)

    assert (said(ended.err), str(ended.code), "nothing") == rows("Command line")[case.what]
    assert ended.out == ""


def furnish(folder: Path) -> None:
    """Write what the commands of the page are given."""
    (folder / "folder").mkdir()
    (folder / "corpus.jsonl").write_text('{"id": "a", "text": "hello"}\n')
    for name, lines in EXAMPLES.items():
        (folder / name).write_text("".join(annotated(*entities) for entities in lines))
    (folder / "types.yaml").write_text("- /person\n- /place\n")
    (folder / "circle.yaml").write_text("- {name: band, parent: group}\n- {name: group, parent: band}\n")
    (folder / "outside.jsonl").write_text('{"id": "a", "text": "hello", "entities": [{"start": 3, "end": 9}]}\n')
    (folder / "labels.yaml").write_text("- name: band\n  description: a group that makes music\n")


def annotated(*entities: tuple[int, int, str]) -> str:
    """A line of examples; as often as it is there, its text is the same."""
    told = [{"start": start, "end": end, "label": label} for start, end, label in entities]
    return json.dumps({"id": str(entities), "text": "Copper Wrens", "entities": told}) + "\n"


@pytest.mark.parametrize(("what", "words"), TAGGERS, ids=[what for what, _ in TAGGERS])
def test_a_tagger_of_the_page(
    tagwerk: Tagwerk,
    services: Ledger,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    what: str,
    words: tuple[str, ...],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TAGWERK_TAGGERS", "taggers")
    furnish(tmp_path)
    music, jazz = made_tagger(services), made_tagger(services, "jazz", promote=False)

    ended = tagwerk(*words)

    message = said(ended.err).replace(music.folder, "job_06gv")
    assert (message, str(ended.code), "the tagger as it is") == rows("Command line")[what]
    assert services.tenant("local").taggers() == [jazz, music]


@pytest.mark.parametrize(("what", "command", "over"), JOBS, ids=[what for what, _, _ in JOBS])
def test_a_job_of_the_page(
    tagwerk: Tagwerk, services: Ledger, tmp_path: Path, broker_url: str, what: str, command: str, over: bool
) -> None:
    path = tmp_path / "corpus.jsonl"
    path.write_text('{"id": "a", "text": "hello"}\n')
    with path.open("rb") as stream:
        job_id = submit_corpus(
            services,
            BlobStore(tmp_path / "blobs"),
            Doorbell.at(broker_url),
            stream,
            kind=JobKind.TAG,
            tagger="default",
            engine="biencoder",
            labels=[],
            options={},
            hours=1,
        )
    if over:
        finish_rung(services)

    ended = tagwerk("jobs", command, job_id)

    message = said(ended.err).replace(job_id, "job_06gv")
    assert (message, str(ended.code), "the job as it is") == rows("Command line")[what]


@pytest.mark.parametrize(("what", "key", "answer"), SERVERS, ids=[what for what, _, _ in SERVERS])
def test_a_server_of_the_page(
    tagwerk: Tagwerk, wire: Wire, monkeypatch: pytest.MonkeyPatch, what: str, key: str, answer: bytes | None
) -> None:
    monkeypatch.setenv("TAGWERK_KEY", key)
    if answer is not None:
        wire.meets(Say(answer=answer))

    ended = tagwerk("jobs", "list", "--server", wire.url)

    message = said(ended.err).replace(wire.url, "http://127.0.0.1:8000")
    assert (message, str(ended.code), "nothing") == rows("Command line")[what]


def finish_rung(ledger: Ledger) -> None:
    """Do all chunks whose bells rang already."""
    for chunk_id in ledger.oldest_rung("tag", 10):
        claim = ledger.claim(chunk_id, worker="w", lease_s=60)
        assert claim is not None
        ledger.commit(claim, results_of(claim))


def said(err: str) -> str:
    """The message of the only error there is, which is the last thing said."""
    before, error, message = err.rpartition("error: ")
    assert error
    assert "Traceback" not in err
    assert "error: " not in before
    return message.strip()


def test_the_page_has_no_row_that_is_not_tried() -> None:
    tried = [case.what for case in CASES]
    for table in (JOBS, SERVERS, TAGGERS):
        tried += [row[0] for row in table]

    assert sorted(rows("Command line")) == sorted(tried)
