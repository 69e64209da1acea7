"""Fine types over HTTP: jobs that type what documents carry, jobs that type what they find, and what is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from api.schemas import JobRequest
from api.submissions import fingerprint
from jobs.states import JobKind
from models.typing_hierarchy import parse_types, stored
from tests.api.desk import asked, lines, problem
from tests.jobs.building import made_tagger

if TYPE_CHECKING:
    import httpx

    from jobs.records import Claim
    from tests.api.desk import Desk

KEY = {"Idempotency-Key": "order-17"}
MARKED = json.dumps({"id": "d1", "text": "Nina sang in Ulm.", "entities": [{"start": 0, "end": 4}]}) + "\n"
TYPES: list[Any] = ["/person", {"name": "/person/singer", "description": "one who sings"}, "/place"]
STORED = stored(parse_types(TYPES))


def typed(desk: Desk, **fields: Any) -> httpx.Response:  # noqa: ANN401 -- of the request
    """Ask for the types of a mention."""
    return desk.post("/v1/jobs", json={"kind": "type", "file": desk.upload(MARKED), "types": TYPES, **fields})


def claimed(desk: Desk, queue: str = "tag") -> Claim:
    """The claim of the one chunk that waits."""
    [chunk_id] = {*desk.ledger.owed(queue, 10), *desk.ledger.oldest_rung(queue, 10)}
    claim = desk.ledger.claim(chunk_id, worker="w", lease_s=60)
    assert claim is not None
    return claim


def test_a_job_that_types_is_queued_with_its_types_in_order(desk: Desk) -> None:
    answer = typed(desk, name="mine")

    job = answer.json()
    assert (answer.status_code, answer.headers["Location"]) == (202, f"/v1/jobs/{job['id']}")
    assert (job["kind"], job["state"], job["total"], job["tagger"], job["engine"]) == (
        "type", "queued", 1, "typer", "typer",
    )  # fmt: skip
    assert (job["labels"], job["options"], job["warnings"]) == ([], {"types": STORED}, [])
    claim = claimed(desk)
    assert (claim.kind, claim.options) == (JobKind.TYPE, {"types": STORED})


def test_a_job_that_tags_may_have_types_and_a_typer_of_its_own(desk: Desk) -> None:
    own = made_tagger(desk.ledger, "fine", tenant=desk.ledger.tenant("local").tenant, engine="typer")

    answer = desk.post("/v1/jobs", json=asked(desk.upload(), types=TYPES, typer="fine"))

    assert answer.status_code == 202
    assert answer.json()["options"] == {"types": STORED, "typer": "fine@1"}
    claim = claimed(desk)
    assert (claim.kind, claim.tagger, claim.typer_folder) == (JobKind.TAG, "default", own.folder)


def test_ten_thousand_types_fit_in_a_job_and_in_none_of_a_list(desk: Desk) -> None:
    names = [f"/kind {i}" for i in range(10_000)]

    job = typed(desk, types=names).json()

    assert len(desk.get(f"/v1/jobs/{job['id']}").json()["options"]["types"]) == 10_000
    assert "options" not in desk.get("/v1/jobs").json()["data"][0]
    refused = problem(typed(desk, types=[f"kind {i}" for i in range(20_001)]))
    assert (refused["code"], refused["errors"][0]["code"]) == ("invalid_types", "too_many_types")


def test_a_retry_takes_the_types_over(desk: Desk) -> None:
    job_id = typed(desk).json()["id"]
    desk.work(failed={"d1"})

    child = desk.post(f"/v1/jobs/{job_id}/retry").json()

    assert (child["kind"], child["tagger"], child["options"]) == ("type", "typer", {"types": STORED})
    assert lines(desk.get(f"/v1/jobs/{child['id']}/documents"))[0]["entities"] == [{"start": 0, "end": 4}]


def test_the_same_request_again_is_answered_with_the_first_job(desk: Desk) -> None:
    request = {"kind": "type", "file": desk.upload(MARKED), "types": TYPES}
    first = desk.post("/v1/jobs", json=request, headers=KEY)

    again = desk.post("/v1/jobs", json=request | {"tagger": "typer"}, headers=KEY)

    assert (again.status_code, again.json()) == (202, first.json())
    assert again.headers["Idempotency-Replayed"] == "true"
    other = desk.post("/v1/jobs", json=request | {"types": TYPES[:1]}, headers=KEY)
    assert (other.status_code, problem(other)["code"]) == (422, "idempotency_key_reused")


def test_what_is_left_out_is_the_same_as_what_it_stands_for() -> None:
    plain: dict[str, Any] = {"file": "file_x", "labels": ["band"], "types": ["/person"]}
    taught: dict[str, Any] = {"kind": "adapt", "file": "file_x", "types": ["/person"], "name": "fine"}

    def digest(**fields: Any) -> str:  # noqa: ANN401 -- whatever a request may have
        return fingerprint(JobRequest(**fields))

    assert digest(**plain) == digest(**plain, typer="typer")
    assert digest(**plain) != digest(**plain | {"types": None})
    assert digest(**taught) == digest(**taught, method="finetype") == digest(**taught, tagger="typer")


@pytest.mark.parametrize(
    ("fields", "code", "pointer", "detail"),
    [
        ({"types": None}, "invalid_request", "/types", "the field 'types' is missing; it lists the types that"),
        ({"types": []}, "invalid_types", "/types", "there are no types; write at least one"),
        ({"types": {"band": "x"}}, "invalid_request", "/types", "the field 'types' is {'band': 'x'}: input should be"),
        ({"types": ["/p", "/x/y"]}, "invalid_types", "/types/1", "type 2: the parent of '/x/y', '/x', is not listed"),
        ({"types": ["a", "A"]}, "invalid_types", "/types/1", "type 2: 'A' and 'a' have the same words, 'a' (first"),
        ({"types": ["a", 7]}, "invalid_types", "/types/1", "type 2: a type is a name, a path, or a mapping"),
        (
            {"types": [{"name": "a", "parent": "b"}, {"name": "b", "parent": "a"}]},
            "invalid_types",
            "/types/0",
            "type 1: 'a' is in a circle: 'a' is a kind of itself",
        ),
        ({"labels": ["band"]}, "invalid_request", "/labels", "the field 'labels' is of no use where types are told"),
        ({"typer": "typer"}, "invalid_request", "/typer", "the field 'typer' is of jobs that tag and have 'types'"),
        ({"method": "finetype"}, "invalid_request", "/method", "the field 'method' is of adaptations alone"),
        ({"tagger": "default"}, "kind_mismatch", "/tagger", "the tagger 'default' is of the engine 'biencoder': it"),
        ({"tagger": "fine"}, "unknown_tagger", "/tagger", "there is no tagger 'fine'; known are compact, default,"),
        ({"engine": "llm"}, "engine_mismatch", "/engine", "the tagger 'typer' is of the engine 'typer', not 'llm'"),
    ],
)
def test_what_cannot_be_is_refused_before_there_is_a_job(
    desk: Desk, fields: dict[str, Any], code: str, pointer: str, detail: str
) -> None:
    told = problem(typed(desk, **fields))

    assert (told["status"], told["code"], told["errors"][0]["pointer"]) == (422, code, pointer)
    assert told["detail"].startswith(detail)
    assert desk.get("/v1/jobs").json()["data"] == []


@pytest.mark.parametrize(
    ("fields", "code", "pointer"),
    [
        ({"labels": None}, "invalid_request", "/labels"),
        ({"tagger": "typer"}, "kind_mismatch", "/tagger"),
        ({"engine": "typer"}, "unknown_engine", "/engine"),
        ({"typer": "typer"}, "invalid_request", "/typer"),
        ({"types": TYPES, "typer": "default"}, "kind_mismatch", "/typer"),
        ({"types": TYPES, "typer": "fine"}, "unknown_tagger", "/typer"),
        ({"kind": "adapt", "name": "fine", "types": TYPES}, "invalid_request", "/labels"),
        ({"kind": "adapt", "name": "fine", "types": TYPES, "method": "extend"}, "invalid_request", "/types"),
        ({"kind": "adapt", "name": "fine", "method": "finetype"}, "invalid_request", "/types"),
    ],
)
def test_fields_that_do_not_go_together_are_pointed_at(
    desk: Desk, fields: dict[str, Any], code: str, pointer: str
) -> None:
    told = problem(desk.post("/v1/jobs", json=asked(desk.upload(MARKED), **fields)))

    assert (told["status"], told["code"], told["errors"][0]["pointer"]) == (422, code, pointer)


def test_anothers_typer_does_not_exist(desk: Desk) -> None:
    made_tagger(desk.ledger, "fine", tenant="other", engine="typer")

    refused = problem(typed(desk, tagger="fine@1"))

    assert (refused["status"], refused["code"]) == (422, "unknown_tagger")
    file = desk.ask("POST", "/v1/files", key=desk.other_tenant(), content=MARKED).json()["id"]
    request = {"kind": "type", "file": file, "types": TYPES, "tagger": "fine"}
    job = desk.ask("POST", "/v1/jobs", key=desk.other_tenant(), json=request).json()
    assert job["tagger"] == "fine@1"


TAUGHT = json.dumps({"id": "e1", "text": "Nina sang.", "entities": [{"start": 0, "end": 4, "types": ["/person"]}]})


def test_an_adaptation_of_a_typer_is_queued_for_the_workers_that_adapt(desk: Desk) -> None:
    request = {"kind": "adapt", "file": desk.upload(TAUGHT), "types": TYPES, "name": "fine"}

    job = desk.post("/v1/jobs", json=request).json()

    assert (job["kind"], job["tagger"], job["engine"], job["labels"]) == ("adapt", "typer", "typer", [])
    assert job["options"] == {"method": "finetype", "name": "fine", "types": STORED}
    assert job["warnings"] == [
        "'/person/singer', '/place' have no example and are known by words alone",
        "type '/person' has 1 example; 5 or more make its score mean something",
    ]
    assert claimed(desk, "adapt").options["types"] == STORED


def test_what_is_wrong_with_typed_examples_points_to_the_file_or_to_the_types(desk: Desk) -> None:
    request = {"kind": "adapt", "types": TYPES, "name": "fine"}

    unknown = problem(desk.post("/v1/jobs", json=request | {"file": desk.upload(TAUGHT.replace("/person", "/pers"))}))
    empty = problem(desk.post("/v1/jobs", json=request | {"file": desk.upload()}))

    assert (unknown["code"], unknown["errors"][0]["pointer"], unknown["errors"][0]["line"]) == (
        "invalid_examples", "/file", 1,
    )  # fmt: skip
    assert "the unknown type '/pers'" in unknown["detail"]
    assert (empty["errors"][0]["code"], empty["errors"][0]["pointer"]) == ("no_mentions", "/types")
