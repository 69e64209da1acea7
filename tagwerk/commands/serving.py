"""`tagwerk serve` and `tagwerk flower`: what operators and callers look at from outside."""

from __future__ import annotations

import logging
from contextlib import closing
from typing import Annotated

import typer

from corpora.settings import CorporaSettings
from jobs.errors import LedgerUnavailable
from jobs.settings import JobsSettings
from jobs.store import Ledger
from tagwerk import flower as flower_process
from tagwerk import logs, serving
from tagwerk.connection import require_tables
from tagwerk.console import say
from tagwerk.doctor.services import keys
from tagwerk.embedded import EmbeddedStack
from tagwerk.errors import LedgerNotReady, MissingSettings
from tagwerk.settings import FaceSettings, FlowerSettings

Port = Annotated[int, typer.Option(help="Port; 0 takes a free one.", min=0, max=65535)]


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Port = 8000,
    descriptor: Annotated[int | None, typer.Option("--fd", hidden=True, help="A listening socket.", min=3)] = None,
) -> None:
    """Run the HTTP service; without services in the environment, on the embedded stack."""
    logs.configure("info")
    # It tells of every look at the tables, and /readyz looks often.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    if descriptor is not None:
        serving.serve(serving.inherited(descriptor))
        return
    configured = _configured()
    with serving.listen(host, port) as listener:
        if not serving.is_loopback(host):
            say(f"{host} is open to other machines and speaks plain HTTP: put a proxy with TLS before it")
        if configured:
            _say_whether_ready(JobsSettings().database_url or "")
            serving.serve(listener)
            return
        with EmbeddedStack(FaceSettings().home) as stack:
            _say_whether_ready(stack.database_url)
            serving.serve_embedded(listener, stack)


def flower(
    host: Annotated[str, typer.Option(help="Address to listen on; not loopback: needs basic auth.")] = "127.0.0.1",
    port: Port = 5555,
) -> None:
    """Run Flower, which shows workers and chunks, on the broker; it can look and do nothing else."""
    broker_url = JobsSettings().broker_url or EmbeddedStack(FaceSettings().home).broker_url
    flower_process.become(host, port, broker_url, FlowerSettings())


def _configured() -> bool:
    """Whether the environment names the services; raises MissingSettings where it names some of them."""
    jobs = JobsSettings()
    wanted = {
        "TAGWERK_DATABASE_URL": jobs.database_url,
        "TAGWERK_BROKER_URL": jobs.broker_url,
        "TAGWERK_BLOBS": CorporaSettings().blobs,
    }
    present = [name for name, value in wanted.items() if value]
    if 0 < len(present) < len(wanted):
        raise MissingSettings(present, [name for name in wanted if name not in present])
    return bool(present)


def _say_whether_ready(database_url: str) -> None:
    """Nobody can ask without a key, and nothing is answered without tables; both may come later."""
    try:
        require_tables(database_url)
        with closing(Ledger.open(database_url)) as ledger:
            finding = keys(ledger)
    except (LedgerUnavailable, LedgerNotReady) as error:
        say(f"not ready yet: {error}")
        return
    if finding.advice:
        say(f"keys: {finding.found}; {finding.advice}")
