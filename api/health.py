"""Routes for those who run the service: whether it lives, whether it can serve, its figures, its description."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
from anyio import to_thread
from fastapi import APIRouter, Depends, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.concurrency import run_in_threadpool

from api import documented
from api.authentication import Service, authenticated, metrics_reader
from api.parameters import known_parameters
from api.schemas import Health, Readiness
from jobs.errors import LedgerUnavailable

if TYPE_CHECKING:
    from api.parts import Parts

#: Seconds that the broker has to say that it is there.
BROKER_SECONDS = 0.5

router = APIRouter(tags=["operation"])


@router.get(
    "/healthz",
    operation_id="read_health",
    summary="Is the process alive?",
    dependencies=[Depends(known_parameters)],
    responses=documented.without_key(),
)
async def read_health() -> Health:
    """Answers as long as the process does, whatever it stands on. Needs no key."""
    return Health()


@router.get(
    "/readyz",
    operation_id="read_readiness",
    summary="Can requests be served?",
    dependencies=[Depends(known_parameters)],
    responses={**documented.without_key(), 503: {"model": Readiness, "description": "Requests cannot be served."}},
)
async def read_readiness(parts: Service, response: Response) -> Readiness:
    """Ledger, blobs and broker, each asked now. Needs no key.

    The broker may be away: jobs are accepted all the same and wait for it.
    """
    ledger, blobs = await run_in_threadpool(_ledger, parts), await run_in_threadpool(_blobs, parts)
    ready = ledger == blobs == "ok"
    response.status_code = 200 if ready else 503
    return Readiness(ready=ready, ledger=ledger, blobs=blobs, broker=await _broker(parts))


@router.get(
    "/metrics",
    operation_id="read_metrics",
    summary="Read figures",
    response_class=Response,
    dependencies=[Depends(metrics_reader), Depends(known_parameters)],
    responses=documented.figures(CONTENT_TYPE_LATEST),
)
def read_metrics(request: Request) -> Response:
    """Counters of this process in Prometheus's text format. Needs a key of scope `metrics`."""
    return Response(request.app.state.figures.text(), media_type=CONTENT_TYPE_LATEST)


@router.get(
    "/openapi.json",
    operation_id="read_description",
    summary="Read this description",
    dependencies=[Depends(authenticated), Depends(known_parameters)],
    responses=documented.answers(),
)
async def read_description(request: Request) -> dict[str, Any]:
    """The OpenAPI description of the service. Any key opens it."""
    description: dict[str, Any] = request.app.openapi()
    return description


def _ledger(parts: Parts) -> str:
    try:
        parts.ledger.now()
        return "ok" if parts.is_migrated() else "not_migrated"
    except LedgerUnavailable:
        return "unavailable"


async def _broker(parts: Parts) -> str:
    # Its client tries again and again, and whoever asks for readiness does not wait for that.
    with anyio.move_on_after(BROKER_SECONDS):
        if await to_thread.run_sync(parts.bell.answers, abandon_on_cancel=True):
            return "ok"
    return "unavailable"


def _blobs(parts: Parts) -> str:
    try:
        with parts.blobs.writer() as writer:
            writer.write(b"\n")
    except OSError as error:
        return error.strerror or type(error).__name__
    return "ok"
