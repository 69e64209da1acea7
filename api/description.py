"""The OpenAPI text: what the framework gathers from the routes, and what it cannot know.

Owns the introduction, the shapes that are read by hand rather than by the framework, and headers of every answer.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from api.documented import HEADERS
from api.schemas import DocumentLine, ErrorLine, JobRequest, Problem, ResultLine

if TYPE_CHECKING:
    from fastapi import FastAPI

TITLE = "Tagwerk"
TAGS = [
    {"name": "files", "description": "Corpora, uploaded once; any number of jobs may name one."},
    {"name": "jobs", "description": "What is to be done, and how far it is."},
    {"name": "results", "description": "What came of it, as JSON Lines in the order of the corpus."},
    {"name": "taggers", "description": "What jobs may name."},
    {"name": "operation", "description": "For those who run the service."},
]
INTRODUCTION = """\
Tags bulk corpora with entity types that are described in plain words. Upload a corpus, submit a job over it, read the
job until its state is one of `completed`, `failed`, `expired` and `cancelled`, then read the results.

**Keys.** Every request but those of health carries `Authorization: Bearer tw_...`. A key belongs to a tenant and opens
that tenant's files and jobs; what belongs to another does not exist, and is answered with 404.

**Pages.** Lists come in pages: `limit` is the most entries of one, and `after` of one page is given as `after` for the
next while `has_more` is true. Result lines are paged by the `next` link.

**Errors.** Each is a problem (RFC 9457, `application/problem+json`) with a `code` that stays, a `detail` for people
that quotes the value and says what to do, and in `errors` each complaint with its line or JSON pointer. Answers with
`Retry-After` may be tried again after so many seconds. Parameters and fields that are unknown are refused.

**Ids.** Every answer has `X-Request-ID`, which the log names too; send your own to have it taken over.
"""

_BY_HAND = [
    (Problem, "serialization"),
    (JobRequest, "validation"),
    (ResultLine, "serialization"),
    (ErrorLine, "serialization"),
    (DocumentLine, "serialization"),
]


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI description of an application, as data."""
    text = get_openapi(title=TITLE, version=version("tagwerk"), description=INTRODUCTION, routes=app.routes, tags=TAGS)
    schemas: dict[str, Any] = text["components"]["schemas"]
    _, by_hand = models_json_schema(_BY_HAND, ref_template="#/components/schemas/{model}")  # type: ignore[arg-type]
    schemas.update(by_hand["$defs"])
    text["components"]["headers"] = {"X-Request-ID": HEADERS["X-Request-ID"]}
    for path in text["paths"].values():
        for operation in path.values():
            for answer in operation["responses"].values():
                headers = answer.setdefault("headers", {})
                headers["X-Request-ID"] = {"$ref": "#/components/headers/X-Request-ID"}
    return text
