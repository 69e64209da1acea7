"""Problems: every error has a status, a code and words that are safe to tell; every status is met somewhere."""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from pydantic import model_validator
from starlette.requests import Request

from api import bodies, complaints, errors, problems
from api.documented import EXAMPLES
from api.schemas import Complaint
from api.schemas import Request as Shape
from corpora import errors as corpora_errors
from corpora.labels import parse_labels
from corpora.quoting import quoted
from jobs import errors as jobs_errors
from tests.api.desk import asked, problem

if TYPE_CHECKING:
    from tests.api.desk import Desk

#: Errors that no request can meet.
ELSEWHERE = {
    "missing_settings",  # the service does not start
    "bad_ledger_url",  # as above
    "bad_tenant",  # only a key is made with a tenant's name
    "unknown_key",  # keys are managed by command
    "invalid_labels",  # met as `UnusableLabels`
    "no_taggers_folder",  # only a worker needs it
    "unknown_method",  # met as `UnusableMethod`
}
#: An error of each class of the table; a class without an example here is one that the description shows.
MORE: list[Exception] = [
    errors.NotFound("/x"),
    errors.MethodNotAllowed("PUT", "/x", ["GET"]),
    errors.LedgerNotMigrated(),
    jobs_errors.IllegalTransition("queued", "completed"),
    jobs_errors.BadName("a\0", "holds a NUL character; remove it"),
    jobs_errors.UnknownEngine("magic"),
    jobs_errors.EngineMismatch("music@1", "llm", "biencoder"),
    jobs_errors.KindMismatch("music@1", "biencoder", finds=True),
    jobs_errors.MethodMismatch("music@1", "biencoder", "lora", "llm"),
    jobs_errors.BrokerUnavailable("redis://:secret@broker", OSError("away")),
    jobs_errors.LedgerUnavailable("postgresql://me:secret@db", OSError("away")),
    jobs_errors.DamagedTagger(Path("/secret/folder"), ValueError("x")),
    corpora_errors.UnknownBlob("secret" * 10),
    corpora_errors.DamagedBlob("secret", "secret"),
]
ALL = [*EXAMPLES.values(), *MORE]


def kinds(base: type[Exception]) -> set[type[Exception]]:
    return {each for kind in base.__subclasses__() for each in ({kind} | kinds(kind))}


@pytest.mark.parametrize("base", [errors.ApiError, jobs_errors.LedgerError, corpora_errors.CorpusError])
def test_every_error_that_a_request_can_meet_has_a_status(base: type[Exception]) -> None:
    for kind in kinds(base):
        code = getattr(kind, "code", None)
        if kind.__module__.split(".")[0] in ("api", "jobs", "corpora") and not kind.__name__.startswith("_"):
            assert code in ELSEWHERE or any(each in problems.STATUS for each in kind.__mro__), kind


def test_every_class_of_the_table_is_tried_here() -> None:
    tried = {kind for error in ALL for kind in type(error).__mro__}

    assert set(problems.STATUS) - tried == set()


@pytest.mark.parametrize("error", ALL, ids=lambda error: type(error).__name__)
def test_what_may_be_tried_again_says_when_and_nothing_tells_a_secret(error: Exception) -> None:
    answer = problems.response(error, "r1")
    told = json.loads(bytes(answer.body))

    assert told["status"] == answer.status_code == problems.status_of(error)
    assert told["code"] == getattr(error, "code", None)
    assert ("Retry-After" in answer.headers) == (answer.status_code == 503 or told["code"] == "idempotency_key_in_use")
    assert "secret" not in json.dumps(told)


@pytest.mark.parametrize("nasty", ["\ud83c", "a\x00b", "x" * 100_000, "\u2028\x1b[31m", '"\\'])
def test_values_that_are_quoted_never_break_the_answer(nasty: str) -> None:
    complaint = Complaint(code="x", detail=nasty, pointer=f"/{nasty}")

    for error in (
        errors.InvalidRequest([complaint]),
        errors.NotFound(nasty),
        jobs_errors.UnknownTagger(nasty, [nasty]),
    ):
        assert json.loads(bytes(problems.response(error, None).body))["status"] == problems.status_of(error)


