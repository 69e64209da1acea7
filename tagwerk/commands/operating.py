"""`tagwerk worker`, `reaper` and `migrate`: what operators start."""

from __future__ import annotations

import signal
import tempfile
import threading
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from corpora.blobs import BlobStore
from corpora.settings import CorporaSettings
from jobs.queue import TASKS, Doorbell
from jobs.reaper import Reaper
from jobs.settings import JobsSettings
from jobs.store import Ledger
from migrations.running import upgrade
from retrieval.settings import RetrievalSettings
from tagwerk.connection import require_answer
from tagwerk.console import say
from tagwerk.errors import UnusableInput
from tagwerk.logs import LEVELS, configure
from workers.settings import WorkerSettings

#: The address of a service: a URL or a folder.
Given = TypeVar("Given", str, Path)


def worker(
    queues: Annotated[str, typer.Option("-Q", "--queues", help="Queues to serve: tag, llm, adapt.")] = "tag",
    concurrency: Annotated[int, typer.Option("-c", help="Processes; one for each device.", min=1)] = 1,
    name: Annotated[str, typer.Option("-n", "--name", help="Name in Flower; %h is the host.")] = "tag@%h",
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "info",
) -> None:
    """Run a worker; needs TAGWERK_DATABASE_URL, TAGWERK_BROKER_URL and TAGWERK_BLOBS, for adapt TAGWERK_TAGGERS."""
    wanted = queues.split(",")
    unknown = [queue for queue in wanted if queue not in TASKS]
    if unknown:
        raise UnusableInput(f"there is no queue {unknown[0]!r}; queues are {', '.join(TASKS)}")
    if log_level not in LEVELS:
        raise UnusableInput(f"there is no log level {log_level!r}; levels are {', '.join(LEVELS)}")
    settings = JobsSettings()
    _service("TAGWERK_DATABASE_URL", settings.database_url)
    _service("TAGWERK_BROKER_URL", settings.broker_url)
    _service("TAGWERK_BLOBS", CorporaSettings().blobs)
    if "adapt" in wanted:
        _service("TAGWERK_TAGGERS", settings.taggers)
    # Read here as well, so that a wrong value ends the worker rather than every task of it.
    WorkerSettings()
    RetrievalSettings()
    configure(log_level)
    from workers.app import run

    run(wanted, concurrency=concurrency, name=name, log_level=log_level)


def reaper(
    heartbeat: Annotated[
        Path | None,
        typer.Option(help="File touched after each round; default: tagwerk-reaper in the temporary folder."),
    ] = None,
) -> None:
    """Run the reaper: it notices dead workers, lost bells and jobs whose time is over.

    With TAGWERK_BLOBS it also deletes what is left of uploads that ended in the middle.
    """
    settings, folder = JobsSettings(), CorporaSettings().blobs
    ledger = Ledger.open(_service("TAGWERK_DATABASE_URL", settings.database_url))
    bell = Doorbell.at(_service("TAGWERK_BROKER_URL", settings.broker_url))
    configure("info")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    blobs = BlobStore(folder) if folder else None
    heartbeat = heartbeat or Path(tempfile.gettempdir()) / "tagwerk-reaper"
    Reaper(ledger, bell, settings, blobs=blobs, heartbeat=heartbeat).run(stop)


def migrate() -> None:
    """Bring the ledger's tables up to date; safe to run twice, and while workers run."""
    url = _service("TAGWERK_DATABASE_URL", JobsSettings().database_url)
    require_answer(url)
    upgrade(url)
    say("the ledger is up to date")


def _service(name: str, value: Given | None) -> Given:
    if not value:
        raise UnusableInput(f"{name} is not set; this command serves running services")
    return value
