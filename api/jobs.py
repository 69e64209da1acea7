"""Routes of jobs: submitting, listing, stopping and repeating them, and what is told of their way."""

# ruff: noqa: TC001 -- FastAPI reads annotations at run time
from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from api import answers, documented
from api.authentication import Service, Tenant
from api.bodies import read_json, turn, validated
from api.parameters import AfterEntry, AfterEscalation, AfterJob, IdempotencyKey, JobId, Limit
from api.schemas import PAGE, EscalationPage, EventPage, Job, JobPage, JobRequest
from api.submissions import submit
from jobs.states import EscalationState
from jobs.submitting import retry

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])


async def _asked(request: Request, _tenant: Tenant, parts: Service) -> JobRequest:
    # The tenant first: nobody without a key makes the service read a body.
    async with turn(request, request.app.state.bodies):
        body = await read_json(request, parts.settings.max_request_bytes, parts.settings.upload_stall_seconds)
        return await run_in_threadpool(validated, JobRequest, body)


@router.post(
    "",
    status_code=202,
    operation_id="submit_job",
    summary="Submit a job",
    responses=documented.answers(
        "invalid_json",
        "unknown_file",
        "upload_stalled",
        "idempotency_key_in_use",
        "request_too_large",
        "unsupported_media_type",
        "invalid_body",
        "invalid_labels",
        "invalid_types",
        "unknown_tagger_named",
        "engine_mismatch",
        "kind_mismatch",
        "unknown_method",
        "method_mismatch",
        "bad_tagger_name_given",
        "invalid_examples",
        "idempotency_key_reused",
        "damaged_tagger",
        "unknown_blob",
        "damaged_blob",
        headers={202: ("Location", "Idempotency-Replayed")},
    ),
    openapi_extra=documented.JOB_BODY,
)
def submit_job(
    request: Request,
    response: Response,
    tenant: Tenant,
    parts: Service,
    asked: Annotated[JobRequest, Depends(_asked)],
    idempotency_key: IdempotencyKey = None,
) -> Job:
    """Queue a job over an uploaded file and answer at once; work begins when a worker is free.

    With an `Idempotency-Key` the request can be sent again, after a lost answer say, without making a second job: the
    answer is then the first one, with `Idempotency-Replayed: true`. Keys are remembered for at least 24 hours. The
    broker may be away: the job is accepted all the same and runs when the broker is back.

    A job of the kind `type` gives fine types to the mentions that its documents carry; one that tags may have `types`,
    too, which what it finds is then given. A job of the kind `adapt` makes a tagger of the key's tenant from examples.
    They are checked first, all of them; of a file of more than a mebibyte the worker does that, and the job fails with
    `invalid_examples` as its error.
    """
    submission, warnings = submit(parts, tenant, asked, idempotency_key)
    request.app.state.figures.submitted(replayed=submission.replayed)
    response.headers["Location"] = f"/v1/jobs/{submission.job.id}"
    if submission.replayed:
        response.headers["Idempotency-Replayed"] = "true"
    return answers.job(submission.job, warnings)


@router.get("", operation_id="list_jobs", summary="List jobs", responses=documented.answers("invalid_request"))
def list_jobs(tenant: Tenant, limit: Limit = PAGE, after: AfterJob = None) -> JobPage:
    """Jobs of the key's tenant, newest first, without their labels and options."""
    found = [answers.job_summary(view) for view in tenant.jobs(limit + 1, after)]
    shown, more = answers.cut(found, limit)
    return JobPage(data=shown, has_more=more, after=shown[-1].id if shown else None)


@router.get("/{id}", operation_id="read_job", summary="Read a job", responses=documented.answers("unknown_job"))
def read_job(tenant: Tenant, id: JobId) -> Job:  # noqa: A002 -- the parameter's public name
    """State and counts of one job, read at one moment."""
    return answers.job(tenant.job(id))


@router.post(
    "/{id}/cancel",
    status_code=202,
    operation_id="cancel_job",
    summary="Cancel a job",
    responses=documented.answers("unknown_job", "job_finished"),
)
def cancel_job(tenant: Tenant, id: JobId) -> Job:  # noqa: A002 -- as above
    """Stop a job. Documents that are done stay done; those that no worker has begun fail as `job_cancelled`."""
    tenant.cancel(id)
    return answers.job(tenant.job(id))


@router.post(
    "/{id}/retry",
    status_code=202,
    operation_id="retry_job",
    summary="Retry what failed",
    responses=documented.answers(
        "unknown_job",
        "job_unfinished",
        "nothing_to_retry",
        "damaged_blob",
        "storage_unavailable",
        "storage_full",
        headers={202: ("Location",)},
    ),
)
def retry_job(response: Response, tenant: Tenant, parts: Service, id: JobId) -> Job:  # noqa: A002 -- as above
    """Make a child job of exactly the documents of a finished job that failed, with as much time as it had."""
    # Without the bell, which rings behind the answer as a submission's does.
    child = tenant.job(retry(parts.ledger, parts.blobs, None, id, limits=parts.limits, tenant=tenant.tenant))
    if child.queue:
        parts.ringer.ring(child.queue)
    response.headers["Location"] = f"/v1/jobs/{child.id}"
    return answers.job(child)


@router.get(
    "/{id}/events",
    operation_id="list_events",
    summary="List a job's moves",
    responses=documented.answers("unknown_job", "invalid_request"),
)
def list_events(tenant: Tenant, id: JobId, limit: Limit = PAGE, after: AfterEntry = 0) -> EventPage:  # noqa: A002
    """Moves of a job from state to state, oldest first."""
    found = [answers.event(stored) for stored in tenant.events(id, after, limit + 1)]
    shown, more = answers.cut(found, limit)
    return EventPage(data=shown, has_more=more, after=shown[-1].id if shown else None)


@router.get(
    "/{id}/escalations",
    operation_id="list_escalations",
    summary="List escalated documents",
    responses=documented.answers("unknown_job", "invalid_request"),
)
def list_escalations(
    tenant: Tenant,
    id: JobId,  # noqa: A002 -- as above
    state: Annotated[EscalationState | None, Query(description="only those in this state")] = None,
    limit: Limit = PAGE,
    after: AfterEscalation = None,
) -> EscalationPage:
    """Documents of a job that were handed to people, worst first."""
    stored = tenant.escalations(id, state=state, limit=limit + 1, after=after)
    shown, more = answers.cut([answers.escalation(each) for each in stored], limit)
    return EscalationPage(data=shown, has_more=more, after=shown[-1].id if shown else None)
