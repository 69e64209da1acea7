"""Chat completions over HTTP: one request, its limits, what is tried again and what is not.

Owns the wire. Every request has a deadline and every reply a size; a reply that is not one counts as none.
"""

from __future__ import annotations

import json
import math
import random
import time
from dataclasses import dataclass, field
from typing import Any

import httpx

from models.errors import AskRefused, EndpointRefused, EndpointUnavailable

#: Bytes of a reply for each piece that was asked for, its chance included, and beside them.
BYTES_PER_PIECE, MORE_BYTES = 512, 64 * 1024
#: Seconds of the longest pause between attempts.
LONGEST_PAUSE = 30.0
#: Characters of a reply that a message quotes.
QUOTED = 200
#: What is said of a request, not of its circumstances.
_OF_THE_ASK = {400, 413, 422}
_LATER = {408, 425, 429}


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a remote language model is, and how it is spoken to."""

    #: Up to and without `/chat/completions`, such as `http://gpu:8000/v1`.
    url: str
    model: str
    key: str | None = field(default=None, repr=False)
    #: Pieces that the model reads, prompt and answer together.
    context: int = 8192
    #: Most seconds for one reply, from sending to its last byte, and how often a request is sent at most.
    seconds: float = 60.0
    attempts: int = 4
    #: Seconds before the second attempt; each further pause is twice as long, give or take a quarter.
    pause: float = 0.5
    #: Requests at the same time.
    concurrency: int = 8
    #: Whether the chances of pieces are asked for; some endpoints refuse to tell them.
    scored: bool = True

    @property
    def address(self) -> str:
        """Host and port, without what the URL may hold of secrets; raises EndpointRefused where it has none."""
        try:
            url = httpx.URL(self.url)
        except httpx.InvalidURL:
            url = httpx.URL()
        if url.scheme not in ("http", "https") or not url.host:
            raise EndpointRefused(f"{self.url!r} is no address: it is like http://gpu:8000/v1")
        return f"{url.host}:{url.port}" if url.port else url.host


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the endpoint wrote."""

    text: str
    #: Whether it came to its own end.
    whole: bool
    #: Chance of each line, broken at line feeds; empty where the endpoint does not tell.
    scores: tuple[float, ...] = ()


class Oversized(Exception):
    """A reply is far longer than what was asked for."""


class _NoReply(Exception):
    """One attempt failed; `wait` is what the endpoint asks for, in seconds."""

    def __init__(self, why: str, wait: float | None = None) -> None:
        super().__init__(why)
        self.wait = wait


class Connection:
    """An open way to an endpoint; several threads may use it."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        headers = {"Accept-Encoding": "identity"}
        if endpoint.key:
            headers["Authorization"] = f"Bearer {endpoint.key}"
        self._client = httpx.Client(headers=headers, timeout=endpoint.seconds)

    def close(self) -> None:
        """Close it."""
        self._client.close()

    def complete(self, prompt: str, most: int) -> Reply:
        """The reply to a prompt, of `most` pieces at most.

        Raises EndpointUnavailable after the last attempt, EndpointRefused and AskRefused at once, and Oversized.
        """
        endpoint = self.endpoint
        why = ""
        for attempt in range(1, endpoint.attempts + 1):
            try:
                return self._attempt(prompt, most)
            except _NoReply as error:
                why = str(error)
                if attempt < endpoint.attempts:
                    time.sleep(_pause(endpoint, attempt, error.wait))
        raise EndpointUnavailable(
            f"the language model at {endpoint.address} gave no answer in {endpoint.attempts} attempts: {why}"
        )

    def _attempt(self, prompt: str, most: int) -> Reply:
        endpoint = self.endpoint
        body: dict[str, Any] = {
            "model": endpoint.model,
            "messages": [{"role": "user", "content": prompt}],
            "temperature": 0,
            "max_tokens": most,
        }
        if endpoint.scored:
            body["logprobs"] = True
        try:
            status, wait, received = self._exchange(body, MORE_BYTES + BYTES_PER_PIECE * most)
        # Without its cause, which knows the request and so the key.
        except httpx.TimeoutException:
            raise _NoReply(f"it took longer than {endpoint.seconds:g} s") from None
        except httpx.HTTPError as error:
            raise _NoReply(self._quoted(f"{type(error).__name__}: {error}")) from None
        if status != httpx.codes.OK:
            raise self._refusal(status, wait, received)
        return self._reply(received)

    def _exchange(self, body: dict[str, Any], limit: int) -> tuple[int, float | None, bytes]:
        """Status, the wait that was asked for, and the body of the response."""
        deadline = time.monotonic() + self.endpoint.seconds
        received = bytearray()
        url = f"{self.endpoint.url.rstrip('/')}/chat/completions"
        # Surrogates that stand alone are escaped; as UTF-8 they could not be sent.
        content = json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        with self._client.stream("POST", url, content=content, headers=headers) as response:
            for part in response.iter_bytes():
                received += part
                if len(received) > limit:
                    raise Oversized
                if time.monotonic() > deadline:
                    raise httpx.ReadTimeout("too slow")
            return response.status_code, _asked_wait(response), bytes(received)

    def _refusal(self, status: int, wait: float | None, received: bytes) -> Exception:
        said = self._quoted(received.decode(errors="replace"))
        if status in _LATER or status >= httpx.codes.INTERNAL_SERVER_ERROR:
            return _NoReply(f"status {status}: {said}", wait)
        sentence = f"the language model at {self.endpoint.address} answers with status {status}: {said}"
        if status in _OF_THE_ASK:
            return AskRefused(sentence)
        return EndpointRefused(f"{sentence}; check its URL, key and model name {self.endpoint.model!r}")

    def _reply(self, received: bytes) -> Reply:
        try:
            choice = json.loads(received)["choices"][0]
            text = choice["message"]["content"] or ""
            if not isinstance(text, str):
                raise TypeError
        except (ValueError, LookupError, TypeError, RecursionError):
            raise _NoReply(f"not a chat completion: {self._quoted(received.decode(errors='replace'))}") from None
        return Reply(text=text, whole=choice.get("finish_reason") != "length", scores=_scores(choice, text))

    def _quoted(self, text: str) -> str:
        # Before it is cut: half a key is still half a key.
        key = self.endpoint.key
        clean = text.replace(key, "(key)") if key else text
        return repr(clean if len(clean) <= QUOTED else clean[:QUOTED] + "…")


def _asked_wait(response: httpx.Response) -> float | None:
    asked = response.headers.get("Retry-After", "")
    return float(asked) if asked.isascii() and asked.isdecimal() else None


def _pause(endpoint: Endpoint, attempt: int, asked: float | None) -> float:
    own: float = endpoint.pause * 2 ** (attempt - 1) * random.uniform(0.75, 1.25)
    return min(LONGEST_PAUSE, max(own, asked or 0.0))


def _scores(choice: dict[str, Any], text: str) -> tuple[float, ...]:
    try:
        pieces = [(each["token"], float(each["logprob"])) for each in choice["logprobs"]["content"]]
        if "".join(token for token, _ in pieces) != text:
            return ()
    except (LookupError, TypeError, ValueError):
        return ()
    chances: list[float] = [0.0]
    for token, chance in pieces:
        chances[-1] += chance
        chances += [0.0] * token.count("\n")
    return tuple(math.exp(min(chance, 0.0)) if not math.isnan(chance) else 0.0 for chance in chances)
