"""The doctor at the services: real servers, configured as they should not be."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import redis

from jobs.keys import KeyScope
from jobs.records import BrokerFacts
from jobs.store import Ledger
from tagwerk.doctor import services
from tagwerk.doctor.findings import Finding, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests import services as servers

OK, WARN, FAIL = Status
NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


def told(findings: Iterable[Finding]) -> dict[str, Status]:
    """How each thing is; no advice where all is well, and some everywhere else."""
    found = list(findings)
    assert all((finding.advice is None) == (finding.status is OK) for finding in found)
    return {finding.check: finding.status for finding in found}


@pytest.fixture
def ledger(postgresql_ledger_url: str) -> Iterator[Ledger]:
    with closing(Ledger.open(postgresql_ledger_url)) as ledger:
        yield ledger


def test_a_broker_as_it_should_be_is_well(own_redis: servers.Server) -> None:
    assert told(services.broker(own_redis.url)) == {"broker": OK, "append-only file": OK, "eviction": OK}


@pytest.mark.parametrize(
    ("option", "value", "check", "advice"),
    [
        ("appendonly", "no", "append-only file", "set `appendonly yes`"),
        ("maxmemory-policy", "allkeys-lru", "eviction", "set `maxmemory-policy noeviction`"),
    ],
)
def test_a_broker_that_forgets_fails(
    own_redis: servers.Server, option: str, value: str, check: str, advice: str
) -> None:
    # Given a broker with one setting gone wrong
    with closing(redis.Redis.from_url(own_redis.url)) as client:
        client.config_set(option, value)

    # When it is looked at
    found = {finding.check: finding for finding in services.broker(own_redis.url)}

    # Then that alone fails, and it is said what to set
    assert [each for each, finding in found.items() if finding.status is not OK] == [check]
    assert found[check].status is FAIL
    assert advice in str(found[check].advice)


@pytest.mark.parametrize(
    ("append_only", "eviction"), [(None, None), (None, "noeviction"), (True, None)], ids=["both", "file", "eviction"]
)
def test_a_broker_that_does_not_tell_is_a_warning(append_only: bool | None, eviction: str | None) -> None:
    facts = BrokerFacts(version="7", append_only=append_only, eviction=eviction)

    assert told(services.kept(facts))["broker's memory"] is WARN


@pytest.mark.parametrize(
    "url",
    [
        "redis://:secret@127.0.0.1:1/0",
        "redis://:secret@127.0.0.1:99999/0",
        "redis://:secret/word@127.0.0.1:1/0",
        "http://:secret@127.0.0.1",
        "amqp://me:secret@127.0.0.1:1//",
    ],
)
def test_a_broker_that_does_not_answer_fails_and_its_password_is_not_told(url: str) -> None:
    [finding] = services.broker(url)

    assert (finding.check, finding.status) == ("broker", FAIL)
    assert "TAGWERK_BROKER_URL" in str(finding.advice) + finding.found
    assert "secret" not in str(finding)


def test_a_migrated_database_without_keys_asks_for_one(postgresql_ledger_url: str) -> None:
    found = told(services.database(postgresql_ledger_url))

    assert found == {"database": OK, "migrations": OK, "clock": OK, "keys": WARN}


def test_a_database_without_tables_asks_for_migration(bare_url: str) -> None:
    found = list(services.database(bare_url))

    assert told(found) == {"database": OK, "migrations": FAIL}
    assert found[-1].advice == "run `tagwerk migrate`"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:secret@127.0.0.1:1/tagwerk",
        "mysql://me:secret@db/tagwerk",
        "sqlite:////nowhere/ledger.db",
    ],
)
def test_a_database_that_does_not_answer_fails_and_its_password_is_not_told(url: str) -> None:
    [finding] = services.database(url)

    assert (finding.check, finding.status) == ("database", FAIL)
    assert "correct TAGWERK_DATABASE_URL" in str(finding.advice)
    assert "secret" not in str(finding)


@pytest.mark.parametrize(
    ("seconds", "status", "words"),
    [
        (0, OK, "0.0 s"),
        (1.9, OK, "1.9 s"),
        (-1.9, OK, "1.9 s"),
        (2.5, WARN, "2.5 s behind"),
        (-3600, WARN, "3600.0 s ahead of"),
    ],
)
def test_a_clock_that_is_far_from_the_databases_is_a_warning(seconds: float, status: Status, words: str) -> None:
    finding = services.clock(NOON + timedelta(seconds=seconds), NOON, NOON)

    assert finding.status is status
    assert finding.found.startswith(words)


def test_the_time_that_the_database_took_is_no_difference() -> None:
    assert services.clock(NOON + timedelta(seconds=10), NOON, NOON + timedelta(seconds=20)).status is OK


def test_a_key_that_opens_a_tenants_jobs_is_one(ledger: Ledger) -> None:
    # Given keys that open no tenant's jobs
    ledger.create_key("local", KeyScope.METRICS, None)
    revoked, _ = ledger.create_key("local", KeyScope.TENANT, None)
    ledger.revoke_key(revoked.id)
    assert services.keys(ledger).status is WARN

    # When there is one that does
    ledger.create_key("acme", KeyScope.TENANT, None)

    # Then all is well
    assert services.keys(ledger) == Finding(check="keys", status=OK, found="1 that open jobs, of 3 made")


def test_a_ledger_file_that_is_none_fails(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("home") / "ledger.db"
    path.mkdir()

    assert services.embedded_ledger(f"sqlite:///{path}").status is FAIL
