"""Around every request: its id, its line in the log, its figures, and the answer to what nobody foresaw.

Owns the outermost layer. Neither tokens nor query strings nor bodies are logged.
"""

from __future__ import annotations

import re
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders

from api import problems
from api.errors import InternalError
from corpora.quoting import quoted

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from api.figures import Figures

_log = structlog.get_logger("tagwerk.api")

HEADER = "X-Request-ID"
#: Ids from outside that are taken over: short and harmless in a log.
_ACCEPTABLE = re.compile(r"[A-Za-z0-9._:-]{1,64}", re.ASCII)
#: Status of an answer that was cut off: nobody was there to read it, or what was promised could not be sent.
CUT_OFF = 499
UNKNOWN = "unknown"
#: Methods that figures tell apart; whatever else a stranger sends is one.
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})


class _Answer:
    """What is known of the answer while it is sent."""

    def __init__(self, send: Send, request_id: str) -> None:
        self.status: int | None = None
        self.complete = False
        self.bytes = 0
        self._send, self._request_id = send, request_id

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            MutableHeaders(scope=message)[HEADER] = self._request_id
        elif message["type"] == "http.response.body":
            self.bytes += len(message.get("body", b""))
            self.complete = not message.get("more_body", False)
        await self._send(message)


class RequestsLog:
    """The layer itself, around an application."""

    def __init__(self, app: ASGIApp, figures: Figures) -> None:
        self._app, self._figures = app, figures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; other kinds of connection are passed through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(HEADER, "")
        request_id = given if _ACCEPTABLE.fullmatch(given) else uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        answer, started = _Answer(send, request_id), time.perf_counter()
        try:
            await self._app(scope, receive, answer.send)
        except Exception:  # noqa: BLE001 -- whatever it is, the sender gets an answer and the log the cause
            _log.exception("request_failed", request_id=request_id, route=_route(scope))
            if answer.status is None:
                await problems.response(InternalError(), request_id)(scope, receive, answer.send)
        finally:
            self._note(scope, answer, time.perf_counter() - started, request_id)

    def _note(self, scope: Scope, answer: _Answer, seconds: float, request_id: str) -> None:
        status = answer.status if answer.status is not None and answer.complete else CUT_OFF
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        self._figures.answered(method, _route(scope), status, seconds)
        told: dict[str, Any] = {"request_id": request_id, "ms": round(seconds * 1000, 1), "bytes": answer.bytes}
        with suppress(KeyError):
            told |= {"tenant": scope["state"]["key"].tenant, "key": scope["state"]["key"].id}
        _log.info("request", method=method, path=quoted(scope["path"]), route=_route(scope), status=status, **told)


def _route(scope: Scope) -> str:
    path: str = getattr(scope.get("route"), "path_format", UNKNOWN)
    return path
