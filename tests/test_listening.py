"""A server in a thread ends with its block, and one that does not is told of."""

from __future__ import annotations

import threading
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx
import pytest
from anyio import to_thread
from fastapi import FastAPI

from tests.listening import listening

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


def test_it_answers_within_its_block_alone() -> None:
    with listening(FastAPI()) as url:
        assert httpx.get(f"{url}/nothing").status_code == 404

    with pytest.raises(httpx.ConnectError):
        httpx.get(url)


def test_one_that_does_not_end_fails_and_says_what_it_does_instead() -> None:
    # Given an application that waits for something when it ends
    something = threading.Event()

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await to_thread.run_sync(something.wait)

    # When its server is told to end, Then that fails in due time, and names what it waits for
    try:
        with (
            pytest.raises(AssertionError, match="0 connections and 0 requests are open") as caught,
            listening(FastAPI(lifespan=lifespan), end_seconds=0.5),
        ):
            pass
        assert "server:\n" in str(caught.value)
        assert "AnyIO worker thread:\n" in str(caught.value)
    finally:
        something.set()
