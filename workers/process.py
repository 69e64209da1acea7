"""What a worker process is besides its tasks: its hands, made when first needed, and how it is told to end.

Owns the process-wide state, which nothing else may hold.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import sys
import threading
from functools import cache
from typing import TYPE_CHECKING

from corpora.blobs import BlobStore
from corpora.settings import CorporaSettings
from jobs.settings import JobsSettings
from jobs.store import Ledger
from retrieval.settings import RetrievalSettings
from workers.hands import Hands
from workers.runtime import Runtime
from workers.settings import WorkerSettings

if TYPE_CHECKING:
    from types import FrameType

#: Sent by the worker's main process to its children when it was asked to end.
END_SIGNAL = signal.SIGUSR2

_stopping = threading.Event()


@cache
def hands() -> Hands:
    """The ledger, the blobs and the models of this process."""
    jobs, corpora = JobsSettings(), CorporaSettings()
    if jobs.database_url is None or corpora.blobs is None:
        raise RuntimeError("a worker needs TAGWERK_DATABASE_URL and TAGWERK_BLOBS")
    return Hands(
        ledger=Ledger.open(jobs.database_url),
        blobs=BlobStore(corpora.blobs),
        runtime=Runtime(WorkerSettings(), RetrievalSettings()),
        taggers=jobs.taggers,
        worker=f"{socket.gethostname()}:{os.getpid()}",
        lease_seconds=jobs.lease_seconds,
        stopping=_stopping.is_set,
    )


def prepare_child() -> None:
    """Called once in each pool process before its first task."""
    signal.signal(END_SIGNAL, _end)
    if sys.platform == "linux":
        # A pool process must not outlive its main process, which alone can end it.
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def _end(_number: int, _frame: FrameType | None) -> None:
    _stopping.set()
