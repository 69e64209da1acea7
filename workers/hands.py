"""What a worker process works with, and what every kind of work does alike: stop when it must, commit patiently."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from jobs.errors import LedgerUnavailable
from jobs.records import Renewal
from models.errors import ModelError
from retrieval.errors import RetrievalError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from corpora.blobs import BlobStore
    from jobs.store import Ledger
    from workers.lease import Lease
    from workers.runtime import Runtime

#: Seconds that a commit is tried for while the ledger does not answer, and the pause between two tries.
COMMIT_PATIENCE = 120.0
COMMIT_PAUSE = 1.0

Answer = TypeVar("Answer")


class Stopped(Exception):
    """The work is to be put down; `state` says why: HELD means that this process is to end."""

    def __init__(self, state: Renewal) -> None:
        super().__init__(state.value)
        self.state = state


@dataclass(frozen=True, slots=True, kw_only=True)
class Hands:
    """What a worker process works with."""

    ledger: Ledger
    blobs: BlobStore
    runtime: Runtime
    #: Folder of the taggers made here; None: the shipped ones alone.
    taggers: Path | None
    #: Name of this worker, as the ledger shows it.
    worker: str
    lease_seconds: float
    #: Whether the process was asked to end.
    stopping: Callable[[], bool]

    def go_on(self, held: Lease) -> None:
        """Raise `Stopped` where a claim is to be put down."""
        state = held.ask()
        if state is not Renewal.HELD or self.stopping():
            raise Stopped(state)


def passes(error: Exception) -> bool:
    """Whether what the work needs beside the ledger is away for now, so that it can be done later as it is."""
    return isinstance(error, ModelError | RetrievalError) and not error.permanent


def patiently(commit: Callable[[], Answer]) -> Answer:
    """Commit, again and again while the ledger does not answer: done work is worth waiting for.

    A commit that went through although its answer was lost is refused the second time.
    """
    deadline = time.monotonic() + COMMIT_PATIENCE
    while True:
        try:
            return commit()
        except LedgerUnavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(COMMIT_PAUSE)
