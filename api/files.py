"""Routes of files: corpora that are uploaded once and that jobs name."""

# ruff: noqa: TC001 -- FastAPI reads annotations at run time
from __future__ import annotations

from fastapi import APIRouter, Request, Response

from api import answers, documented
from api.authentication import Tenant
from api.parameters import AfterFile, FileId, FileName, Limit
from api.schemas import PAGE, File, FilePage

router = APIRouter(prefix="/v1/files", tags=["files"])


@router.post(
    "",
    status_code=201,
    operation_id="upload_file",
    summary="Upload a corpus",
    responses=documented.answers(
        "upload_stalled",
        "corpus_too_large",
        "invalid_corpus",
        "invalid_name",
        "too_many_uploads",
        "storage_unavailable",
        "storage_full",
        headers={201: ("Location",)},
    ),
    openapi_extra=documented.CORPUS_BODY,
)
async def upload_file(request: Request, response: Response, tenant: Tenant, name: FileName = None) -> File:
    """Send JSON Lines, plain or gzip, as the whole body; of any content type, not as a form.

    Every line is checked while the body streams in. A file with a bad line is refused as a whole: the problem names
    the first 20 lines, and counts all. Nothing is kept of a file that is refused or that did not come to its end.
    """
    stored = await request.app.state.uploads.receive(request, tenant, name)
    response.headers["Location"] = f"/v1/files/{stored.id}"
    return answers.file(stored)


@router.get("", operation_id="list_files", summary="List files", responses=documented.answers("invalid_request"))
def list_files(tenant: Tenant, limit: Limit = PAGE, after: AfterFile = None) -> FilePage:
    """Files of the key's tenant, newest first."""
    found = [answers.file(view) for view in tenant.files(limit + 1, after)]
    shown, more = answers.cut(found, limit)
    return FilePage(data=shown, has_more=more, after=shown[-1].id if shown else None)


@router.get(
    "/{id}", operation_id="read_file", summary="Read a file's entry", responses=documented.answers("unknown_file")
)
def read_file(tenant: Tenant, id: FileId) -> File:  # noqa: A002 -- the parameter's public name
    """Name, size and number of documents of one file."""
    return answers.file(tenant.file(id))
