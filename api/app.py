"""The application: routes, the layers around them, and what becomes of errors.

Owns how they are put together. `from_environment` is what a web server is given.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from anyio import CapacityLimiter
from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Match

from api import files, health, jobs, problems, results, taggers
from api.authentication import authenticated
from api.bodies import AT_ONCE, SHOWN
from api.complaints import of_parameters
from api.description import describe
from api.errors import InvalidRequest, MethodNotAllowed, NotFound
from api.figures import Figures
from api.parameters import known_parameters
from api.parts import Parts
from api.readiness import Probe
from api.requests_log import CUT_OFF, RequestsLog
from api.uploads import Uploads, storage_error

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import Lifespan

#: Routes that need a key; those of `api.health` say each for itself.
KEYED = (files.router, jobs.router, results.router, taggers.router)
#: The key first: nobody without one learns which parameters there are.
_FIRST = [Depends(authenticated), Depends(known_parameters)]


def from_environment() -> FastAPI:
    """The application on what the environment names. Raises `MissingSettings`; connects to nothing yet."""
    return create_app(Parts.from_environment())


def create_app(parts: Parts) -> FastAPI:
    """The application on these parts, which it closes when it ends."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await run_in_threadpool(parts.close)

    app, figures = routed(lifespan), Figures()
    app.state.parts, app.state.figures, app.state.uploads = parts, figures, Uploads(parts, figures)
    app.state.bodies, app.state.probe = CapacityLimiter(AT_ONCE), Probe(parts)
    app.add_middleware(RequestsLog, figures=figures)
    _handle_errors(app)
    return app


def routed(lifespan: Lifespan[FastAPI] | None = None) -> FastAPI:
    """All routes and nothing that they stand on; enough to describe them."""
    # No pages that load scripts from elsewhere; the description is a route of ours, behind a key.
    app = _App(openapi_url=None, redirect_slashes=False, lifespan=lifespan)
    for router in KEYED:
        app.include_router(router, dependencies=_FIRST)
    app.include_router(health.router)
    return app


class _App(FastAPI):
    """An application whose description is ours; made once."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            self.openapi_schema = describe(self)
        return self.openapi_schema


def _handle_errors(app: FastAPI) -> None:
    for kind in problems.STATUS:
        app.add_exception_handler(kind, _problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(OSError, _storage)
    app.add_exception_handler(ClientDisconnect, _gone)


async def _problem(request: Request, error: Exception) -> Response:
    return problems.response(error, request.state.request_id)


async def _invalid(request: Request, error: Exception) -> Response:
    found = error.errors() if isinstance(error, RequestValidationError) else []
    return await _problem(request, InvalidRequest(of_parameters(found[:SHOWN]), len(found)))


async def _http(request: Request, error: Exception) -> Response:
    """What the router refuses: a path that is not there, or one that does not take the method."""
    methods = _methods(request)
    if methods:
        return await _problem(request, MethodNotAllowed(request.method, request.url.path, methods))
    return await _problem(request, NotFound(request.url.path))


async def _storage(request: Request, error: Exception) -> Response:
    return await _problem(request, storage_error(error))


async def _gone(_request: Request, _error: Exception) -> Response:
    # Nobody reads it; the log and the figures do.
    return Response(status_code=CUT_OFF)


def _methods(request: Request) -> list[str]:
    """What the path of a request takes, over all routes: the router knows of the first alone."""
    found: set[str] = set()
    for route in iter_route_contexts(request.app.routes):
        if route.original_route.matches(request.scope)[0] is not Match.NONE:
            found |= route.methods or set()
    return sorted(found)
