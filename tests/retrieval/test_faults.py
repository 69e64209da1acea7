"""An index that is away, slow, emptied or spoilt in mid-use: flagged or raised by policy, in time, and never silent."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pytest
from qdrant_client import models

from retrieval import examples
from retrieval import index as indexes
from retrieval.collection import Layout, plan
from retrieval.errors import (
    ForeignVectors,
    IndexIncomplete,
    IndexRefused,
    IndexTimeout,
    IndexUnavailable,
    RetrievalError,
)
from retrieval.index import ExampleIndex
from retrieval.keeping import Kept
from retrieval.patience import WAITING
from retrieval.search import ExampleSearch, Mode
from retrieval.settings import Policy, RetrievalSettings
from retrieval.voting import LabelVote
from tests.retrieval.building import example_set
from tests.retrieval.test_search import SENTENCES, labelled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from models.states import StateReader
    from retrieval.collection import Collection
    from retrieval.examples import ExampleSet
    from tests.retrieval.standin import StandIn

#: Seconds that a search may take in these tests, and what may go by before it is given up.
LIMIT, SOON = 0.3, 1.5
TEXTS = ["Trains to Halden", "Doctor Venn saw nobody"]


@pytest.fixture
def known(reader: StateReader) -> ExampleSet:
    return examples.build(labelled(SENTENCES, "place", "person"), reader)


def impatient(url: str, **given: object) -> RetrievalSettings:
    raw = {"qdrant_url": url, "retrieval_timeout": LIMIT, "retrieval_retry_seconds": 0.01, **given}
    return RetrievalSettings.model_validate(raw)


@contextmanager
def listening(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """URL of a socket that accepts and then does as told, each connection on its own thread."""
    stop = threading.Event()
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        server.settimeout(0.05)

        def accept() -> None:
            taken: list[socket.socket] = []
            while not stop.is_set():
                try:
                    taken.append(server.accept()[0])
                except TimeoutError:
                    continue
                threading.Thread(target=answer, args=(taken[-1],), daemon=True).start()
            for each in taken:
                each.close()

        accepting = threading.Thread(target=accept)
        accepting.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        stop.set()
        accepting.join()


def silent(_: socket.socket) -> None:
    """Never answers."""


def trickling(connection: socket.socket) -> None:
    """Sends a byte now and then, so that no single read ever times out."""
    try:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while True:
            connection.sendall(b" ")
            time.sleep(0.05)
    except OSError:
        return


def rubbish(connection: socket.socket) -> None:
    """Answers something that is not HTTP."""
    try:
        connection.recv(65536)
        connection.sendall(b"HELO what is it\r\n\r\n")
        connection.close()
    except OSError:
        return


def closed_port() -> str:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("behaviour", [silent, trickling, rubbish, None])
@pytest.mark.parametrize("mode", [Mode.MAXSIM, Mode.VOTE])
def test_no_answer_is_flagged_in_time(
    behaviour: Callable[[socket.socket], None] | None, mode: Mode, known: ExampleSet, reader: StateReader
) -> None:
    # Given a server that accepts and never answers, trickles, talks rubbish, or is not there
    with listening(behaviour or silent) as url:
        index = ExampleIndex(impatient(url if behaviour else closed_port()))
        finder = ExampleSearch(index, known, reader, tenant="ours", mode=mode, settings=impatient(url))
        reader.read(TEXTS)

        # When it is asked
        began = time.monotonic()
        found = finder.near(TEXTS)

        # Then every text says that its examples are missing, and says so in time
        assert time.monotonic() - began < SOON
        assert [(each.examples, each.degraded) for each in found] == [((), True)] * 2


@pytest.mark.parametrize(
    ("behaviour", "error"),
    [(silent, IndexTimeout), (trickling, IndexTimeout), (rubbish, IndexUnavailable), (None, IndexUnavailable)],
)
def test_no_answer_is_raised_where_the_policy_is_to_wait(
    behaviour: Callable[[socket.socket], None] | None,
    error: type[RetrievalError],
    known: ExampleSet,
    reader: StateReader,
) -> None:
    with listening(behaviour or silent) as url:
        settings = impatient(url if behaviour else closed_port(), retrieval_policy=Policy.WAIT)
        finder = ExampleSearch(ExampleIndex(settings), known, reader, tenant="ours", settings=settings)

        with pytest.raises(error) as raised:
            finder.near(TEXTS)

    assert not raised.value.permanent


def test_the_vote_flags_as_well(known: ExampleSet, reader: StateReader) -> None:
    settings = impatient(closed_port())

    voted = LabelVote(ExampleIndex(settings), known, reader, tenant="ours", settings=settings).tag(TEXTS)

    assert [(each.spans, each.degraded) for each in voted] == [((), True)] * 2


def test_calls_that_never_come_back_do_not_pile_up() -> None:
    collection = plan(example_set([2, 3]), tenant="ours", layout=Layout.TEXTS)
    with listening(trickling) as url:
        index = ExampleIndex(impatient(url, retrieval_timeout=0.02))
        for _ in range(WAITING):
            with pytest.raises(IndexTimeout):
                index.check(collection)

        with pytest.raises(IndexUnavailable, match="have not come back"):
            index.check(collection)


def test_a_server_that_slows_down_is_flagged_and_found_again(
    standin: StandIn, known: ExampleSet, reader: StateReader
) -> None:
    # Given an index that answers
    settings = impatient(standin.url)
    finder = ExampleSearch(ExampleIndex(settings), known, reader, tenant="ours", settings=settings)
    expected = finder.near(TEXTS)
    assert not expected[0].degraded

    # When it takes longer than we wait
    standin.before = lambda asked: time.sleep(2 * LIMIT) if asked.endswith("query/batch") else None
    slow = finder.near(TEXTS)

    # Then that is said, and all is as before when it has recovered
    assert [each.degraded for each in slow] == [True, True]
    standin.before = lambda _: None
    time.sleep(2 * LIMIT)
    assert finder.near(TEXTS) == expected


def test_a_server_that_stops_and_comes_back_empty(standin: StandIn, known: ExampleSet, reader: StateReader) -> None:
    # Given an index that answers, and then is gone
    settings = impatient(standin.url)
    finder = ExampleSearch(ExampleIndex(settings), known, reader, tenant="ours", settings=settings)
    expected = finder.near(TEXTS)

    def refuse(_: str) -> None:
        raise ConnectionAbortedError

    standin.before = refuse
    assert [each.degraded for each in finder.near(TEXTS)] == [True, True]

    # When it is back without anything
    for each in standin.client.get_collections().collections:
        standin.client.delete_collection(each.name)
    standin.before = lambda _: None
    time.sleep(0.02)

    # Then it is filled again from the examples
    assert finder.near(TEXTS) == expected


def dropped(index: ExampleIndex, collection: Collection) -> None:
    index.drop(collection)


def emptied(index: ExampleIndex, collection: Collection) -> None:
    index.drop(collection)
    index._create(collection)


def cut(index: ExampleIndex, collection: Collection) -> None:
    """Half of the points are gone; the seal is there."""
    emptied(index, collection)
    index._put(collection, [indexes._point(collection, number) for number in range(collection.size // 2)])
    index._put(collection, [models.PointStruct(id=indexes.SEAL, vector={}, payload=collection.seal())])


def swapped(index: ExampleIndex, collection: Collection) -> None:
    """Everything is there, with the vectors of another encoder of the same width."""
    other = example_set([3] * len(collection.examples.documents), width=collection.examples.width, seed=99)
    emptied(index, collection)
    points = [indexes._point(plan(other, tenant="ours", layout=collection.layout), 0) for _ in range(collection.size)]
    for number, point in enumerate(points):
        point.id = number + 1
    index._put(collection, points)
    index._put(collection, [models.PointStruct(id=indexes.SEAL, vector={}, payload=collection.seal())])


def resealed(index: ExampleIndex, collection: Collection) -> None:
    """The seal names another encoder."""
    payload = {**collection.seal(), "fingerprint": "0" * 64}
    index._put(collection, [models.PointStruct(id=indexes.SEAL, vector={}, payload=payload)])


def narrowed(index: ExampleIndex, collection: Collection) -> None:
    """A collection of the same name for vectors of another width."""
    index.drop(collection)
    narrow = example_set([3] * len(collection.examples.documents), width=4)
    fake = plan(narrow, tenant="ours", layout=collection.layout)
    index._create(_Named(fake, collection.name))  # type: ignore[arg-type]


class _Named:
    """A collection under another's name."""

    def __init__(self, collection: Collection, name: str) -> None:
        self.examples, self.layout, self.name = collection.examples, collection.layout, name