@pytest.mark.parametrize(
    ("content", "code", "line"),
    [
        (b'{"file": "x",\n "labels" []}', "invalid_json", 2),
        (b"", "invalid_json", 1),
        (b"\n\n\xff", "invalid_json", 3),
        (b'{"hours": NaN}', "invalid_json", None),
        (b"[" * 100_000, "invalid_json", None),
        (b'{"hours": ' + b"9" * 5000 + b"}", "invalid_json", None),
    ],
)
def test_a_body_that_is_no_json_says_where(shared_desk: Desk, content: bytes, code: str, line: int | None) -> None:
    answer = shared_desk.post("/v1/jobs", content=content, headers={"Content-Type": "application/json"})

    told = problem(answer)
    assert (answer.status_code, told["code"]) == (400, code)
    assert [each["line"] for each in told["errors"]] == ([] if line is None else [line])


@pytest.mark.parametrize(
    "content",
    [
        b"[]",
        b"null",
        b'"\\ud83c"',
        b'{"\\ud83c": 1}',
        b'{"file": "x", "labels": [], "name": "\\udfff"}',
        b'{"file": "\\u0000", "labels": [[[[]]]]}',
        b'{"file": "x", "labels": ["\\ud83c"]}',
        b'{"file": "x", "labels": {"\\ud83c": "\\ud83c"}}',
        b'{"file": "x", "labels": [1e999], "hours": 1e999}',
        b'{"file": "x", "labels": {"a": {"b": ' + b"[" * 500 + b"]" * 500 + b"}}}",
    ],
)
def test_a_body_of_nonsense_is_refused_field_by_field(shared_desk: Desk, content: bytes) -> None:
    answer = shared_desk.post("/v1/jobs", content=content, headers={"Content-Type": "application/json"})

    assert answer.status_code == 422
    assert problem(answer)["total"] >= 1


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("text/plain", 415),
        ("application/jsonl", 415),
        ("x", 415),
        ("application/json; charset=utf-8", 404),
        ("application/vnd.x+json", 404),
    ],
)
def test_a_body_of_another_type_is_refused(shared_desk: Desk, kind: str, status: int) -> None:
    content = json.dumps(asked("file_x")).encode()

    assert shared_desk.post("/v1/jobs", content=content, headers={"Content-Type": kind}).status_code == status


@pytest.mark.parametrize("announced", [True, False])
def test_a_json_body_over_the_limit_is_refused(
    shared_desk: Desk, monkeypatch: pytest.MonkeyPatch, announced: bool
) -> None:
    monkeypatch.setattr(
        shared_desk.parts, "settings", shared_desk.parts.settings.model_copy(update={"max_request_bytes": 1000})
    )
    content: Any = b" " * 2000
    answer = shared_desk.post("/v1/jobs", content=content if announced else iter([content]))

    assert (answer.status_code, problem(answer)["code"]) == (413, "request_too_large")


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v1/", "/v1/jobs/", "/v2/jobs", "/docs", "/redoc", "/v1/jobs/a/b/c", "/%00"]
)
def test_a_path_that_is_not_there(shared_desk: Desk, path: str) -> None:
    answer = shared_desk.get(path)

    assert (answer.status_code, problem(answer)["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("DELETE", "/v1/jobs", "GET, POST"), ("PUT", "/v1/files", "GET, POST"), ("GET", "/v1/jobs/x/cancel", "POST")],
)
def test_a_method_that_a_path_does_not_take(shared_desk: Desk, method: str, path: str, allowed: str) -> None:
    answer = shared_desk.ask(method, path)

    assert (answer.status_code, problem(answer)["code"]) == (405, "method_not_allowed")
    assert answer.headers["Allow"] == allowed


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("aftr=1", "the parameter 'aftr' is unknown; did you mean 'after'?"),
        ("x=1", "the parameter 'x' is unknown; known are after, limit"),
        ("limit=1&limit=2", "the parameter 'limit' came more than once; give it once"),
    ],
)
def test_a_parameter_that_nobody_knows(shared_desk: Desk, query: str, detail: str) -> None:
    answer = shared_desk.get(f"/v1/jobs?{query}")

    assert (answer.status_code, problem(answer)["code"], problem(answer)["detail"]) == (
        422,
        "unknown_parameter",
        detail,
    )


