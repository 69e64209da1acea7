"""From what went wrong to the answer that says so: problem details, RFC 9457.

Owns the one table of statuses. What an error tells of the inside (addresses, folders, causes) is not passed on.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.responses import Response

from api import complaints, errors
from api.schemas import Complaint, Problem
from corpora import errors as corpora_errors
from jobs import errors as jobs_errors

if TYPE_CHECKING:
    from collections.abc import Mapping

MEDIA_TYPE = "application/problem+json"

#: Every error that a request can meet, and the status that it becomes; a class stands for those below it.
STATUS: dict[type[Exception], int] = {
    errors.InvalidJson: 400,
    errors.Unauthorized: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.NoCorpus: 404,
    jobs_errors.UnknownJob: 404,
    jobs_errors.UnknownFile: 404,
    jobs_errors.UnknownTagger: 404,
    errors.MethodNotAllowed: 405,
    errors.UploadStalled: 408,
    jobs_errors.KeyInUse: 409,
    jobs_errors.JobFinished: 409,
    jobs_errors.JobUnfinished: 409,
    jobs_errors.NothingToRetry: 409,
    jobs_errors.NothingToRollBack: 409,
    jobs_errors.IllegalTransition: 409,
    corpora_errors.DamagedBlob: 410,
    errors.RequestTooLarge: 413,
    corpora_errors.CorpusTooLarge: 413,
    errors.UnsupportedMediaType: 415,
    errors.InvalidRequest: 422,
    corpora_errors.InvalidCorpus: 422,
    jobs_errors.KeyReused: 422,
    jobs_errors.UnknownEngine: 422,
    jobs_errors.EngineMismatch: 422,
    jobs_errors.KindMismatch: 422,
    jobs_errors.MethodMismatch: 422,
    jobs_errors.BadName: 422,
    jobs_errors.BadTaggerName: 422,
    errors.InternalError: 500,
    errors.LedgerNotMigrated: 503,
    errors.StorageUnavailable: 503,
    errors.TooManyUploads: 503,
    jobs_errors.LedgerUnavailable: 503,
    jobs_errors.BrokerUnavailable: 503,
    jobs_errors.DamagedTagger: 503,
    corpora_errors.UnknownBlob: 503,
    errors.StorageFull: 507,
}

#: What is said in place of a message that tells of the inside.
DETAIL: dict[type[Exception], str] = {
    jobs_errors.LedgerUnavailable: "the ledger does not answer; try again",
    jobs_errors.BrokerUnavailable: "the broker does not answer; try again",
    jobs_errors.DamagedTagger: "a tagger is damaged; the operator must repair it",
    corpora_errors.UnknownBlob: "the corpus cannot be found where corpora are stored; try again, or tell the operator",
    corpora_errors.DamagedBlob: "the stored corpus is damaged; upload it again",
}

#: Seconds to wait before the same request may succeed.
RETRY_AFTER: dict[type[Exception], int] = {
    jobs_errors.KeyInUse: 1,
    errors.TooManyUploads: 5,
    errors.LedgerNotMigrated: 10,
    errors.StorageUnavailable: 10,
    jobs_errors.LedgerUnavailable: 5,
    jobs_errors.BrokerUnavailable: 5,
    jobs_errors.DamagedTagger: 60,
    corpora_errors.UnknownBlob: 30,
}


def status_of(error: Exception) -> int:
    """The status that an error becomes."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def response(error: Exception, request_id: str | None) -> Response:
    """The answer to a request that met an error of the table."""
    problem = problem_of(error, request_id)
    # Halves of surrogate pairs, where a value was quoted, become escapes: an answer never fails to encode.
    body = json.dumps(problem.model_dump(mode="json"), ensure_ascii=False).encode("utf-8", "backslashreplace")
    return Response(body, problem.status, _headers(error), MEDIA_TYPE)


def problem_of(error: Exception, request_id: str | None) -> Problem:
    """The problem that an error of the table is."""
    status, code = status_of(error), str(getattr(error, "code", "internal_error"))
    found, total = _complaints(error)
    return Problem(
        type=f"urn:tagwerk:error:{code}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=DETAIL.get(type(error)) or str(error),
        code=code,
        errors=found,
        total=total,
        request_id=request_id,
    )


def _complaints(error: Exception) -> tuple[list[Complaint], int | None]:
    if isinstance(error, errors.InvalidRequest):
        return list(error.complaints), error.total
    if isinstance(error, corpora_errors.InvalidCorpus):
        return complaints.of_corpus(error.problems), error.total
    if isinstance(error, errors.InvalidJson) and error.line is not None:
        return [Complaint(code=error.code, detail=str(error), line=error.line)], 1
    if isinstance(error, jobs_errors.BadName):
        return [Complaint(code=error.code, detail=str(error), pointer="/name")], 1
    return [], None


def _headers(error: Exception) -> Mapping[str, str]:
    headers = {}
    if type(error) in RETRY_AFTER:
        headers["Retry-After"] = str(RETRY_AFTER[type(error)])
    if isinstance(error, errors.Unauthorized):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, errors.MethodNotAllowed):
        headers["Allow"] = ", ".join(error.allowed)
    if isinstance(error, errors.UploadStalled):
        headers["Connection"] = "close"
    return headers
