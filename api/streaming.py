"""Answers of JSON Lines: streamed in blocks, or a page at a time.

Owns how lines leave. The first block is made before the answer begins, so that what fails at once is a problem; what
fails later breaks the connection, because an answer that ends well is taken for whole.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import anyio
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from corpora.errors import UnknownBlob

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from corpora.blobs import BlobStore

MEDIA_TYPE = "application/jsonl"
#: Bytes sent at a time.
BLOCK = 64 * 1024
#: A page ends with the line that passes so many bytes, also where fewer lines than asked for are on it.
PAGE_BYTES = 8 * 2**20


def line_stream(lines: Iterable[tuple[int, str]]) -> Response:
    """All lines, as they are made."""
    return _streamed(_blocks(lines))


def line_page(request: Request, lines: Iterable[tuple[int, str]], limit: int) -> Response:
    """At most `limit` lines, and the link to those that follow."""
    page, size, last = [], 0, None
    for number, body in lines:
        if last is not None and (len(page) == limit or size >= PAGE_BYTES):
            return Response("".join(page), headers={"Link": _next(request, last)}, media_type=MEDIA_TYPE)
        page.append(body + "\n")
        size, last = size + len(body), number
    return Response("".join(page), media_type=MEDIA_TYPE)


def blocks_of_file(blobs: BlobStore, key: str) -> Response:
    """A stored corpus as it is."""
    try:
        file = blobs.path(key).open("rb")
    except FileNotFoundError:
        raise UnknownBlob(key) from None

    def blocks() -> Generator[bytes, None, None]:
        with file:
            yield from iter(lambda: file.read(BLOCK), b"")

    return _streamed(blocks())


def _next(request: Request, after: int) -> str:
    """A link without host: behind a proxy the service may not know its own address."""
    parameters = {**request.query_params, "after": after}
    return f'<{request.url.path}?{urlencode(parameters)}>; rel="next"'


def _streamed(blocks: Generator[bytes, None, None]) -> Response:
    return _Stream(blocks, next(blocks, b""))


class _Stream(StreamingResponse):
    """Blocks as they are made; what they hold open is closed when the answer ends, also where the reader goes away."""

    def __init__(self, blocks: Generator[bytes, None, None], first: bytes) -> None:
        self._blocks = blocks
        super().__init__(chain([first], blocks), media_type=MEDIA_TYPE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            with anyio.CancelScope(shield=True):
                await run_in_threadpool(self._blocks.close)


def _blocks(lines: Iterable[tuple[int, str]]) -> Generator[bytes, None, None]:
    block = bytearray()
    for _number, body in lines:
        block += body.encode() + b"\n"
        if len(block) >= BLOCK:
            yield bytes(block)
            block.clear()
    if block:
        yield bytes(block)
