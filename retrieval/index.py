"""The index of labelled examples in Qdrant: a server by URL, or one in the memory of this process behind one lock.

The only module that speaks to Qdrant. Collections are filled so that it may be done twice, by two at once, or
again after a filler was killed; a collection that is not whole, or holds what it should not, is never searched in
silence. What is nearest is decided here; which of it is shown is not.
"""

from __future__ import annotations

import math
import random
import threading
from contextlib import contextmanager, suppress
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from qdrant_client import QdrantClient, models
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from retrieval.collection import Layout, prefix
from retrieval.encoding import pooled
from retrieval.errors import (
    ForeignVectors,
    IndexIncomplete,
    IndexRefused,
    IndexUnavailable,
    RetrievalError,
)
from retrieval.patience import Patience
from retrieval.ranking import Hit, Neighbours, best_of, late_interaction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from retrieval.collection import Collection
    from retrieval.settings import RetrievalSettings

T = TypeVar("T")

#: Points that one vector for the text finds, before their words are compared; a smaller collection is compared whole.
PREFETCH = 400
#: Texts, and words, that one request asks for.
TEXTS, WORDS = 8, 64
#: Most words of a text that are compared; a longer one is thinned evenly. Callers cut long texts into windows.
COMPARED = 256
#: Least cosine of what is stored and what should be; half precision and quantisation stay far above.
FAITHFUL = 0.97
SEAL = 0
#: Rounds after which filling is given up: others may drop or fill the same collection meanwhile.
ROUNDS = 3


