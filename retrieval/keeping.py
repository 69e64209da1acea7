"""A collection that is kept whole while it is searched, and what a fault of the index means by policy."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

import structlog

from retrieval.errors import EncoderMismatch, RetrievalError
from retrieval.settings import Policy

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.states import StateReader
    from retrieval.collection import Collection
    from retrieval.index import ExampleIndex
    from retrieval.settings import RetrievalSettings

T = TypeVar("T")

log = structlog.get_logger(__name__)


class Kept:
    """One collection in an index: filled when first needed, and seen to again after a fault.

    Raises EncoderMismatch where `reader` is not the encoder that read the examples.
    """

    def __init__(
        self,
        index: ExampleIndex,
        collection: Collection,
        reader: StateReader,
        settings: RetrievalSettings,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if reader.fingerprint != collection.examples.fingerprint:
            raise EncoderMismatch(reader.fingerprint, collection.examples.fingerprint)
        self.index = index
        self.collection = collection
        self._settings = settings
        self._clock = clock
        self._whole = False
        self._failed: tuple[float, RetrievalError] | None = None

    def ask(self, question: Callable[[], T]) -> T | None:
        """What a search of the collection answers.

        Where the index fails: None by the policy `flag`, the RetrievalError by the policy `wait`.
        """
        try:
            if not self._whole:
                self._ensure()
            return question()
        except RetrievalError as error:
            self._whole = False
            if self._settings.retrieval_policy is Policy.WAIT:
                raise
            log.warning("retrieval_degraded", code=error.code, error=str(error), collection=self.collection.name)
            return None

    def forget(self) -> None:
        """Drop the collection; the next question fills it."""
        self._whole = False
        self.index.drop(self.collection)

    def _ensure(self) -> None:
        """Fill the collection if need be; where that failed a moment ago, the same error comes at once."""
        if self._failed and self._clock() - self._failed[0] < self._settings.retrieval_retry_seconds:
            raise self._failed[1]
        try:
            self.index.ensure(self.collection)
        except RetrievalError as error:
            self._failed = (self._clock(), error)
            raise
        self._whole, self._failed = True, None
