"""Keys: made, found by their token, revoked; never kept in the clear."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from jobs.errors import BadName, BadTenant, UnknownKey
from jobs.keys import KeyScope, digest, new_key
from jobs.store import Ledger
from jobs.store.engine import Engines
from jobs.tables import API_KEYS

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_a_token_opens_its_key(ledger: Ledger) -> None:
    key, token = ledger.create_key("acme", KeyScope.TENANT, "cron")
    other, _ = ledger.create_key("acme", KeyScope.METRICS, None)

    assert ledger.authenticate(token) == key
    assert (key.tenant, key.name, key.scope, key.revoked_at) == ("acme", "cron", KeyScope.TENANT, None)
    assert (other.name, other.scope) == (None, KeyScope.METRICS)
    assert key.created_at <= ledger.now()


def test_a_token_that_was_never_made_opens_nothing(ledger: Ledger) -> None:
    key, token = ledger.create_key("acme", KeyScope.TENANT, None)

    # The id alone, or a guessed secret behind it, is no way in.
    assert ledger.authenticate(new_key()[1]) is None
    assert ledger.authenticate(token[:-43] + "A" * 43) is None
    assert ledger.authenticate(key.id) is None


def test_what_is_no_token_is_not_asked_for() -> None:
    away = Ledger.open("postgresql://me:secret@127.0.0.1:1/ledger")

    assert [away.authenticate(text) for text in ("", "tw_x", "\0", "\ud800", "x" * 10_000)] == [None] * 5


def test_a_revoked_key_opens_nothing_and_stays_listed(ledger: Ledger) -> None:
    key, token = ledger.create_key("acme", KeyScope.TENANT, None)
    other, other_token = ledger.create_key("acme", KeyScope.TENANT, None)

    revoked = ledger.revoke_key(key.id)

    assert revoked.revoked_at is not None
    assert ledger.authenticate(token) is None
    assert ledger.authenticate(other_token) == other
    assert ledger.keys() == [revoked, other]


def test_revoking_twice_keeps_the_first_time(ledger: Ledger) -> None:
    key, _ = ledger.create_key("acme", KeyScope.TENANT, None)

    assert ledger.revoke_key(key.id) == ledger.revoke_key(key.id)


def test_an_unknown_key_is_named(ledger: Ledger) -> None:
    for key_id in ("key_aaaaaaaaaa", "", "key_\0", "x" * 10_000):
        with pytest.raises(UnknownKey, match="there is no key '"):
            ledger.revoke_key(key_id)


def test_keys_are_listed_by_tenant(ledger: Ledger) -> None:
    acme, _ = ledger.create_key("acme", KeyScope.TENANT, None)
    globex, _ = ledger.create_key("globex", KeyScope.TENANT, None)

    assert (ledger.keys("acme"), ledger.keys("globex"), ledger.keys("nobody")) == ([acme], [globex], [])
    assert sorted(map(str, ledger.keys())) == sorted(map(str, (acme, globex)))


def test_a_bad_tenant_or_name_makes_no_key(ledger: Ledger) -> None:
    with pytest.raises(BadTenant, match="'Acme'"):
        ledger.create_key("Acme", KeyScope.TENANT, None)
    with pytest.raises(BadName, match="NUL"):
        ledger.create_key("acme", KeyScope.TENANT, "a\0")

    assert ledger.keys() == []


@pytest.fixture
def rows(ledger_url: str) -> Iterator[Engines]:
    engines = Engines(ledger_url)
    yield engines
    engines.close()


def test_of_a_token_only_the_hash_is_kept(ledger: Ledger, rows: Engines) -> None:
    _, token = ledger.create_key("acme", KeyScope.TENANT, "cron")

    with rows.reading() as connection:
        (row,) = connection.execute(select(API_KEYS)).all()

    assert row.digest == digest(token)
    assert token[-43:] not in str(row)
