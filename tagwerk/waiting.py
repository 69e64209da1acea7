"""Waiting for a job, and the patience that this takes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from jobs.errors import LedgerUnavailable
from jobs.states import FINAL
from tagwerk.console import say
from tagwerk.errors import ServiceUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.records import JobView
    from tagwerk.service import Service

#: Seconds for which a waiting command bears with a ledger or a server that does not answer.
PATIENCE = 60.0


def wait(service: Service, job_id: str, seen: Callable[[JobView], None], every: float = 0.25) -> JobView:
    """Wait until a job ends, telling `seen` how it stands about every `every` seconds; returns how it ended.

    Interrupted, it says how to go on. A ledger or a server that is away for less than `PATIENCE` only makes the
    wait longer.
    """
    try:
        while True:
            job = _looked_up(service, job_id)
            seen(job)
            if job.state in FINAL:
                return job
            service.tend()
            time.sleep(every)
    except KeyboardInterrupt:
        more = f"`tagwerk jobs results {job_id}{service.option}` gives what is there"
        say(f"stopped; `tagwerk jobs watch {job_id}{service.option}` goes on, {more}")
        raise


def _looked_up(service: Service, job_id: str) -> JobView:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return service.job(job_id)
        except (LedgerUnavailable, ServiceUnavailable):
            if time.monotonic() > deadline:
                raise
            time.sleep(1)
