"""`tagwerk taggers`: what there is to tag with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs import taggers as registry
from jobs.settings import JobsSettings
from tagwerk.client import Client
from tagwerk.commands.options import Json, Server
from tagwerk.connection import server_of
from tagwerk.console import out, print_json
from tagwerk.summary import tagger_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from api.schemas import Tagger
    from jobs.taggers import TaggerEntry


def taggers(as_json: Json = False, server: Server = None) -> None:
    """Show the taggers there are."""
    found = _found(server)
    if as_json:
        print_json([{"name": e.name, "engine": e.engine, "base": e.base, "receipt": e.receipt} for e in found])
    else:
        out().print(tagger_table(found))


def _found(server: str | None) -> Sequence[TaggerEntry | Tagger]:
    if not server_of(server):
        return registry.entries(JobsSettings().taggers)
    with Client(server) as client:
        return client.taggers()
