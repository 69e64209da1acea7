"""A collection that is kept whole while it is searched: filled when first needed, and again after a fault."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

from retrieval.errors import EncoderMismatch, RetrievalError

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.states import StateReader
    from retrieval.collection import Collection
    from retrieval.index import ExampleIndex

T = TypeVar("T")


class Kept:
    """One collection in an index, and whether it was whole when last seen."""

    def __init__(
        self,
        index: ExampleIndex,
        collection: Collection,
        reader: StateReader,
        *,
        retry_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if reader.fingerprint != collection.examples.fingerprint:
            raise EncoderMismatch(reader.fingerprint, collection.examples.fingerprint)
        self.index = index
        self.collection = collection
        self._retry_seconds = retry_seconds
        self._clock = clock
        self._whole = False
        self._failed: tuple[float, RetrievalError] | None = None

    def ask(self, question: Callable[[], T]) -> T:
        """What a search of the collection answers; raises a RetrievalError, after which the next one sees to it first.

        While filling it failed a moment ago, it is not tried again: the same error comes at once.
        """
        try:
            if not self._whole:
                self._ensure()
            return question()
        except RetrievalError:
            self._whole = False
            raise

    def _ensure(self) -> None:
        if self._failed and self._clock() - self._failed[0] < self._retry_seconds:
            raise self._failed[1]
        try:
            self.index.ensure(self.collection)
        except RetrievalError as error:
            self._failed = (self._clock(), error)
            raise
        self._whole, self._failed = True, None