SPOILT: list[tuple[Callable[[ExampleIndex, Collection], None], tuple[type[RetrievalError], ...]]] = [
    (dropped, (IndexIncomplete,)),
    (emptied, (IndexIncomplete,)),
    (cut, (IndexIncomplete,)),
    (swapped, (ForeignVectors,)),
    (resealed, (ForeignVectors,)),
    (narrowed, (ForeignVectors, IndexIncomplete)),
]


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("spoil", [spoil for spoil, _ in SPOILT])
def test_a_collection_spoilt_in_mid_use_is_flagged_and_mended(
    index: ExampleIndex,
    known: ExampleSet,
    reader: StateReader,
    mode: Mode,
    spoil: Callable[[ExampleIndex, Collection], None],
) -> None:
    # Given a search that works
    finder = ExampleSearch(index, known, reader, tenant="ours", mode=mode)
    expected = finder.near(TEXTS)

    # When its collection is spoilt under its hands
    spoil(index, finder._kept.collection)

    # Then the next texts say that their examples cannot be trusted, and those after have the right ones
    assert [(each.examples, each.degraded) for each in finder.near(TEXTS)] == [((), True)] * 2
    assert finder.near(TEXTS) == expected


@pytest.mark.parametrize(("spoil", "errors"), SPOILT)
def test_a_collection_spoilt_in_mid_use_is_raised_where_the_policy_is_to_wait(
    settings: RetrievalSettings,
    index: ExampleIndex,
    known: ExampleSet,
    reader: StateReader,
    spoil: Callable[[ExampleIndex, Collection], None],
    errors: tuple[type[RetrievalError], ...],
) -> None:
    waiting = settings.model_copy(update={"retrieval_policy": Policy.WAIT})
    finder = ExampleSearch(index, known, reader, tenant="ours", settings=waiting)
    expected = finder.near(TEXTS)
    spoil(index, finder._kept.collection)

    with pytest.raises(errors) as raised:
        finder.near(TEXTS)

    assert not raised.value.permanent
    assert finder.near(TEXTS) == expected


