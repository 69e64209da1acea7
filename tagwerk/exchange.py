"""Requests to a server until an answer comes: what is tried again and when, and what a refusal becomes.

Owns the connection, the key and the patience. What is asked, and what the answer means, is the client's.
"""

from __future__ import annotations

import ipaddress
import itertools
import random
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from time import sleep
from typing import TYPE_CHECKING, Any

import httpx
from pydantic import ValidationError

from api.schemas import Problem
from tagwerk.errors import (
    BadKey,
    BadServerAddress,
    FaceError,
    RequestAtWork,
    ServiceError,
    ServiceUnavailable,
    StrangeAnswer,
    Unauthorized,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

#: Seconds before the second try, at most; each later pause is twice as long, up to the longest.
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
#: Seconds in which a server that has to read a whole corpus first must begin its answer.
LONG_ANSWER = 600.0
#: Statuses of a server that is there and cannot answer now.
AWAY = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request, in a form that can be sent again."""

    path: str
    method: str = "GET"
    params: Mapping[str, str | int] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    #: Gives the body from its beginning; called once a try.
    body: Callable[[], bytes | Iterator[bytes]] | None = None
    #: Whether a second try does no harm where the answer to the first was lost.
    repeatable: bool = True
    #: Whether the server has much to do before it answers.
    long: bool = False


class Exchange:
    """One server, asked with one key. Threads may share it."""

    def __init__(self, url: str, key: str, *, timeout: float, retries: int) -> None:
        """Raises `BadServerAddress` and `BadKey`; connects to nothing yet."""
        self.url = _checked_address(url)
        self.key = _checked_key(key)
        self.retries = retries
        self._timeout = timeout
        self._http = httpx.Client(headers={"Authorization": f"Bearer {self.key}"}, timeout=timeout)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def send(self, ask: Ask, *, retries: int | None = None) -> httpx.Response:
        """The whole answer to a request, which is a success.

        Raises `ServiceError` for a refusal, `ServiceUnavailable` where no answer came in all tries.
        """
        tries = 1 + (self.retries if retries is None else retries) if ask.repeatable else 1
        for number in itertools.count(1):
            try:
                return self._sent(ask)
            except (ServiceError, ServiceUnavailable) as failure:
                if isinstance(failure, ServiceError):
                    failure.tries = number
                if failure.permanent or number >= tries:
                    raise
                _pause(number, failure)
        raise AssertionError  # pragma: no cover

    def lines(self, ask: Ask) -> Iterator[bytes]:
        """Yield the lines of an answer that is the same whenever it is asked for, while it comes.

        Where the connection is lost it is asked for again and what was given already is passed over.
        """
        given = failures = 0
        while True:
            try:
                for line in itertools.islice(self._streamed(ask), given, None):
                    given, failures = given + 1, 0
                    yield line
                return
            except ServiceUnavailable as failure:
                failures += 1
                if failures > self.retries:
                    raise
                _pause(failures, failure)

    def peek(self, path: str) -> httpx.Response:
        """The answer to one look, whatever its status. Raises `ServiceUnavailable` where there is none."""
        try:
            return self._http.get(self.url + path)
        except httpx.RequestError as error:
            raise self._lost(error) from error

    def _sent(self, ask: Ask) -> httpx.Response:
        try:
            answer = self._http.request(ask.method, self.url + ask.path, **self._parts(ask))
        except httpx.RequestError as error:
            raise self._lost(error, in_doubt=not ask.repeatable) from error
        if not answer.is_success:
            raise self._refusal(answer)
        return answer

    def _streamed(self, ask: Ask) -> Iterator[bytes]:
        rest = b""
        try:
            with self._http.stream(ask.method, self.url + ask.path, **self._parts(ask)) as answer:
                if not answer.is_success:
                    answer.read()
                    raise self._refusal(answer)
                for block in answer.iter_bytes():
                    *lines, rest = (rest + block).split(b"\n")
                    yield from lines
        except httpx.RequestError as error:
            raise self._lost(error) from error
        if rest:
            yield rest

    def _parts(self, ask: Ask) -> dict[str, Any]:
        timeout = httpx.Timeout(self._timeout, read=max(self._timeout, LONG_ANSWER)) if ask.long else self._timeout
        content = None if ask.body is None else ask.body()
        return {"params": dict(ask.params), "headers": dict(ask.headers), "content": content, "timeout": timeout}

    def _lost(self, error: httpx.RequestError, *, in_doubt: bool = False) -> ServiceUnavailable:
        reason = next(iter(str(error).splitlines()), "") or type(error).__name__
        sent = in_doubt and not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
        advice = "it may have done what was asked, so look first" if sent else "try again"
        return ServiceUnavailable(f"the server at {self.url} does not answer ({reason}); {advice}")

    def _refusal(self, answer: httpx.Response) -> FaceError:
        wait = _retry_after(answer)
        try:
            problem = Problem.model_validate_json(answer.content)
        except ValidationError:
            found = f"{answer.status_code} {answer.reason_phrase}".strip()
            if answer.status_code in AWAY:
                return ServiceUnavailable(f"the server at {self.url} does not answer ({found}); try again", wait)
            return StrangeAnswer(self.url, found)
        if answer.status_code in AWAY:
            return ServiceUnavailable(problem.detail, wait)
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            return Unauthorized(problem)
        # Only a submission in work says when to come back.
        at_work = answer.status_code == HTTPStatus.CONFLICT and wait is not None
        return RequestAtWork(problem, wait) if at_work else ServiceError(problem)


def _checked_address(url: str) -> str:
    try:
        found = httpx.URL(url.strip())
    except httpx.InvalidURL:
        raise BadServerAddress(url) from None
    # What no host can have is escaped in it, and a user or a password would be told in every message.
    is_host = found.host and "%" not in found.host
    if found.scheme not in {"http", "https"} or not is_host or found.userinfo or found.query or found.fragment:
        raise BadServerAddress(url)
    if found.scheme == "http" and not _is_loopback(found.host):
        sys.stderr.write(f"warning: the key goes to {found.host} unencrypted; use https, or a tunnel to loopback\n")
    # Addresses in examples end in /v1, which every path begins with.
    return str(found).rstrip("/").removesuffix("/v1")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _checked_key(key: str) -> str:
    stripped = key.strip()
    if not stripped or not all("!" <= character <= "~" for character in stripped):
        raise BadKey
    return stripped


def _pause(number: int, failure: ServiceError | ServiceUnavailable) -> None:
    told: float | None = getattr(failure, "retry_after", None)
    if told is not None and told > LONGEST_PAUSE:
        raise failure
    # Drawn, so that clients that lost a server together do not all come back together.
    own = min(FIRST_PAUSE * 2 ** (number - 1), LONGEST_PAUSE) * random.uniform(0.5, 1)
    sleep(own if told is None else max(told, own))


def _retry_after(answer: httpx.Response) -> float | None:
    """Seconds until the moment that the answer names, by either of the two ways to write it."""
    told = answer.headers.get("Retry-After", "").strip()
    if told.isascii() and told.isdigit():
        return float(told)
    try:
        moment = parsedate_to_datetime(told)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