class ExampleIndex:
    """Collections of examples; safe to use from several threads.

    Every call of a server ends within the settings' limits. Errors are RetrievalErrors. Of more points than `prefetch`
    only so many are compared by their words: those that one vector for the text finds.
    """

    def __init__(self, settings: RetrievalSettings, *, prefetch: int = PREFETCH) -> None:
        self._settings = settings
        self._prefetch = prefetch
        self._remote = settings.qdrant_url is not None
        self._lock = threading.Lock()
        self._seconds = math.ceil(settings.retrieval_timeout)
        self._patience = Patience()
        self._client = _connected(settings, settings.retrieval_timeout)
        self._filler = _connected(settings, settings.retrieval_fill_timeout) if self._remote else self._client

    @property
    def in_memory(self) -> bool:
        """Whether collections lie in this process alone."""
        return not self._remote

    def ensure(self, collection: Collection) -> None:
        """See to it that a collection is there and whole; filling it takes seconds, finding it so milliseconds.

        Raises what stood in the way.
        """
        for _ in range(ROUNDS):
            try:
                self.check(collection)
            except ForeignVectors:
                self.drop(collection)
            except IndexIncomplete:
                pass
            else:
                return
            try:
                self._fill(collection)
            except ForeignVectors:  # made for other vectors, and never sealed
                self.drop(collection)
            except IndexIncomplete:
                continue  # another dropped it meanwhile
        self.check(collection)

    def check(self, collection: Collection) -> None:
        """Raises IndexIncomplete or ForeignVectors where a collection is not what it should be."""
        self._call(lambda client: self._checked(client, collection))

    def look(self) -> int:
        """How many collections there are, of whomever; raises what stands in the way of using the index."""
        return self._call(lambda client: len(client.get_collections().collections))

    def drop(self, collection: Collection) -> None:
        """Remove a collection, whether it is there or not."""
        self._remove(collection.name)

    def drop_all(self, *, tenant: str, key: str | None = None) -> list[str]:
        """Remove a tenant's collections, or those of one example set, of whatever encoder; returns their names."""
        beginning = prefix(tenant, key)
        there = self._call(lambda client: [each.name for each in client.get_collections().collections])
        names = sorted(name for name in there if name.startswith(beginning))
        for name in names:
            self._remove(name)
        return names

    def nearest(
        self, collection: Collection, texts: Sequence[NDArray[np.float32]], *, limit: int, by_words: bool = True
    ) -> list[list[Hit]]:
        """The examples nearest to each text, given as its (words, width) unit vectors, from the `limit` nearest points.

        By late interaction of the words, or by one vector for each text. Of a collection of texts.
        """
        asked = [self._request(collection, text, limit, by_words=by_words) for text in texts]
        answers = self._search(collection, asked, TEXTS)
        if by_words and self._rescores_here(collection):
            pairs = zip(texts, answers, strict=True)
            answers = [_rescored(collection, text, found)[:limit] for text, found in pairs]
        return [best_of((int(collection.owners[point]), score) for point, score in found) for found in answers]

    def words(self, collection: Collection, texts: Sequence[NDArray[np.float32]], *, limit: int) -> list[Neighbours]:
        """The `limit` indexed words nearest to each word of each text, given as (words, width) unit vectors.

        Of a collection of words.
        """
        asked = [models.QueryRequest(query=word.tolist(), using="word", limit=limit) for text in texts for word in text]
        answers = iter(self._search(collection, asked, WORDS))
        return [_neighbours(list(islice(answers, len(text))), limit) for text in texts]

    def close(self) -> None:
        """Give up the connections, or the memory."""
        self._client.close()
        self._filler.close()

    def _rescores_here(self, collection: Collection) -> bool:
        # In memory Qdrant compares all points where it was asked for some.
        return not self._remote and collection.size > self._prefetch

    def _request(
        self, collection: Collection, text: NDArray[np.float32], limit: int, *, by_words: bool
    ) -> models.QueryRequest:
        whole = pooled(text).tolist()
        reach = max(self._prefetch, 4 * limit)
        if not by_words:
            return models.QueryRequest(query=whole, using="text", limit=limit)
        if self._rescores_here(collection):
            return models.QueryRequest(query=whole, using="text", limit=reach)
        first = models.Prefetch(query=whole, using="text", limit=reach) if collection.size > reach else None
        return models.QueryRequest(query=_thinned(text).tolist(), using="words", limit=limit, prefetch=first)

    def _search(
        self, collection: Collection, requests: Sequence[models.QueryRequest], together: int
    ) -> list[list[tuple[int, float]]]:
        found: list[list[tuple[int, float]]] = []
        for first in range(0, len(requests), together):
            group = list(requests[first : first + together])

            def ask(client: QdrantClient, group: list[models.QueryRequest] = group) -> list[models.QueryResponse]:
                answers = client.query_batch_points(collection.name, group, timeout=self._seconds)
                self._checked(client, collection)
                return answers

            answers = self._call(ask)
            found += [[(int(point.id) - 1, point.score) for point in answer.points] for answer in answers]
        return found

    def _checked(self, client: QdrantClient, collection: Collection) -> None:
        """Holds a collection against its seal, its number of points, and one of its vectors, another each time."""
        name = collection.name
        if not self._remote and not client.collection_exists(name):
            raise IndexIncomplete(f"the collection {name} is not there")
        probed = random.randrange(collection.size)
        using = "text" if collection.layout is Layout.TEXTS else "word"
        records = {each.id: each for each in client.retrieve(name, [SEAL, probed + 1], with_vectors=[using])}
        if SEAL in records and records[SEAL].payload != collection.seal():
            raise ForeignVectors(f"the collection {name} is sealed as {records[SEAL].payload}, not as its examples are")
        count = client.count(name, exact=True).count
        if count > collection.size + 1:
            raise ForeignVectors(f"the collection {name} has {count:,} points, its examples have {collection.size:,}")
        if len(records) < 2 or count < collection.size + 1:
            raise IndexIncomplete(f"the collection {name} has {count:,} points of {collection.size + 1:,}")
        stored = records[probed + 1].vector
        if _cosine(stored[using] if isinstance(stored, dict) else None, collection.probe(probed)) < FAITHFUL:
            raise ForeignVectors(f"the collection {name} holds another vector for point {probed + 1} than its examples")

    def _fill(self, collection: Collection) -> None:
        self._create(collection)
        for batch in collection.batches():
            self._put(collection, [_point(collection, number) for number in batch])
        seal = models.PointStruct(id=SEAL, vector={}, payload=collection.seal())
        self._put(collection, [seal])

    def _put(self, collection: Collection, points: list[models.PointStruct]) -> None:
        self._call(lambda client: client.upsert(collection.name, points, wait=True), filling=True)

    def _create(self, collection: Collection) -> None:
        def create(client: QdrantClient) -> None:
            if not client.collection_exists(collection.name):
                try:
                    client.create_collection(collection.name, vectors_config=_vectors(collection))
                except UnexpectedResponse as error:
                    if error.status_code != 409:  # another made it meanwhile
                        raise

        self._call(create, filling=True)

    def _remove(self, name: str) -> None:
        with suppress(IndexIncomplete):  # it was not there
            self._call(lambda client: client.delete_collection(name), filling=True)

    def _call(self, call: Callable[[QdrantClient], T], *, filling: bool = False) -> T:
        client, settings = self._filler if filling else self._client, self._settings
        with _translated():
            if self._remote:
                seconds = settings.retrieval_fill_timeout if filling else settings.retrieval_timeout
                return self._patience.run(seconds, lambda: call(client))
            with self._lock:
                return call(client)


