"""`tagwerk keys ...`: make, list and revoke the keys that callers of the HTTP service show."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Annotated

import typer
from rich.table import Column, Table

from jobs.keys import ApiKey, KeyScope
from jobs.settings import JobsSettings
from jobs.store import Ledger
from migrations.running import upgrade
from tagwerk.connection import require_tables
from tagwerk.console import out, print_json, say
from tagwerk.embedded import EmbeddedStack
from tagwerk.settings import FaceSettings

app = typer.Typer(no_args_is_help=True, help="Make, list and revoke keys of the HTTP service.")

Json = Annotated[bool, typer.Option("--json", help="Print for machines.")]


@app.command()
def create(
    tenant: Annotated[str, typer.Option(help="Whose jobs and files the key opens.")] = "local",
    scope: Annotated[KeyScope, typer.Option(help="tenant: all of one tenant; metrics: /metrics alone.")] = (
        KeyScope.TENANT
    ),
    name: Annotated[str | None, typer.Option(help="A name for people: who has the key.")] = None,
    as_json: Json = False,
) -> None:
    """Make a key and print its token, which is told this once."""
    with _ledger() as ledger:
        key, token = ledger.create_key(tenant, scope, name)
    if as_json:
        print_json(_facts(key) | {"token": token})
    else:
        sys.stdout.write(f"{token}\n")
    say(f"made key {key.id} for {_opens(key)}; its token is not kept anywhere, so keep it now")


@app.command("list")
def list_keys(
    tenant: Annotated[str | None, typer.Option(help="Of this tenant alone.")] = None, as_json: Json = False
) -> None:
    """Show the keys there are, without their tokens."""
    with _ledger() as ledger:
        found = ledger.keys(tenant)
    if as_json:
        print_json([_facts(key) for key in found])
    elif found:
        out().print(_table(found))
    else:
        say("no keys; `tagwerk keys create` makes one")


@app.command()
def revoke(key_id: Annotated[str, typer.Argument(help="The key's id, as `tagwerk keys list` shows it.")]) -> None:
    """Revoke a key: it opens nothing from now on."""
    with _ledger() as ledger:
        key = ledger.revoke_key(key_id)
    say(f"revoked key {key.id} of {_opens(key)}")


@contextmanager
def _ledger() -> Iterator[Ledger]:
    url = JobsSettings().database_url
    if url:
        require_tables(url)
    else:
        stack = EmbeddedStack(FaceSettings().home)
        stack.prepare()
        upgrade(stack.database_url)
        url = stack.database_url
    with closing(Ledger.open(url)) as ledger:
        yield ledger


def _opens(key: ApiKey) -> str:
    return "the metrics" if key.scope is KeyScope.METRICS else f"tenant {key.tenant!r}"


def _facts(key: ApiKey) -> dict[str, str | None]:
    return {
        "id": key.id,
        "tenant": key.tenant,
        "scope": key.scope.value,
        "name": key.name,
        "created_at": key.created_at.isoformat(),
        "revoked_at": key.revoked_at.isoformat() if key.revoked_at else None,
    }


def _table(keys: list[ApiKey]) -> Table:
    table = Table(Column("key", no_wrap=True), "tenant", "scope", "name", "created", "revoked", box=None)
    for key in keys:
        stamps = (f"{stamp:%Y-%m-%d %H:%M:%S}" if stamp else "" for stamp in (key.created_at, key.revoked_at))
        table.add_row(key.id, key.tenant, key.scope.value, key.name or "", *stamps)
    return table
