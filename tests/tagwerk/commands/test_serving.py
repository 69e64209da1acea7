"""`tagwerk serve`: what it says before it serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tagwerk import serving
from tests.tagwerk.commands.test_operating import SERVICES

if TYPE_CHECKING:
    import socket

    from jobs.store import Ledger
    from tests.tagwerk.conftest import Tagwerk


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that were served, in place of serving them."""
    hosts: list[str] = []

    def serve(listener: socket.socket) -> None:
        hosts.append(listener.getsockname()[0])

    monkeypatch.setattr(serving, "serve", serve)
    return hosts


@pytest.mark.parametrize(("host", "told"), [("127.0.0.1", False), ("0.0.0.0", True)])
def test_an_address_for_other_machines_is_taken_with_a_word_on_tls(
    tagwerk: Tagwerk, services: Ledger, served: list[str], host: str, told: bool
) -> None:
    ended = tagwerk("serve", "--host", host, "--port", 0)

    assert (ended.code, served) == (0, [host])
    assert ("put a proxy with TLS before it" in ended.err) is told
    assert "run `tagwerk keys create`" in ended.err


def test_tables_that_are_not_there_yet_are_said(
    tagwerk: Tagwerk, monkeypatch: pytest.MonkeyPatch, served: list[str], sqlite_bare_url: str
) -> None:
    for name, value in {**SERVICES, "TAGWERK_DATABASE_URL": sqlite_bare_url}.items():
        monkeypatch.setenv(name, value)

    ended = tagwerk("serve", "--port", 0)

    assert (ended.code, len(served)) == (0, 1)
    assert "not ready yet: the ledger has not the tables of this version; run `tagwerk migrate`" in ended.err


def test_an_address_that_can_hold_no_ledger_is_refused(
    tagwerk: Tagwerk, monkeypatch: pytest.MonkeyPatch, served: list[str]
) -> None:
    for name, value in {**SERVICES, "TAGWERK_DATABASE_URL": "mysql://me:secret@db/x"}.items():
        monkeypatch.setenv(name, value)

    ended = tagwerk("serve", "--port", 0)

    assert (ended.code, served) == (2, [])
    assert "'mysql://me:***@db/x' cannot hold the ledger" in ended.err