def _connected(settings: RetrievalSettings, seconds: float) -> QdrantClient:
    if settings.qdrant_url is None:
        return QdrantClient(":memory:")
    key = settings.qdrant_api_key
    return QdrantClient(
        url=settings.qdrant_url,
        api_key=key.get_secret_value() if key else None,
        timeout=math.ceil(seconds),
        check_compatibility=False,  # it would ask the server now, and print
    )


def _vectors(collection: Collection) -> dict[str, models.VectorParams]:
    width = collection.examples.width
    # All vectors have unit length, so their dot product is the cosine.
    one = models.VectorParams(size=width, distance=models.Distance.DOT)
    if collection.layout is Layout.WORDS:
        return {"word": one}
    many = models.VectorParams(
        size=width,
        distance=models.Distance.DOT,
        multivector_config=models.MultiVectorConfig(comparator=models.MultiVectorComparator.MAX_SIM),
        hnsw_config=models.HnswConfigDiff(m=0),  # no graph: they only rescore what one vector for the text found
        on_disk=True,
    )
    return {"words": many, "text": one}


def _point(collection: Collection, number: int) -> models.PointStruct:
    words = collection.words(number)
    if collection.layout is Layout.WORDS:
        return models.PointStruct(id=number + 1, vector={"word": words[0].tolist()})
    return models.PointStruct(id=number + 1, vector={"words": words.tolist(), "text": pooled(words).tolist()})


def _neighbours(found: Sequence[Sequence[tuple[int, float]]], limit: int) -> Neighbours:
    rows = np.full((len(found), limit), -1, dtype=np.int64)
    scores = np.zeros((len(found), limit), dtype=np.float32)
    for number, points in enumerate(found):
        rows[number, : len(points)] = [point for point, _ in points]
        scores[number, : len(points)] = [score for _, score in points]
    return Neighbours(rows=rows, scores=scores)


def _rescored(
    collection: Collection, text: NDArray[np.float32], found: Sequence[tuple[int, float]]
) -> list[tuple[int, float]]:
    points = np.array(sorted(point for point, _ in found))
    scores = late_interaction(_thinned(text), *collection.joined(points))
    return sorted(zip(points.tolist(), scores.tolist(), strict=True), key=lambda pair: -pair[1])


def _thinned(text: NDArray[np.float32]) -> NDArray[np.float32]:
    if len(text) <= COMPARED:
        return text
    return text[np.linspace(0, len(text) - 1, COMPARED).astype(np.int64)]


def _cosine(stored: object, expected: NDArray[np.float32]) -> float:
    found = np.asarray(stored, dtype=np.float32)
    if found.shape != expected.shape or not found.any():
        return -1.0
    return float(found @ expected / np.linalg.norm(found) / np.linalg.norm(expected))


@contextmanager
def _translated() -> Iterator[None]:
    """Raises what the client raises as an error of this room."""
    try:
        yield
    except RetrievalError:
        raise
    except UnexpectedResponse as error:
        raise _of_status(error) from error
    except (ResponseHandlingException, ResourceExhaustedResponse) as error:
        raise IndexUnavailable(f"the index does not answer: {_first_line(error)}") from error
    except ValueError as error:  # what the index in memory says of vectors that do not fit, or of no collection
        missing = "not found" in str(error)
        raise (IndexIncomplete if missing else ForeignVectors)(f"the index: {_first_line(error)}") from error


def _of_status(error: UnexpectedResponse) -> RetrievalError:
    if error.status_code == 404:
        return IndexIncomplete(f"the index does not know the collection: {_first_line(error)}")
    if error.status_code in {401, 403}:
        return IndexRefused(f"the index refuses us ({error.status_code}): set TAGWERK_QDRANT_API_KEY")
    if error.status_code in {400, 422}:
        return ForeignVectors(f"the collection does not take our vectors: {_first_line(error)}")
    return IndexUnavailable(f"the index answers {error.status_code}: {_first_line(error)}")


def _first_line(error: Exception) -> str:
    cause = getattr(error, "source", None) or error
    return next(iter(str(cause).splitlines()), "") or type(cause).__name__