def test_a_collection_that_vanishes_while_it_is_filled(
    standin: StandIn, known: ExampleSet, reader: StateReader
) -> None:
    # Given somebody who drops what we have just made, once
    def drop_once(asked: str) -> None:
        if asked == "PUT points" and standin.asked.count("PUT points") == 1:
            for each in standin.client.get_collections().collections:
                standin.client.delete_collection(each.name)

    standin.before = drop_once
    settings = impatient(standin.url, retrieval_timeout=5)

    found = ExampleSearch(ExampleIndex(settings), known, reader, tenant="ours", settings=settings).near(TEXTS)

    assert [each.degraded for each in found] == [False, False]
    assert standin.asked.count("PUT collection") == 2


def test_a_fill_that_failed_is_not_tried_again_at_once(
    standin: StandIn, known: ExampleSet, reader: StateReader
) -> None:
    # Given a server that takes no points, and a pause of five seconds
    def refuse(asked: str) -> None:
        if asked == "PUT points":
            raise ConnectionAbortedError

    now = itertools.count()
    settings = impatient(standin.url, retrieval_retry_seconds=5, retrieval_timeout=5)
    index = ExampleIndex(settings)
    kept = Kept(
        index, plan(known, tenant="ours", layout=Layout.TEXTS), reader, settings, clock=lambda: float(next(now))
    )
    standin.before = refuse

    # When it is asked once a second
    answers = [kept.ask(lambda: "found") for _ in range(4)]

    # Then it was tried once, and works as soon as the pause is over
    assert answers == [None] * 4
    assert standin.asked.count("PUT points") == 1
    standin.before = lambda _: None
    assert [kept.ask(lambda: "found") for _ in range(3)][-1] == "found"


def test_a_wrong_key_is_no_matter_of_waiting(standin: StandIn, known: ExampleSet, reader: StateReader) -> None:
    standin.key = "right"
    wait = {"retrieval_policy": Policy.WAIT, "retrieval_timeout": 5}
    settings = impatient(standin.url, **wait)

    with pytest.raises(IndexRefused, match="TAGWERK_QDRANT_API_KEY") as raised:
        ExampleSearch(ExampleIndex(settings), known, reader, tenant="ours", settings=settings).near(TEXTS)

    assert raised.value.permanent


def test_a_server_in_trouble_is_unavailable(standin: StandIn) -> None:
    standin.answer = lambda *_: (503, "shard is recovering")  # type: ignore[method-assign]
    index = ExampleIndex(impatient(standin.url, retrieval_timeout=5))

    with pytest.raises(IndexUnavailable, match="503"):
        index.check(plan(example_set([2]), tenant="ours", layout=Layout.TEXTS))


def test_an_error_of_ours_is_not_mistaken_for_the_indexs(known: ExampleSet, reader: StateReader) -> None:
    settings = RetrievalSettings()
    kept = Kept(ExampleIndex(settings), plan(known, tenant="ours", layout=Layout.TEXTS), reader, settings)

    with pytest.raises(ZeroDivisionError):
        kept.ask(lambda: 1 / 0)
