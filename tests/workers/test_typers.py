"""Typing a chunk from claim to commit, by a real typer: what documents carry, what is found, what cannot be read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from jobs.errors import UnknownTagger
from jobs.records import NewTagger
from jobs.states import JobKind, JobState
from models.encoder import load_encoder
from models.typer_artifact import untrained_typer
from models.typing_hierarchy import stored, tree_of
from tests.workers.building import ScriptedRuntime, hands, only_chunk, told
from tests.workers.building import tag_job as text_job
from tests.workers.typing_jobs import tiny_typer, type_job
from workers import tagging
from workers.runtime import Runtime
from workers.settings import WorkerSettings
from workers.typers import FULL, LOADED, Typers, marked

if TYPE_CHECKING:
    from pathlib import Path

    from corpora.blobs import BlobStore
    from jobs.store import Ledger
    from models.typer import Typer

TYPES = stored(tree_of(["/person", "/person/artist", "/person/artist/singer", "/place", "/place/city"]))
NINA = {"id": "d1", "text": "Nina Simone sang in Ulm.", "entities": [{"start": 0, "end": 11}, {"start": 20, "end": 23}]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_typer(tmp_path_factory.mktemp("typer"))


@pytest.fixture
def runtime(folder: Path, monkeypatch: pytest.MonkeyPatch) -> ScriptedRuntime:
    """Finds what the scripted one finds; its typer is that one, wherever it is said to lie."""
    runtime = ScriptedRuntime()
    real = Runtime(WorkerSettings(device="cpu", dtype="float32"))
    monkeypatch.setattr(runtime, "typers", Typers(lambda _: real.typers.typer(folder), 4096))
    return runtime


def lines(ledger: Ledger, job_id: str) -> list[dict[str, Any]]:
    return [json.loads(result.body) for result in ledger.results_in_order(job_id)]


def test_mentions_get_types_closed_under_what_is_broader_the_likeliest_first(
    ledger: Ledger, blobs: BlobStore, runtime: ScriptedRuntime
) -> None:
    job_id = type_job(ledger, blobs, [NINA, {"id": "d2", "text": "No mention."}], TYPES)

    tagging.run(hands(ledger, blobs, runtime), only_chunk(ledger))

    first, second = lines(ledger, job_id)
    assert [(each["start"], each["end"], each["text"], each["label"], each["score"]) for each in first["entities"]] == [
        (0, 11, "Nina Simone", None, 1.0),
        (20, 23, "Ulm", None, 1.0),
    ]
    for entity in first["entities"]:
        names = [each["name"] for each in entity["types"]]
        scores = [each["score"] for each in entity["types"]]
        assert scores == sorted(scores, reverse=True)
        assert {name.rpartition("/")[0] for name in names} - {""} <= set(names)
    assert second == {"id": "d2", "entities": [], "escalation": None} | {
        "tagger": "typer", "engine": "typer", "windows": 1,
    }  # fmt: skip
    job = ledger.job(job_id)
    assert (job.state, job.completed, job.queue) == (JobState.COMPLETED, 2, "tag")
    assert ledger.law(job_id) == ()


def test_a_mention_keeps_its_own_label_and_loses_types_it_came_with(
    ledger: Ledger, blobs: BlobStore, runtime: ScriptedRuntime
) -> None:
    marked_by_hand = [{"start": 20, "end": 23, "label": "town", "types": ["/other"]}]
    job_id = type_job(ledger, blobs, [NINA | {"entities": marked_by_hand}], TYPES)

    tagging.run(hands(ledger, blobs, runtime), only_chunk(ledger))

    [entity] = lines(ledger, job_id)[0]["entities"]
    assert (entity["label"], entity["score"]) == ("town", 1.0)
    assert "/other" not in {each["name"] for each in entity["types"]}


def test_a_mention_that_is_sure_of_no_type_goes_to_a_person(
    ledger: Ledger, blobs: BlobStore, runtime: ScriptedRuntime
) -> None:
    # An untrained typer's best guess is far below its threshold.
    job_id = type_job(ledger, blobs, [NINA], TYPES)

    tagging.run(hands(ledger, blobs, runtime), only_chunk(ledger))

    [line] = lines(ledger, job_id)
    best = [entity["types"][0]["score"] for entity in line["entities"]]
    assert max(best) < 0.5
    assert line["escalation"]["reasons"] == ["low_confidence"]
    assert line["escalation"]["risk"] == pytest.approx(1 - best[0] * best[1], abs=1e-3)
    assert ledger.job(job_id).escalated == 1


def test_a_mention_that_is_too_long_fails_its_document_alone(
    ledger: Ledger, blobs: BlobStore, runtime: ScriptedRuntime
) -> None:
    long = {"id": "d2", "text": "x " * 100, "entities": [{"start": 0, "end": 199}]}
    job_id = type_job(ledger, blobs, [NINA, long, NINA | {"id": "d3"}], TYPES)

    tagging.run(hands(ledger, blobs, runtime), only_chunk(ledger))

    assert told(ledger, job_id) == [("d1", None), ("d2", "mention_too_long"), ("d3", None)]
    message = lines(ledger, job_id)[1]["error"]["message"]
    assert message.startswith("the mention [0, 199) has 100 pieces; the encoder holds no more than")


def test_what_is_found_is_given_types_by_the_typer_that_the_job_names(
    ledger: Ledger, blobs: BlobStore, runtime: ScriptedRuntime
) -> None:
    options = {"types": TYPES, "typer": "typer"}
    job_id = text_job(ledger, blobs, "sure thing", "empty words", "broken words", options=options)

    tagging.run(hands(ledger, blobs, runtime), only_chunk(ledger))

    found, empty, broken = lines(ledger, job_id)
    [entity] = found["entities"]
    assert (entity["text"], entity["label"], entity["score"]) == ("sure", "band", 0.99)
    assert {each["name"] for each in entity["types"]} <= {each["name"] for each in TYPES}
    assert entity["types"]
    assert (found["tagger"], found["engine"], found["typer"]) == ("default", "biencoder", "typer")
    assert (empty["entities"], empty["escalation"], empty["typer"]) == ([], None, "typer")
    assert broken["error"]["code"] == "tagging_failed"


def test_a_job_without_types_has_none(ledger: Ledger, blobs: BlobStore, runtime: ScriptedRuntime) -> None:
    job_id = text_job(ledger, blobs, "sure thing")

    tagging.run(hands(ledger, blobs, runtime), only_chunk(ledger))

    [line] = lines(ledger, job_id)
    assert "typer" not in line
    assert "types" not in line["entities"][0]


def test_typers_made_here_lie_where_the_registry_says(
    ledger: Ledger, blobs: BlobStore, runtime: ScriptedRuntime, tmp_path: Path
) -> None:
    # Given a typer of this tenant
    made = type_job(ledger, blobs, [NINA], TYPES, kind=JobKind.ADAPT)
    [chunk_id] = ledger.owed("adapt", 10)
    claim = ledger.claim(chunk_id, worker="w", lease_s=60)
    assert claim is not None
    assert ledger.commit_tagger(claim, NewTagger(name="fine", receipt={}, promote=True))

    # When jobs name it, for what documents carry and for what is found
    type_job(ledger, blobs, [NINA], TYPES, tagger="fine@1")
    text_job(ledger, blobs, "sure thing", options={"types": TYPES, "typer": "fine@1"})
    claims = [ledger.claim(each, worker="w", lease_s=60) for each in ledger.owed("tag", 10)]

    # Then its folder is where the registry says, and a job of a typer that is not there fails its documents
    assert [(each.folder, each.typer_folder) for each in claims if each] == [(made, None), (None, made)]
    job_id = text_job(ledger, blobs, "sure thing", options={"types": TYPES, "typer": "gone@1"})
    tagging.run(hands(ledger, blobs, runtime, taggers=tmp_path), only_chunk(ledger))
    assert told(ledger, job_id) == [("d1", UnknownTagger.code)]


def test_the_types_of_a_job_are_put_in_order_once_and_few_typers_stay(folder: Path) -> None:
    loaded: list[Path] = []

    def load(place: Path) -> Typer:
        loaded.append(place)
        return untrained_typer(load_encoder())

    typers = Typers(load, 4096)
    first = typers.ready(folder / "0", TYPES)

    assert typers.ready(folder / "0", json.loads(json.dumps(TYPES))).tree is first.tree
    assert typers.ready(folder / "0", TYPES[:1]).tree is not first.tree
    for number in range(LOADED + 1):
        typers.typer(folder / str(number))
    typers.typer(folder / "0")
    assert [each.name for each in loaded] == ["0", *map(str, range(1, LOADED + 1)), "0"]


def test_documents_come_in_batches_between_which_a_worker_may_stop(blobs: BlobStore) -> None:
    from corpora.documents import NumberedDocument
    from models.types import Document, Span

    many = tuple(Span(start=0, end=1, label="") for _ in range(FULL))
    documents = [
        NumberedDocument(line=i, document=Document(id=str(i), text="x", entities=many if i == 1 else None))
        for i in range(4)
    ]

    assert [[each.index for each in batch] for batch in marked(documents)] == [[0, 1], [2, 3]]