def test_of_many_parameters_that_nobody_knows_a_few_are_told_and_none_is_compared(
    shared_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(difflib, "get_close_matches", lambda *_arguments, **_more: 1 / 0)

    told = problem(shared_desk.get("/v1/jobs?" + "&".join(f"aftr{number}=1" for number in range(100))))

    assert (len(told["errors"]), told["total"]) == (20, 100)
    assert told["errors"][0]["detail"] == "the parameter 'aftr0' is unknown; known are after, limit"


def test_of_many_findings_all_are_counted_and_a_few_put_into_words(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given thousands of findings, two of the first field
    body = {f"lables{number}": 0 for number in range(5000)}
    found = [{"type": "x", "loc": (name,), "input": 0, "msg": "Wrong"} for name in ("lables0", *body)]
    said: list[object] = []

    def heard(value: object) -> str:
        said.append(value)
        return quoted(value)

    monkeypatch.setattr(complaints, "quoted", heard)

    # When they are made complaints
    shown, total = complaints.of_body(found, body, ["labels"], 20)

    # Then all are counted, and those that are shown put into words alone
    assert (len(shown), total) == (20, 5000)
    assert shown[0].detail == "the field 'lables0' is 0: wrong or wrong"
    assert len(said) == 2 * (20 + 1)


def test_unknown_fields_that_are_not_shown_are_counted(shared_desk: Desk) -> None:
    told = problem(shared_desk.post("/v1/jobs", json={f"lables{number}": 0 for number in range(5000)}))

    assert (len(told["errors"]), told["total"]) == (20, 5001)
    assert [each["code"] for each in told["errors"]] == ["missing"] + ["unknown_field"] * 19


def test_the_validator_sees_no_more_unknown_fields_than_are_shown() -> None:
    class Seen(Shape):
        """A shape that tells how many fields it was given."""

        @model_validator(mode="before")
        @classmethod
        def _count(cls, value: dict[str, Any]) -> dict[str, Any]:
            assert len(value) == bodies.SHOWN
            return value

    with pytest.raises(errors.InvalidRequest) as refusal:
        bodies.validated(Seen, json.dumps(dict.fromkeys(map(str, range(1000)))).encode())

    assert {each.code for each in refusal.value.complaints} == {"unknown_field"}


@pytest.mark.parametrize("labels", [["x"] * 10_001, {str(number): "" for number in range(10_001)}], ids=["list", "map"])
def test_too_many_labels_are_refused_in_the_words_for_label_files(shared_desk: Desk, labels: Any) -> None:  # noqa: ANN401
    answer = problem(shared_desk.post("/v1/jobs", json=asked("file_x", labels=labels)))

    # Refused with the shape of the body, before any label is looked at.
    [told] = answer["errors"]
    assert answer["code"] == "invalid_request"
    assert (told["code"], told["pointer"]) == ("too_many_labels", "/labels")
    with pytest.raises(corpora_errors.InvalidLabels) as refusal:
        parse_labels(labels)
    assert refusal.value.problems[0].message == told["detail"]


@pytest.mark.parametrize(
    ("headers", "waits"),
    [
        ({"content-length": "100"}, False),
        ({"content-length": "100000"}, True),
        ({}, True),
        ({"content-length": "100", "transfer-encoding": "chunked"}, True),
    ],
)
def test_large_bodies_take_turns(headers: dict[str, str], waits: bool) -> None:
    request = Request({"type": "http", "headers": [(name.encode(), told.encode()) for name, told in headers.items()]})

    async def read() -> bool:
        turns = anyio.CapacityLimiter(1)
        turns.acquire_on_behalf_of_nowait("another")
        with anyio.move_on_after(0.05):
            async with bodies.turn(request, turns):
                return False
        return True

    assert anyio.run(read) is waits
