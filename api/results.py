"""Routes of what came of a job: result lines, errors and the corpus itself, as JSON Lines."""

# ruff: noqa: TC001 -- FastAPI reads annotations at run time
from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from api import documented
from api.authentication import Service, Tenant
from api.errors import NoCorpus
from api.parameters import AfterLine, JobId, LineLimit
from api.streaming import blocks_of_file, line_page, line_stream
from api.wide import wide_lines
from jobs.results import error_lines, numbered_lines

router = APIRouter(prefix="/v1/jobs/{id}", tags=["results"])


class Offsets(StrEnum):
    """What offsets count."""

    CODE_POINTS = "code_points"
    UTF16 = "utf16"


@router.get(
    "/results",
    operation_id="read_results",
    summary="Read results",
    response_class=Response,
    responses=documented.lines("ResultLine"),
)
def read_results(
    request: Request,
    tenant: Tenant,
    parts: Service,
    id: JobId,  # noqa: A002 -- the parameter's public name
    limit: LineLimit = None,
    after: AfterLine = 0,
    offsets: Annotated[
        Offsets, Query(description="what offsets count: code points, or UTF-16 units as JavaScript and Java do")
    ] = Offsets.CODE_POINTS,
    format: Annotated[  # noqa: A002 -- as above
        Literal["jsonl"], Query(description="how results are written")
    ] = "jsonl",
) -> Response:
    """One line for every document, in the order of the corpus; of an unfinished job those that are there.

    A document that failed has a line too, with `error` in place of entities. Without `limit` the answer streams to
    the end; one that breaks off is cut short without a proper end, so that no client takes it for whole. With `limit`
    it has at most so many lines, and the header `Link: <...>; rel="next"` where more follow.
    """
    lines = numbered_lines(tenant, parts.blobs, id, after)
    if offsets is Offsets.UTF16:
        lines = wide_lines(lines, parts.blobs, tenant.job(id).blob)
    return line_stream(lines) if limit is None else line_page(request, lines, limit)


@router.get(
    "/errors",
    operation_id="read_errors",
    summary="Read errors",
    response_class=Response,
    responses=documented.lines("ErrorLine"),
)
def read_errors(
    request: Request,
    tenant: Tenant,
    parts: Service,
    id: JobId,  # noqa: A002 -- as above
    limit: LineLimit = None,
    after: AfterLine = 0,
) -> Response:
    """One line for every document that failed, with its line in the corpus; paged as results are."""
    lines = error_lines(tenant, parts.blobs, id, after)
    return line_stream(lines) if limit is None else line_page(request, lines, limit)


@router.get(
    "/documents",
    operation_id="read_documents",
    summary="Read the corpus",
    response_class=Response,
    responses=documented.lines("DocumentLine", "no_corpus", link=False),
)
def read_documents(tenant: Tenant, parts: Service, id: JobId) -> Response:  # noqa: A002 -- as above
    """The job's corpus as it is stored: expanded, line for line as it was uploaded, blank lines included."""
    blob = tenant.job(id).blob
    if blob is None:
        raise NoCorpus(id)
    return blocks_of_file(parts.blobs, blob)
