"""What the OpenAPI text says of answers and bodies that the framework cannot see for itself.

Owns the words and examples: problems by code, headers, JSON Lines, raw bodies. Examples of problems are made from
the errors themselves, so they say what the service says.
"""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path
from typing import Any

from api import errors
from api.problems import MEDIA_TYPE, RETRY_AFTER, problem_of
from api.schemas import NAME_MAX, Complaint
from api.streaming import MEDIA_TYPE as JSON_LINES
from corpora import errors as corpora_errors
from jobs import errors as jobs_errors

JOB = "job_06g7q4d2c8a1v5k9m3s0"
FILE = "file_06g7q4d2c8a1v5k9m3s0"
_REQUEST = "0f8b2c4e6a1d4c7f9b3e5a7c1d2f4b6a"
_BAD_LINE = corpora_errors.Problem.at(
    3, "missing_text", 'no "text" among the keys \'id\'; an empty text is written as ""'
)
_BAD_LABEL = Complaint(code="blank_name", detail="the name of label 1 is ' '; give it a name", pointer="/labels/0/name")
_BAD_FIELD = Complaint(
    code="unknown_field", detail="the field 'lables' is unknown; did you mean 'labels'?", pointer="/lables"
)
_BAD_PARAMETER = Complaint(
    code="invalid_value", detail="the parameter 'limit' is '0': input should be greater than or equal to 1"
)
_BAD_NAME = Complaint(
    code="invalid_value", detail=f"the parameter 'name' is 'reviews…: string should have at most {NAME_MAX} characters"
)
_BAD_TAGGER = Complaint(
    code="unknown_tagger", detail="there is no tagger 'music'; known are compact, default, typer", pointer="/tagger"
)
_BAD_TAGGER_NAME = Complaint(
    code="bad_tagger_name",
    detail="the name 'Music' cannot be a tagger's; use 1 to 64 of a-z, 0-9, _ and -, a letter or digit first",
    pointer="/name",
)
_BAD_METHOD = Complaint(
    code="unknown_method",
    detail="there is no method 'magic'; known are extend, contrastive, retrieve, lora, finetype",
    pointer="/method",
)
_MISMATCHED_ENGINE = Complaint(
    code="engine_mismatch",
    detail="the tagger 'music@3' is of the engine 'llm', not 'biencoder'; leave one of the two out",
    pointer="/engine",
)
_MISMATCHED_KIND = Complaint(
    code="kind_mismatch",
    detail="the tagger 'music@3' is of the engine 'biencoder': it finds entities and gives no types; name one of the "
    "engine 'typer'",
    pointer="/tagger",
)
_BAD_TYPE = Complaint(
    code="unknown_parent",
    detail="type 2: the parent of '/person/singer', '/person', is not listed; add it",
    pointer="/types/1",
)
_MISMATCHED_METHOD = Complaint(
    code="method_mismatch",
    detail="the method 'lora' goes on from taggers of the engine 'llm', and 'music@3' is of 'biencoder'; "
    "name another tagger, or none",
    pointer="/tagger",
)
_BAD_EXAMPLE = Complaint(
    code="misaligned_span",
    detail="line 3: entity 1 [0, 3) 'Cop' cuts the word 'Copper'; entities are whole words",
    line=3,
    pointer="/file",
)
_UNKNOWN = Complaint(code="unknown_parameter", detail="the parameter 'aftr' is unknown; did you mean 'after'?")

_ERRORS: tuple[Exception, ...] = (
    errors.InvalidJson("line 1: not JSON at column 12 (Expecting ',' delimiter), found '\"labels\"'", 1),
    errors.Unauthorized("the key is unknown or revoked"),
    errors.Forbidden("metrics"),
    errors.NoCorpus(JOB),
    jobs_errors.UnknownJob(JOB),
    jobs_errors.UnknownFile(FILE),
    jobs_errors.UnknownTagger("music", ["default"]),
    errors.UploadStalled(60),
    jobs_errors.KeyInUse("order-17"),
    jobs_errors.JobFinished(JOB, "completed"),
    jobs_errors.JobUnfinished(JOB, "running"),
    jobs_errors.NothingToRetry(JOB),
    jobs_errors.NothingToRollBack("music"),
    corpora_errors.DamagedBlob("", ""),
    errors.RequestTooLarge(8 * 2**20),
    corpora_errors.CorpusTooLarge(20 * 2**30),
    errors.UnsupportedMediaType("text/plain"),
    errors.UnknownParameter([_UNKNOWN]),
    corpora_errors.InvalidCorpus([_BAD_LINE]),
    errors.UnusableLabels([_BAD_LABEL]),
    errors.UnusableTypes([_BAD_TYPE]),
    errors.UnusableMethod([_BAD_METHOD]),
    errors.MismatchedEngine([_MISMATCHED_ENGINE]),
    errors.MismatchedKind([_MISMATCHED_KIND]),
    errors.MismatchedMethod([_MISMATCHED_METHOD]),
    errors.UnusableExamples([_BAD_EXAMPLE]),
    jobs_errors.BadTaggerName("music", "says no version; write one, as in music@3"),
    jobs_errors.KeyReused("order-17"),
    errors.InternalError(),
    jobs_errors.DamagedTagger(Path("tagger.json"), ValueError()),
    jobs_errors.LedgerUnavailable("", Exception()),
    errors.TooManyUploads(16),
    corpora_errors.UnknownBlob(""),
    errors.StorageUnavailable(),
    errors.StorageFull(),
)
#: An example of each problem, by its code.
EXAMPLES: dict[str, Exception] = {getattr(error, "code", ""): error for error in _ERRORS} | {
    # The same code with other examples.
    "unknown_tagger_named": errors.UnusableTagger([_BAD_TAGGER]),
    "bad_tagger_name_given": errors.UnusableTaggerName([_BAD_TAGGER_NAME]),
    "tagger_versioned": jobs_errors.BadTaggerName("music@3", "says a version; write music alone"),
    "invalid_request": errors.InvalidRequest([_BAD_PARAMETER]),
    "invalid_name": errors.InvalidRequest([_BAD_NAME]),
    "invalid_body": errors.InvalidRequest([_BAD_FIELD]),
}
#: What every route but those of health may answer.
ANYWHERE = ("unauthorized", "forbidden", "unknown_parameter", "internal_error", "ledger_unavailable")

