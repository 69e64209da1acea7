"""`tagwerk taggers ...`: what there is to tag with, and what a name stands for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from jobs import taggers as registry
from jobs.errors import UnknownTagger
from jobs.store import TenantLedger
from jobs.tagger_names import parts, shipped
from jobs.taggers import TaggerEntry
from tagwerk.client import Client
from tagwerk.commands.options import Json, Server
from tagwerk.connection import server_of, taggers_folder, taggers_made_here
from tagwerk.console import out, print_json
from tagwerk.receipts import receipt_table, remarks
from tagwerk.summary import tagger_table

app = typer.Typer(invoke_without_command=True, help="Show taggers; promote them and roll them back.")

Name = Annotated[str, typer.Argument(help="music@3, or music for its promoted version.")]


@app.callback()
def taggers(context: typer.Context, as_json: Json = False, server: Server = None) -> None:
    """Show taggers; promote them and roll them back."""
    if context.invoked_subcommand is None:
        list_taggers(as_json, server)


@app.command("list")
def list_taggers(as_json: Json = False, server: Server = None) -> None:
    """Show the taggers there are."""
    found = _entries(server)
    if as_json:
        print_json([_facts(entry) for entry in found])
    else:
        out().print(tagger_table(found))


@app.command()
def show(name: Name, as_json: Json = False, server: Server = None) -> None:
    """Show one tagger and how it came to be."""
    entry = _entry(name, server)
    if as_json:
        print_json(_facts(entry))
        return
    out().print(tagger_table([entry]))
    if "verdict" in entry.receipt:
        out().print(receipt_table(entry.receipt))
        for line in remarks(entry.receipt):
            out().print(line)


@app.command()
def promote(name: Annotated[str, typer.Argument(help="music@3")], server: Server = None) -> None:
    """Let a name stand for this version of it; jobs that are there already keep theirs."""
    if server_of(server):
        with _remote(server, name) as client:
            promoted = client.promote(name).name
    else:
        with _local(name) as ledger:
            promoted = registry.promote(name, taggers_folder(), ledger).name
    out().print(f"{promoted} is promoted")


@app.command()
def rollback(name: Annotated[str, typer.Argument(help="music")], server: Server = None) -> None:
    """Let a name stand for the version that was promoted before."""
    if server_of(server):
        with _remote(server, name) as client:
            promoted = client.rollback(name).name
    else:
        with _local(name) as ledger:
            promoted = registry.rollback(name, ledger).name
    out().print(f"{promoted} is promoted again")


def _entries(server: str | None) -> list[TaggerEntry]:
    if server_of(server):
        with Client(server) as client:
            return [TaggerEntry(**tagger.model_dump()) for tagger in client.taggers()]
    with taggers_made_here() as made_here:
        return registry.entries(taggers_folder(), made_here)


def _entry(name: str, server: str | None) -> TaggerEntry:
    if server_of(server):
        with _remote(server, name) as client:
            return TaggerEntry(**client.tagger(name).model_dump())
    with taggers_made_here() as made_here:
        return registry.find(name, taggers_folder(), made_here)


@contextmanager
def _remote(server: str | None, name: str) -> Iterator[Client]:
    with Client(server) as client:
        if parts(name) is None:
            # What no tagger can be called may lead to another path.
            raise UnknownTagger(name, [tagger.name for tagger in client.taggers()])
        yield client


@contextmanager
def _local(name: str) -> Iterator[TenantLedger]:
    with taggers_made_here() as made_here:
        if made_here is None:
            raise UnknownTagger(name, shipped())
        yield made_here


def _facts(entry: TaggerEntry) -> dict[str, Any]:
    return {
        "name": entry.name,
        "state": entry.state,
        "engine": entry.engine,
        "base": entry.base,
        "created_at": entry.created_at and entry.created_at.isoformat(),
        "receipt": entry.receipt,
    }
