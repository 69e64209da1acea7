"""Bodies of requests: how they come in, and JSON ones as values of one shape.

Owns no field. The framework would read a body before it asks who sends it, and forget where broken JSON breaks.
"""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from email.message import Message
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import anyio
from pydantic import ValidationError

from api.complaints import of_body
from api.errors import InvalidJson, InvalidRequest, RequestTooLarge, UnsupportedMediaType, UploadStalled
from api.schemas import Request as Shape
from corpora.quoting import quoted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from anyio import CapacityLimiter
    from starlette.requests import Request

#: Complaints that a problem shows.
SHOWN = 20
#: Bytes of a body that need no turn, and bodies of more that are read at the same time.
SMALL, AT_ONCE = 64 * 1024, 8
#: More digits than any length has.
MAX_DIGITS = 20

AnyShape = TypeVar("AnyShape", bound=Shape)


def announced(request: Request) -> int:
    """How many bytes a request says that its body has; 0 where it does not say."""
    told = request.headers.get("content-length", "")
    return int(told) if told.isascii() and told.isdigit() and len(told) < MAX_DIGITS else 0


async def pieces(request: Request, stall_seconds: float) -> AsyncIterator[bytes]:
    """The body as it comes. Raises `UploadStalled` after so many silent seconds, `ClientDisconnect`."""
    stream = request.stream()
    while True:
        try:
            with anyio.fail_after(stall_seconds):
                piece = await anext(stream)
        except TimeoutError:
            raise UploadStalled(stall_seconds) from None
        except StopAsyncIteration:
            return
        yield piece


@asynccontextmanager
async def turn(request: Request, turns: CapacityLimiter) -> AsyncIterator[None]:
    """Wait until this body may be read and looked at; one that says it is small need not wait for large ones."""
    if 0 < announced(request) <= SMALL and "transfer-encoding" not in request.headers:
        yield
        return
    async with turns:
        yield


async def read_json(request: Request, limit: int, stall_seconds: float) -> bytes:
    """The body of a request that says it is JSON. Raises `UnsupportedMediaType`, `RequestTooLarge`, as `pieces`."""
    _check_type(request)
    if announced(request) > limit:
        raise RequestTooLarge(limit)
    body = bytearray()
    async for piece in pieces(request, stall_seconds):
        body += piece
        if len(body) > limit:
            raise RequestTooLarge(limit)
    return bytes(body)


def validated(shape: type[AnyShape], body: bytes) -> AnyShape:
    """The body as a value of this shape. Raises `InvalidJson` or `InvalidRequest`."""
    value, left = _trimmed(_parsed(body), shape)
    try:
        return shape.model_validate(value)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False)
        complaints, total = of_body(found, value, list(shape.model_fields), SHOWN)
        raise InvalidRequest(complaints, total + left) from None


def _trimmed(value: Any, shape: type[Shape]) -> tuple[Any, int]:  # noqa: ANN401 -- any JSON value
    """The value with no more unknown fields than are shown, and how many were left out.

    The validator makes a record of each, many times its size.
    """
    if not isinstance(value, dict):
        return value, 0
    unknown = [name for name in value if name not in shape.model_fields]
    kept = {*shape.model_fields, *unknown[:SHOWN]}
    left = max(0, len(unknown) - SHOWN)
    return ({name: of for name, of in value.items() if name in kept} if left else value), left


def _check_type(request: Request) -> None:
    given = request.headers.get("content-type")
    if given is None:
        return
    message = Message()
    message["content-type"] = given
    kind = message.get_content_type()
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise UnsupportedMediaType(given)


def _parsed(body: bytes) -> Any:  # noqa: ANN401 -- any JSON value
    try:
        return json.loads(body.decode("utf-8-sig"), parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise InvalidJson(f"line {line}: byte 0x{body[error.start]:02x} is not UTF-8", line) from None
    except json.JSONDecodeError as error:
        raise _broken(error) from None
    except RecursionError:
        raise InvalidJson("values are nested too deep; flatten them") from None
    except ValueError:
        raise InvalidJson("a number has too many digits; write it as a string") from None


def _broken(error: json.JSONDecodeError) -> InvalidJson:
    rest = error.doc[error.pos : error.pos + 100].strip()
    found = quoted(rest) if rest else "the end of the body"
    sentence = f"line {error.lineno}: not JSON at column {error.colno} ({error.msg}), found {found}"
    return InvalidJson(sentence, error.lineno)


def _no_constant(name: str) -> NoReturn:
    raise InvalidJson(f"{name} is not JSON; write null, or a number")