HEADERS: dict[str, dict[str, Any]] = {
    "Location": {"description": "path of what was made", "schema": {"type": "string"}},
    "Retry-After": {"description": "seconds to wait before the next try", "schema": {"type": "integer"}},
    "WWW-Authenticate": {"description": "`Bearer`", "schema": {"type": "string"}},
    "Idempotency-Replayed": {
        "description": "`true` where an earlier request with the same key made the job; else absent",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "Link": {
        "description": '`<...>; rel="next"` where more lines follow; absent on the last page',
        "schema": {"type": "string"},
    },
    "X-Request-ID": {
        "description": "the request's id, as in the log; one that the request brings is taken over",
        "schema": {"type": "string"},
    },
}

_LABELS = [{"name": "band", "description": "a music group that performs together"}]
_TYPES = ["/person", "/person/singer", {"name": "/organization", "words": "group of people"}]
CORPUS_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": 'JSON Lines, one `{"id", "text", "meta"?, "entities"?}` a line, plain or gzip',
        "content": {
            JSON_LINES: {
                "schema": {"type": "string"},
                "example": '{"id": "d1", "text": "Blur played in Colchester."}\n',
            },
            "application/gzip": {"schema": {"type": "string", "contentMediaType": JSON_LINES}},
        },
    }
}
JOB_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"$ref": "#/components/schemas/JobRequest"},
                "examples": {
                    "tag": {"value": {"file": FILE, "labels": _LABELS, "name": "reviews of May"}},
                    "type": {"value": {"kind": "type", "file": FILE, "types": _TYPES, "name": "mentions of May"}},
                    "adapt": {"value": {"kind": "adapt", "file": FILE, "labels": _LABELS, "name": "music"}},
                },
            }
        },
    }
}


def answers(*codes: str, headers: dict[int, tuple[str, ...]] | None = None) -> dict[int | str, dict[str, Any]]:
    """The problems that a route may answer with, by their codes, and the headers of its other answers."""
    documented: dict[int | str, dict[str, Any]] = {}
    for code in (*codes, *ANYWHERE):
        problem = problem_of(EXAMPLES[code], _REQUEST)
        entry = documented.setdefault(problem.status, _problem_entry(problem.status))
        entry["content"][MEDIA_TYPE]["examples"][problem.code] = {
            "value": problem.model_dump(mode="json", exclude_none=True)
        }
        if type(EXAMPLES[code]) in RETRY_AFTER:
            entry.setdefault("headers", {})["Retry-After"] = HEADERS["Retry-After"]
        if problem.status == HTTPStatus.UNAUTHORIZED:
            entry["headers"] = {"WWW-Authenticate": HEADERS["WWW-Authenticate"]}
    told = headers or {}
    return {**{status: {"headers": {name: HEADERS[name] for name in told[status]}} for status in told}, **documented}


def lines(shape: str, *codes: str, link: bool = True) -> dict[int | str, dict[str, Any]]:
    """The same for a route of JSON Lines; `shape` names the schema of a line among the components."""
    documented = answers(
        "unknown_job",
        "damaged_blob",
        *(("invalid_request",) if link else ()),
        *codes,
        headers={200: ("Link",) if link else ()},
    )
    content = {JSON_LINES: {"schema": {"type": "string"}, "itemSchema": {"$ref": f"#/components/schemas/{shape}"}}}
    documented[200] |= {"description": "JSON Lines", "content": content}
    return documented


def without_key() -> dict[int | str, dict[str, Any]]:
    """The same for a route that anybody may ask."""
    open_to_all = answers()
    return {status: open_to_all[status] for status in (422, 500)}


def figures(media_type: str) -> dict[int | str, dict[str, Any]]:
    """The same for the figures."""
    return {200: {"content": {media_type: {"schema": {"type": "string"}}}}, **answers()}


def _problem_entry(status: int) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: {"schema": schema, "examples": {}}}}
