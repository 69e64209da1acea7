"""Answers that get lost and servers that are away: nothing is lost, nothing is done twice."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING

import pytest

from jobs.states import JobState
from tagwerk import client as clients
from tagwerk import exchange
from tagwerk.errors import ServiceError, ServiceUnavailable, StrangeAnswer, WaitTimeout
from tests.tagwerk.wire import Cut, Drop, Fate, Say

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.tagwerk.server import Server
    from tests.tagwerk.wire import Wire

CORPUS = [{"id": f"d{number}", "text": f"a song of Abba, {'la ' * 40}number {number}"} for number in range(20)]
IDS = [each["id"] for each in CORPUS]
LOST = Cut(after=0)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between tries, which take no time."""
    found: list[float] = []
    monkeypatch.setattr(exchange, "sleep", found.append)
    return found


def plain(status: str, body: str = "", headers: str = "") -> Say:
    """An answer of something between the client and the server."""
    # Kept open, the connection could be used once more before its end is noticed.
    head = f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n{headers}"
    return Say(answer=f"{head}\r\n{body}".encode())


def test_a_submission_whose_answer_was_lost_makes_one_job(server: Server, wire: Wire, pauses: list[float]) -> None:
    # Given an uploaded corpus
    with server.client() as sound:
        file = sound.upload(CORPUS)

    # When the answers to the first two tries are lost
    wire.meets(LOST, LOST)
    with server.client(wire.url) as client:
        job = client.submit(file, ["band"])

        # Then the third is told of the job that the first made
        assert wire.connections == 3
        assert [found.id for found in client.jobs()] == [job.id]


def test_a_corpus_is_sent_again_after_a_lost_connection(server: Server, wire: Wire, pauses: list[float]) -> None:
    wire.meets(Drop(), LOST)

    with server.client(wire.url) as client:
        assert client.upload(CORPUS).documents == 20


def test_a_corpus_that_cannot_be_had_again_is_sent_once(server: Server, wire: Wire, pauses: list[float]) -> None:
    wire.meets(Drop())

    with server.client(wire.url) as client, pytest.raises(ServiceUnavailable, match="does not answer"):
        client.upload(each for each in CORPUS)

    assert (wire.connections, pauses) == (1, [])


def test_a_retry_is_asked_for_once_and_the_doubt_is_told(server: Server, wire: Wire, pauses: list[float]) -> None:
    # Given a job that failed
    with server.client() as sound:
        job = sound.tag(CORPUS, ["band"])
        sound.cancel(job.id)

    # When the answer to its retry is lost
    wire.meets(LOST)
    with server.client(wire.url) as client, pytest.raises(ServiceUnavailable, match="it may have done what was asked"):
        client.retry(job.id)

    # Then there is one child
    with server.client() as sound:
        assert [found.parent for found in sound.jobs()] == [job.id, None]


def test_a_cancellation_whose_answer_was_lost_is_one(server: Server, wire: Wire, pauses: list[float]) -> None:
    with server.client() as sound:
        job = sound.tag(CORPUS, ["band"])

    wire.meets(LOST)
    with server.client(wire.url) as client:
        assert client.cancel(job.id).state is JobState.CANCELLED


@pytest.mark.parametrize("after", [0, 100, 700, 1500, 2500])
@pytest.mark.parametrize("what", ["results", "documents"])
def test_a_lost_connection_neither_loses_nor_doubles_a_line(
    server: Server, wire: Wire, pauses: list[float], what: str, after: int
) -> None:
    # Given a job that is done
    with server.client() as sound:
        job = sound.tag(CORPUS, ["band"])
        server.work()

    # When the connection is cut here and there while its lines are read
    wire.meets(Cut(after=after), Cut(after=after + 50), Drop())
    with server.client(wire.url) as client:
        lines = client.results(job.id, page=6) if what == "results" else client.documents(job.id)
        found = [line["id"] for line in lines]

    # Then each is there once
    assert found == IDS
    assert wire.connections > 1


def test_an_answer_that_never_comes_whole_is_given_up(server: Server, wire: Wire, pauses: list[float]) -> None:
    with server.client() as sound:
        job = sound.tag(CORPUS, ["band"])
    wire.meets(*[Cut(after=600)] * 3)

    with server.client(wire.url, retries=2) as client, pytest.raises(ServiceUnavailable, match="does not answer"):
        list(client.documents(job.id))


def test_pauses_grow_and_have_an_end(server: Server, wire: Wire, pauses: list[float]) -> None:
    wire.meets(*[Drop()] * 5)

    with server.client(wire.url, retries=4) as client, pytest.raises(ServiceUnavailable):
        client.taggers()

    assert wire.connections == 5
    for number, pause in enumerate(pauses):
        longest = exchange.FIRST_PAUSE * 2**number
        assert longest / 2 <= pause <= longest
    assert len(pauses) == 4


