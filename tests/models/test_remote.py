"""Endpoints and what they may do to us: every fault by a real server on this machine."""

from __future__ import annotations

import json
import logging
import math
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from models.asking import UNPARSABLE, WINDOW_TOO_LONG, Answer
from models.endpoint import Endpoint
from models.errors import AskRefused, EndpointRefused, EndpointUnavailable
from models.remote import RemoteGenerator
from tests.models.languages import ask, example

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from models.asking import Ask

KEY = "sk-very-secret"
TEXT = "Blur met Oasis in Camden"
ASKED = ask(TEXT, "band", "town")


class Server(ThreadingHTTPServer):
    """Answers by a script, one entry a request, the last one for all that follow; remembers what it was asked."""

    daemon_threads = True
    #: Threads that hang in a request are not waited for.
    block_on_close = False

    def __init__(self, *script: Callable[[Handler], None]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script = script
        self.asked: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.keys: list[str | None] = []
        self.at_once, self.most_at_once = 0, 0
        self.lock = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    """One request to a `Server`."""

    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server = self.server
        with server.lock:
            turn = min(len(server.asked), len(server.script) - 1)
            server.asked.append(body)
            server.paths.append(self.path)
            server.keys.append(self.headers["Authorization"])
            server.at_once += 1
            server.most_at_once = max(server.most_at_once, server.at_once)
        try:
            server.script[turn](self)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the client had enough
        finally:
            with server.lock:
                server.at_once -= 1

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def send(self, status: int, body: bytes, **headers: str) -> None:
        """A whole response."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def saying(text: str | None, *, reason: str = "stop", logprobs: Any = None) -> Callable[[Handler], None]:  # noqa: ANN401
    choice = {"message": {"role": "assistant", "content": text}, "finish_reason": reason, "logprobs": logprobs}
    return lambda handler: handler.send(200, json.dumps({"choices": [choice]}).encode())


def failing(status: int, said: str = "broken", **headers: str) -> Callable[[Handler], None]:
    return lambda handler: handler.send(status, said.encode(), **headers)


@contextmanager
def serving(*script: Callable[[Handler], None], **settings: Any) -> Iterator[tuple[Server, RemoteGenerator]]:  # noqa: ANN401
    """A server with a script, and a generator that asks it."""
    server = Server(*script)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    endpoint = Endpoint(url=f"http://127.0.0.1:{server.server_port}/v1", model="big", key=KEY, pause=0.01, seconds=5)
    generator = RemoteGenerator(replace(endpoint, **settings))
    try:
        yield server, generator
    finally:
        generator.close()
        server.shutdown()
        server.server_close()
        thread.join()


def one(generator: RemoteGenerator, asked: Ask = ASKED) -> Answer | Exception:
    [[(place, answer)]] = generator.answer([asked], budget=4096)
    assert place == 0
    return answer


def said(answer: Answer | Exception, text: str = TEXT) -> list[str]:
    assert isinstance(answer, Answer), answer
    return [f"{text[span.start : span.end]}={span.label}" for span in answer.spans]


def test_an_endpoint_answers() -> None:
    # Given an endpoint that writes lines
    with serving(saying("Blur = band\nCamden = town")) as (server, generator):
        # When it is asked with an example
        answer = one(generator, replace(ASKED, examples=(example("I saw Pulp", ("Pulp", "band")),)))

        # Then it saw the prompt, once, and its lines are spans
        assert said(answer) == ["Blur=band", "Camden=town"]
        assert isinstance(answer, Answer)
        assert (answer.shown, answer.flags, [span.score for span in answer.spans]) == (1, (), [1.0, 1.0])
        [request] = server.asked
        assert (server.paths, server.keys) == (["/v1/chat/completions"], [f"Bearer {KEY}"])
        assert (request["model"], request["temperature"], request["logprobs"]) == ("big", 0, True)
        assert 0 < request["max_tokens"] < 200
        [message] = request["messages"]
        assert "Pulp = band" in message["content"]
        assert generator.name == f"big at 127.0.0.1:{server.server_port}"


def test_scores_are_the_chances_that_the_endpoint_tells() -> None:
    pieces = [("Bl", 0.8), ("ur = band", 0.5), ("\n", 1.0), ("Camden", 0.9), (" = town", 1.0)]
    told = {"content": [{"token": token, "logprob": math.log(chance)} for token, chance in pieces]}

    with serving(saying("Blur = band\nCamden = town", logprobs=told)) as (_, generator):
        answer = one(generator)

    assert isinstance(answer, Answer)
    assert [span.score for span in answer.spans] == [0.4, 0.9]


@pytest.mark.parametrize(
    "told",
    [{"content": [{"token": "Blur"}]}, {"content": [{"token": "x", "logprob": -1}]}, [], "none", {"content": None}],
)
def test_chances_that_make_no_sense_are_none(told: object) -> None:
    with serving(saying("Blur = band", logprobs=told)) as (_, generator):
        answer = one(generator)

    assert isinstance(answer, Answer)
    assert [span.score for span in answer.spans] == [1.0]


def test_chances_are_not_asked_for_where_they_are_not_wanted() -> None:
    with serving(saying("-"), scored=False) as (server, generator):
        assert one(generator) == Answer(spans=(), shown=0)
        assert "logprobs" not in server.asked[0]


def test_invented_spans_and_labels_are_dropped_and_flagged() -> None:
    with serving(saying("Blur = band\nPulp = band\nOasis = rivals")) as (_, generator):
        answer = one(generator)

    assert said(answer) == ["Blur=band"]
    assert isinstance(answer, Answer)
    assert answer.flags == (UNPARSABLE,)


def test_of_a_truncated_answer_whole_lines_count() -> None:
    with serving(saying("Blur = band\nOasis = ba", reason="length")) as (_, generator):
        answer = one(generator)

    assert said(answer) == ["Blur=band"]
    assert isinstance(answer, Answer)
    assert answer.flags == (UNPARSABLE,)


@pytest.mark.parametrize("text", [None, "", "I am sorry."])
def test_no_answer_is_not_nothing(text: str | None) -> None:
    with serving(saying(text)) as (_, generator):
        assert one(generator) == Answer(spans=(), shown=0, flags=(UNPARSABLE,))


def test_endless_text_is_cut_off_and_flagged() -> None:
    # Given an endpoint that never stops writing, whatever it is told
    def babble(handler: Handler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(b"Blur = band\\n" * 1000)

    with serving(babble) as (server, generator):
        # When it is asked, then it is heard for a while, and once only
        assert one(generator) == Answer(spans=(), shown=0, flags=(UNPARSABLE,))
        assert len(server.asked) == 1


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_failures_that_pass_are_tried_again(status: int) -> None:
    with serving(failing(status), failing(status), saying("Blur = band")) as (server, generator):
        assert said(one(generator)) == ["Blur=band"]
        assert len(server.asked) == 3


def test_an_endpoint_may_say_how_long_to_wait() -> None:
    with serving(failing(429, Retry_After="1"), saying("-")) as (_, generator):
        began = time.monotonic()
        one(generator)

    assert time.monotonic() - began >= 1


def test_failures_that_stay_are_transient_errors_of_the_ask() -> None:
    with serving(failing(500, "CUDA out of memory"), attempts=3) as (server, generator):
        error = one(generator)

        assert len(server.asked) == 3
    assert isinstance(error, EndpointUnavailable)
    assert not error.permanent
    assert str(error).endswith("gave no answer in 3 attempts: status 500: 'CUDA out of memory'")


@pytest.mark.parametrize(
    "body",
    [
        b"<html>Bad gateway</html>",
        b"",
        b"\xff\x00",
        b"[]",
        b"{}",
        b'{"choices": []}',
        b'{"choices": [{"message": {"content": 7}}]}',
        b'{"choices": [{"message": {"content": "Blur = ba',
        b"[" * 50_000,
    ],
)
def test_garbage_is_no_answer(body: bytes) -> None:
    with serving(lambda handler: handler.send(200, body), attempts=2) as (server, generator):
        error = one(generator)

        assert len(server.asked) == 2
    assert isinstance(error, EndpointUnavailable)
    assert "not a chat completion" in str(error)
    assert len(str(error)) < 400


def test_a_reply_that_breaks_off_is_tried_again() -> None:
    def half(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b'{"choices"')
        handler.close_connection = True

    with serving(half, saying("Blur = band")) as (_, generator):
        assert said(one(generator)) == ["Blur=band"]


def test_a_socket_that_never_answers_is_given_up() -> None:
    # Given a port that takes connections and says nothing
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        generator = RemoteGenerator(Endpoint(url=url, model="big", seconds=0.2, attempts=2, pause=0.01))

        # When it is asked
        began = time.monotonic()
        error = one(generator)
        generator.close()

    # Then the wait ends in time
    assert isinstance(error, EndpointUnavailable)
    assert "longer than 0.2 s" in str(error)
    assert time.monotonic() - began < 3


def test_a_reply_that_drips_is_given_up() -> None:
    # Given an endpoint that sends a byte now and then, so that no single wait is long
    def drip(handler: Handler) -> None:
        handler.send_response(200)
        handler.end_headers()
        for _ in range(100):
            handler.wfile.write(b" ")
            time.sleep(0.05)

    with serving(drip, seconds=0.3, attempts=1) as (_, generator):
        began = time.monotonic()
        error = one(generator)

    assert isinstance(error, EndpointUnavailable)
    assert time.monotonic() - began < 3


def test_an_unreachable_endpoint_is_a_transient_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    generator = RemoteGenerator(Endpoint(url=f"http://127.0.0.1:{port}/v1", model="big", attempts=2, pause=0.01))

    error = one(generator)

    generator.close()
    assert isinstance(error, EndpointUnavailable)
    assert not error.permanent
    assert f"127.0.0.1:{port}" in str(error)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refusal_of_everything_is_raised_at_once(status: int) -> None:
    with serving(failing(status, "no such model")) as (server, generator):
        with pytest.raises(EndpointRefused, match=rf"status {status}: 'no such model'; check .* 'big'"):
            one(generator)
        assert len(server.asked) == 1
    assert EndpointRefused.permanent


def test_a_refusal_of_one_ask_is_its_own() -> None:
    # Given an endpoint that takes only one of two asks
    def picky(handler: Handler) -> None:
        asked = handler.server.asked[-1]["messages"][0]["content"]
        (failing(400, "too long") if "Oasis" in asked else saying("-"))(handler)

    with serving(picky, concurrency=1) as (_, generator):
        found = dict(pair for batch in generator.answer([ASKED, ask("Blur", "band")], budget=4096) for pair in batch)

    assert isinstance(found[0], AskRefused)
    assert found[1] == Answer(spans=(), shown=0)


@pytest.mark.parametrize("url", ["localhost:8000/v1", "http://[::1", "ftp://host/v1"])
def test_a_bad_address_is_refused(url: str) -> None:
    with pytest.raises(EndpointRefused, match="is no address"):
        RemoteGenerator(Endpoint(url=url, model="big"))


def test_a_window_that_does_not_fit_is_not_sent() -> None:
    with serving(saying("-"), context=200) as (server, generator):
        assert one(generator, ask("word " * 500, "band")) == Answer(spans=(), shown=0, flags=(WINDOW_TOO_LONG,))
        assert server.asked == []


def test_asks_of_a_batch_are_sent_together() -> None:
    # Given an endpoint that takes its time, and twelve asks
    def slow(handler: Handler) -> None:
        time.sleep(0.1)
        saying("-")(handler)

    asked = [ask(f"Blur {i}", "band") for i in range(12)]
    with serving(slow, concurrency=4) as (server, generator):
        # When they are sent within one budget, and in many
        wide = list(generator.answer(asked, budget=1_000_000))
        assert (len(wide), 1 < server.most_at_once <= 4) == (1, True)
        narrow = list(generator.answer(asked[:3], budget=1))

    # Then each is answered once
    assert sorted(i for batch in wide for i, _ in batch) == list(range(12))
    assert sorted(i for [(i, _)] in narrow) == [0, 1, 2]


def test_the_key_is_never_told(caplog: pytest.LogCaptureFixture) -> None:
    # Given an endpoint that repeats the key it was given
    caplog.set_level(logging.DEBUG)
    with serving(failing(401, f"no such key: {'x' * 190}{KEY}")) as (_, generator):
        with pytest.raises(EndpointRefused) as refused:
            one(generator)
        shown = [repr(generator.endpoint), generator.name, str(refused.value), repr(refused.value.__cause__)]
    with serving(failing(500, f"key {KEY} is {KEY}"), attempts=1) as (_, generator):
        shown.append(repr(one(generator)))

    # Then nobody reads it
    assert "sk-very" not in "\n".join([*shown, caplog.text])


def test_strings_that_are_no_unicode_are_sent() -> None:
    with serving(saying("-")) as (server, generator):
        assert one(generator, ask("Blur \ud800 Oasis", "band")) == Answer(spans=(), shown=0)
        assert "\ud800" in server.asked[0]["messages"][0]["content"]
