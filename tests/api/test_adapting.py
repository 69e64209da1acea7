"""Adaptations over HTTP: what is asked for, what is refused before there is a job, and what is told of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from api import examples
from jobs.records import Claim, NewTagger
from tests.api.desk import LABELS, asked, lines, problem

if TYPE_CHECKING:
    import httpx

    from tests.api.desk import Desk

KEY = {"Idempotency-Key": "order-17"}


def example(start: int = 0, end: int = 12, label: str = "band", number: int = 1) -> str:
    """A line of examples."""
    entities = [{"start": start, "end": end, "label": label}]
    return json.dumps({"id": f"e{number}", "text": f"Copper Wrens played in Leeds. {number}", "entities": entities})


#: What is said of the one label that these tests learn.
ALONE = "label 'band' is the only one; types that it is mistaken for would sharpen it"
GOOD = "\n".join(example(number=number) for number in range(5))


def adapt(desk: Desk, content: str = GOOD, **fields: Any) -> httpx.Response:  # noqa: ANN401 -- of the request
    """Ask for an adaptation by these examples."""
    usual = {"kind": "adapt", "name": "music"}
    return desk.post("/v1/jobs", json=asked(desk.upload(content), **(usual | fields)))


def claimed(desk: Desk) -> Claim:
    """The claim of the one adaptation that waits."""
    [chunk_id] = {*desk.ledger.owed("adapt", 10), *desk.ledger.oldest_rung("adapt", 10)}
    claim = desk.ledger.claim(chunk_id, worker="w", lease_s=60)
    assert claim is not None
    return claim


def test_an_adaptation_is_queued_for_the_workers_that_adapt(desk: Desk) -> None:
    answer = adapt(desk)

    job = answer.json()
    assert (answer.status_code, answer.headers["Location"]) == (202, f"/v1/jobs/{job['id']}")
    assert (job["kind"], job["state"], job["total"], job["name"]) == ("adapt", "queued", 1, "music")
    assert (job["tagger"], job["options"]) == ("default", {"method": "extend", "name": "music"})
    assert (job["warnings"], job["progress"]) == ([ALONE], None)
    claim = claimed(desk)
    assert desk.blobs.open_range(claim.blob, claim.chunk.byte_start, claim.chunk.byte_end).decode() == GOOD


def test_scarce_examples_are_warned_of(desk: Desk) -> None:
    assert adapt(desk, example()).json()["warnings"] == [
        ALONE,
        "label 'band' has 1 example; 5 or more make its score mean something",
    ]


def test_the_same_request_again_is_answered_with_the_first_job(desk: Desk) -> None:
    request = asked(desk.upload(GOOD), kind="adapt", name="music")
    first = desk.post("/v1/jobs", json=request, headers=KEY)
    desk.ledger.progress(claimed(desk), "judging", 0.5)

    # Written otherwise, asking for the same
    again = desk.post("/v1/jobs", json={**request, "method": "extend"}, headers=KEY)

    assert (again.status_code, again.json()) == (202, {**first.json(), "warnings": again.json()["warnings"]})
    assert again.headers["Idempotency-Replayed"] == "true"
    other = desk.post("/v1/jobs", json={**request, "name": "jazz"}, headers=KEY)
    assert (other.status_code, problem(other)["code"]) == (422, "idempotency_key_reused")


def test_what_is_wrong_with_examples_is_told_line_by_line_before_there_is_a_job(desk: Desk) -> None:
    # Given examples with a fault on two lines, and a label that none has
    content = "\n".join([example(), example(1, 12, number=2), "", example(label="bnd", number=3)])

    # When they are to be learnt from
    answer = adapt(desk, content, labels=[*LABELS, "venue"])

    # Then each is told, with line and value, and where to look
    told = problem(answer)
    assert (answer.status_code, told["code"], told["total"]) == (422, "invalid_examples", 3)
    assert [(each["code"], each.get("line"), each["pointer"]) for each in told["errors"]] == [
        ("misaligned_span", 2, "/file"),
        ("unknown_label", 4, "/file"),
        ("label_without_example", None, "/labels"),
    ]
    assert told["errors"][0]["detail"] == (
        "line 2: entity 1 [1, 12) 'opper Wrens' cuts the word 'Copper'; entities are whole words"
    )
    assert desk.get("/v1/jobs").json()["data"] == []


def test_of_many_faults_the_first_are_told_and_all_are_counted(desk: Desk) -> None:
    told = problem(adapt(desk, "\n".join(example(label="bnd", number=number) for number in range(30))))

    # Thirty lines, and the label that no line has.
    assert (len(told["errors"]), told["total"]) == (20, 31)


def test_a_large_file_is_left_to_the_worker(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examples, "CHECKED_BYTES", 10)

    answer = adapt(desk, example(1, 12))

    assert (answer.status_code, answer.json()["warnings"]) == (202, [])


@pytest.mark.parametrize(
    ("fields", "code", "pointer", "detail"),
    [
        ({"name": None}, "invalid_request", "/name", "the field 'name' is missing; a job of the kind 'adapt' makes"),
        ({"name": "Music"}, "bad_tagger_name", "/name", "the name 'Music' cannot be a tagger's; use 1 to 64 of"),
        ({"name": "default"}, "bad_tagger_name", "/name", "the name 'default' is that of a tagger that ships"),
        ({"name": "a\0"}, "bad_tagger_name", "/name", "the name 'a\\x00' cannot be a tagger's"),
        (
            {"method": "magic"},
            "unknown_method",
            "/method",
            "there is no method 'magic'; known are extend, contrastive, retrieve, lora",
        ),
        (
            {"tagger": "jazz"},
            "unknown_tagger",
            "/tagger",
            "there is no tagger 'jazz'; known are compact, default, typer",
        ),
        ({"engine": "magic"}, "unknown_engine", "/engine", "there is no engine 'magic'; known are biencoder, llm"),
        (
            {"engine": "llm"},
            "engine_mismatch",
            "/engine",
            "the tagger 'default' is of the engine 'biencoder', not 'llm'",
        ),
        (
            {"method": "lora", "tagger": "default"},
            "method_mismatch",
            "/tagger",
            "the method 'lora' goes on from taggers of the engine 'llm', and 'default' is of 'biencoder'",
        ),
        ({"kind": "train"}, "invalid_request", "/kind", "the field 'kind' is 'train'"),
        ({"kind": "tag", "method": "extend"}, "invalid_request", "/method", "the field 'method' is of adaptations"),
    ],
)
def test_what_cannot_be_is_refused_before_there_is_a_job(
    desk: Desk, fields: dict[str, Any], code: str, pointer: str, detail: str
) -> None:
    answer = adapt(desk, **fields)

    told = problem(answer)
    assert (answer.status_code, told["code"], told["errors"][0]["pointer"]) == (422, code, pointer)
    assert told["detail"].startswith(detail)
    assert desk.get("/v1/jobs").json()["data"] == []


def test_examples_that_are_gone_or_damaged_are_told_of(desk: Desk) -> None:
    file = desk.upload(GOOD)
    [blob] = desk.blobs.root.iterdir()
    for action, status, code in (
        (lambda: blob.write_bytes(b"{"), 410, "damaged_blob"),
        (blob.unlink, 503, "unknown_blob"),
    ):
        action()
        answer = desk.post("/v1/jobs", json=asked(file, kind="adapt", name="music"))
        assert (answer.status_code, problem(answer)["code"]) == (status, code)


def test_how_far_it_is_can_be_read(desk: Desk) -> None:
    # Given an adaptation that is under way, and a job of another kind
    path = adapt(desk).headers["Location"]
    claim = claimed(desk)
    other = desk.submit()

    # When its worker tells how far it is
    for stage, share in (("judging", 0.5), ("learning", 0.25)):
        assert desk.ledger.progress(claim, stage, share)

    # Then the last that was told is read, of the job and in the list, and nothing of the other
    told = {"stage": "learning", "share": 0.25}
    assert desk.get(path).json()["progress"] == told
    assert {each["id"]: each["progress"] for each in desk.get("/v1/jobs").json()["data"]} == {
        claim.job_id: told,
        other: None,
    }


def test_its_result_names_the_tagger_and_its_receipt(desk: Desk) -> None:
    # Given an adaptation, asked for by a tenant
    other = desk.other_tenant()
    file = desk.ask("POST", "/v1/files", key=other, content=GOOD).json()["id"]
    job = desk.ask("POST", "/v1/jobs", key=other, json=asked(file, kind="adapt", name="music")).json()

    # When it is done
    made = NewTagger(name="music", receipt={"encoder": "mini"}, promote=True)
    assert desk.ledger.commit_tagger(claimed(desk), made) is not None

    # Then its one line names the tagger, however offsets are counted
    for query in ("", "?offsets=utf16", "?limit=5"):
        [line] = lines(desk.ask("GET", f"/v1/jobs/{job['id']}/results{query}", key=other))
        assert line == {"id": job["id"], "tagger": "music@1", "promoted": True, "receipt": {"encoder": "mini"}}

    # And the tagger is that tenant's alone
    assert desk.ask("GET", "/v1/taggers/music", key=other).json()["state"] == "promoted"
    assert desk.get("/v1/taggers/music").status_code == 404


def test_one_that_failed_tells_the_lines(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examples, "CHECKED_BYTES", 10)
    path = adapt(desk, example(1, 12)).headers["Location"]
    error = {"code": "invalid_examples", "message": "line 1: no", "problems": [{"line": 1}], "total": 1}
    assert desk.ledger.fail(claimed(desk), error)

    assert desk.get(path).json()["error"] == error
    [line] = lines(desk.get(f"{path}/errors"))
    assert line["error"]["code"] == "job_failed"