@pytest.mark.parametrize(
    "status",
    [
        "408 Request Timeout",
        "429 Too Many Requests",
        "502 Bad Gateway",
        "503 Service Unavailable",
        "504 Gateway Timeout",
    ],
)
def test_a_server_that_is_away_is_asked_again(server: Server, wire: Wire, pauses: list[float], status: str) -> None:
    wire.meets(plain(status, "<html>"))

    with server.client(wire.url) as client:
        assert client.taggers()

    wire.meets(plain(status, "<html>"))
    with server.client(wire.url, retries=0) as client, pytest.raises(ServiceUnavailable, match=status[:3]):
        client.taggers()


def in_seconds(seconds: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize(
    ("told", "least", "most"),
    [
        (lambda: "7", 7, 7),
        (lambda: in_seconds(20), 17, 20),
        (lambda: in_seconds(-20), 0, 0.5),
        (lambda: "soon", 0, 0.5),
        (lambda: "", 0, 0.5),
    ],
    ids=["seconds", "a moment", "a moment that is over", "words", "nothing"],
)
def test_a_server_says_when_to_come_back(
    server: Server, wire: Wire, pauses: list[float], told: Callable[[], str], least: float, most: float
) -> None:
    wire.meets(plain("503 Service Unavailable", headers=f"Retry-After: {told()}\r\n"))

    with server.client(wire.url) as client:
        client.taggers()

    [pause] = pauses
    assert least <= pause <= most


def test_a_server_that_wants_to_be_left_alone_for_long_is(server: Server, wire: Wire, pauses: list[float]) -> None:
    wire.meets(plain("503 Service Unavailable", headers="Retry-After: 3600\r\n"))

    with server.client(wire.url) as client, pytest.raises(ServiceUnavailable) as caught:
        client.taggers()

    assert (pauses, caught.value.retry_after) == ([], 3600)


@pytest.mark.parametrize(
    "fate",
    [
        plain("200 OK", "<html>hello</html>"),
        plain("200 OK", "{}"),
        plain("404 Not Found", "<html>"),
        plain("500 Internal Server Error", "oops"),
        plain("301 Moved Permanently", headers="Location: https://a.example/\r\n"),
    ],
    ids=lambda fate: fate.answer.split(b"\r")[0].decode(),
)
def test_what_is_no_such_server_is_said(server: Server, wire: Wire, pauses: list[float], fate: Fate) -> None:
    wire.meets(fate)

    with server.client(wire.url) as client, pytest.raises(StrangeAnswer, match="check the address in TAGWERK_URL"):
        client.taggers()

    assert pauses == []


def test_lines_that_are_no_json_are_strange(server: Server, wire: Wire, pauses: list[float]) -> None:
    for body in ("<html>", "[]"):
        wire.meets(plain("200 OK", body))
        with server.client(wire.url) as client, pytest.raises(StrangeAnswer):
            list(client.results("job_a"))


def test_a_refusal_is_not_asked_about_again(server: Server, wire: Wire, pauses: list[float]) -> None:
    with server.client(wire.url) as client, pytest.raises(ServiceError):
        client.job("job_x")

    assert (wire.connections, pauses) == (1, [])


def test_waiting_bears_with_a_server_that_is_away(server: Server, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a job, and a server that cannot be reached for more tries than a request has
    with server.client() as sound:
        job = sound.tag(CORPUS, ["band"])
    wire.meets(*[Drop()] * 10, plain("502 Bad Gateway"))

    # When somebody waits for it
    with server.client(wire.url, retries=1) as client:
        server.work()
        ended = client.wait(job.id, every=0)

    # Then the wait is longer and nothing else
    assert ended.state is JobState.COMPLETED
    assert wire.connections == 12


def test_waiting_for_a_server_that_stays_away_has_an_end(
    server: Server, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    wire.close()
    began = time.monotonic()
    with server.client(wire.url) as client:
        with pytest.raises(WaitTimeout):
            client.wait("job_a", every=0.01, timeout=0.1)
        monkeypatch.setattr(clients, "PATIENCE", 0.1)
        with pytest.raises(ServiceUnavailable, match="Connection refused"):
            client.wait("job_a", every=0.01)
    assert time.monotonic() - began < 5


def test_whether_a_server_is_ready_is_asked_once(server: Server, wire: Wire, pauses: list[float]) -> None:
    wire.meets(Drop())

    with server.client(wire.url) as client:
        with pytest.raises(ServiceUnavailable):
            client.ready()
        assert client.ready().ready


def test_no_message_tells_the_key(server: Server, wire: Wire, pauses: list[float]) -> None:
    wire.meets(Drop(), plain("200 OK", "<html>"))
    for _ in range(2):
        with server.client(wire.url, retries=0) as client, pytest.raises((ServiceUnavailable, StrangeAnswer)) as caught:
            client.taggers()
        assert client.key not in f"{caught.value!r}{caught.value}{client!r}"
