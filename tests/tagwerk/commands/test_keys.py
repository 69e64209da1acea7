"""`tagwerk keys`: a token is told once, alone, and what is listed opens nothing."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from jobs.keys import KeyScope
from jobs.store import Ledger
from tagwerk.embedded import EmbeddedStack
from tagwerk.settings import FaceSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.tagwerk.conftest import Tagwerk


@pytest.fixture(params=["services", "embedded"])
def ledger(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Ledger]:
    """The ledger that the commands use: that of services, or that of a home in which nothing ever ran."""
    if request.param == "services":
        url: str = request.getfixturevalue("postgresql_ledger_url")
        monkeypatch.setenv("TAGWERK_DATABASE_URL", url)
    else:
        monkeypatch.setenv("TAGWERK_HOME", str(tmp_path / "home"))
        url = EmbeddedStack(FaceSettings().home).database_url
    with closing(Ledger.open(url)) as ledger:
        yield ledger


def test_a_token_is_printed_alone_and_opens_what_it_was_made_for(tagwerk: Tagwerk, ledger: Ledger) -> None:
    ended = tagwerk("keys", "create", "--tenant", "acme", "--name", "nightly run")

    key = ledger.authenticate(ended.out.strip())
    assert key is not None
    assert (key.tenant, key.scope, key.name) == ("acme", KeyScope.TENANT, "nightly run")
    assert ended.out == f"{ended.out.strip()}\n"
    assert ended.err == f"made key {key.id} for tenant 'acme'; its token is not kept anywhere, so keep it now\n"


def test_a_key_for_the_metrics_opens_the_metrics(tagwerk: Tagwerk, ledger: Ledger) -> None:
    told = json.loads(tagwerk("keys", "create", "--scope", "metrics", "--json").out)

    key = ledger.authenticate(told["token"])
    assert key is not None
    assert (key.id, key.scope, told["scope"]) == (told["id"], KeyScope.METRICS, "metrics")


def test_keys_are_listed_without_their_tokens(tagwerk: Tagwerk, ledger: Ledger) -> None:
    # Given keys of two tenants
    tokens = [tagwerk("keys", "create", "--tenant", tenant).out.strip() for tenant in ("acme", "other")]
    made = [key.id for tenant in ("acme", "other") for key in ledger.keys(tenant)]

    people, machines = tagwerk("keys", "list"), tagwerk("keys", "list", "--tenant", "acme", "--json")

    assert [line.split()[0] for line in people.out.splitlines()] == ["key", *made]
    assert [key["tenant"] for key in json.loads(machines.out)] == ["acme"]
    assert not any(token in people.out + machines.out for token in tokens)


def test_a_revoked_key_opens_nothing_and_may_be_revoked_again(tagwerk: Tagwerk, ledger: Ledger) -> None:
    # Given a key
    token = tagwerk("keys", "create").out.strip()
    [key] = ledger.keys()

    # When it is revoked, twice
    ended = [tagwerk("keys", "revoke", key.id) for _ in range(2)]

    # Then it opens nothing, and is listed as revoked
    assert [(each.code, each.out) for each in ended] == [(0, "")] * 2
    assert ended[0].err == f"revoked key {key.id} of tenant 'local'\n"
    assert ledger.authenticate(token) is None
    assert json.loads(tagwerk("keys", "list", "--json").out)[0]["revoked_at"]


def test_where_there_is_no_key_it_says_how_to_make_one(tagwerk: Tagwerk) -> None:
    assert tagwerk("keys", "list").err == "no keys; `tagwerk keys create` makes one\n"


@pytest.mark.parametrize(
    "words",
    [("revoke", "key_aaaaaaaaaa"), ("create", "--tenant", ""), ("create", "--scope", "all")],
    ids=" ".join,
)
def test_what_cannot_be_is_asked_wrongly(tagwerk: Tagwerk, words: tuple[str, ...]) -> None:
    ended = tagwerk("keys", *words)

    assert (ended.code, ended.out) == (2, "")
    assert "Traceback" not in ended.err


def test_a_database_without_tables_is_not_given_any(
    tagwerk: Tagwerk, monkeypatch: pytest.MonkeyPatch, sqlite_bare_url: str
) -> None:
    monkeypatch.setenv("TAGWERK_DATABASE_URL", sqlite_bare_url)

    ended = tagwerk("keys", "create")

    assert (ended.code, ended.out) == (1, "")
    assert "run `tagwerk migrate`" in ended.err
