"""Routes for those who run the service: whether it lives, whether it can serve, its figures, its description."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from api import documented
from api.authentication import authenticated, metrics_reader
from api.parameters import known_parameters
from api.schemas import Health, Readiness

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
async def read_readiness(request: Request, response: Response) -> Readiness:
    """Ledger, blobs and broker, as they were at most two seconds ago. Needs no key.

    The broker may be away: jobs are accepted all the same and wait for it.
    """
    found: Readiness = await request.app.state.probe.look()
    response.status_code = 200 if found.ready else 503
    return found


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
