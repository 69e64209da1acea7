"""Findings about the services: the broker, the ledger's database, its clock, and the keys in it."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from jobs.errors import BadLedgerUrl, BrokerUnavailable, LedgerUnavailable
from jobs.keys import KeyScope
from jobs.queue import broker_facts
from jobs.store import Ledger
from tagwerk.connection import require_answer, require_tables
from tagwerk.doctor.findings import fail, ok, warn
from tagwerk.errors import LedgerNotReady

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.records import BrokerFacts
    from tagwerk.doctor.findings import Finding

#: Most seconds by which this machine's clock may differ from the database's.
MOST_SECONDS_APART = 2.0


def broker(url: str) -> Iterator[Finding]:
    """Whether a broker answers at this address, and keeps what it is told."""
    try:
        facts = broker_facts(url)
    except BrokerUnavailable as error:
        yield fail("broker", str(error), "start the broker, or correct TAGWERK_BROKER_URL")
        return
    except (KeyError, ValueError):
        # Not told with its cause, which may quote a part of the password.
        yield fail(
            "broker", "TAGWERK_BROKER_URL is no address of a broker", "set it to redis://user:password@host:port/0"
        )
        return
    yield ok("broker", f"version {facts.version} answers")
    yield from kept(facts)


def kept(facts: BrokerFacts) -> Iterator[Finding]:
    """Whether a broker keeps messages over a restart and when memory runs short."""
    if facts.append_only is None or facts.eviction is None:
        yield warn(
            "broker's memory",
            "the broker does not tell how it is configured",
            "see to it yourself that appendonly is yes and maxmemory-policy is noeviction",
        )
    if facts.append_only is False:
        yield fail(
            "append-only file",
            "off: a restart of the broker forgets every bell, and work waits until the reaper rings again",
            "set `appendonly yes` in redis.conf, or run `redis-cli CONFIG SET appendonly yes` and CONFIG REWRITE",
        )
    elif facts.append_only:
        yield ok("append-only file", "on")
    if facts.eviction == "noeviction":
        yield ok("eviction", "noeviction")
    elif facts.eviction is not None:
        yield fail(
            "eviction",
            f"maxmemory-policy is {facts.eviction}: short of memory, the broker drops whole queues",
            "set `maxmemory-policy noeviction` in redis.conf, or run "
            "`redis-cli CONFIG SET maxmemory-policy noeviction` and CONFIG REWRITE",
        )


def database(url: str) -> Iterator[Finding]:
    """Whether a database answers and has the tables of this version; then its clock and its keys."""
    try:
        require_tables(url)
    except BadLedgerUrl as error:
        yield fail("database", str(error), "correct TAGWERK_DATABASE_URL")
    except LedgerUnavailable as error:
        yield fail("database", str(error), "start PostgreSQL, or correct TAGWERK_DATABASE_URL")
    except LedgerNotReady as error:
        yield ok("database", "answers")
        yield fail("migrations", str(error), "run `tagwerk migrate`")
    else:
        yield ok("database", "answers")
        yield ok("migrations", "at head")
        with closing(Ledger.open(url)) as ledger:
            yield _clock(ledger)
            yield keys(ledger)


def embedded_ledger(url: str) -> Finding:
    """Whether the embedded stack's ledger can be read; the next command brings its tables up to date."""
    try:
        require_answer(url)
    except LedgerUnavailable as error:
        return fail("ledger", str(error), "restore it from a backup, or set TAGWERK_HOME to a fresh folder")
    return ok("ledger", "can be read")


def clock(theirs: datetime, before: datetime, after: datetime) -> Finding:
    """How far the database's clock is from this machine's, which was read before and after it was asked."""
    early, late = (before - theirs).total_seconds(), (theirs - after).total_seconds()
    apart = max(early, late, 0.0)
    if apart <= MOST_SECONDS_APART:
        return ok("clock", f"{apart:.1f} s from the database's")
    return warn(
        "clock",
        f"{apart:.1f} s {'ahead of' if early > late else 'behind'} the database's; leases follow the database's",
        "keep the clocks of both machines by NTP (`timedatectl set-ntp true`)",
    )


def keys(ledger: Ledger) -> Finding:
    """Whether anybody can ask the HTTP service."""
    made = ledger.keys()
    opening = [key for key in made if key.scope is KeyScope.TENANT and key.revoked_at is None]
    if opening:
        return ok("keys", f"{len(opening)} that open jobs, of {len(made)} made")
    return warn("keys", "there is none, so the HTTP service answers nobody", "run `tagwerk keys create`")


def _clock(ledger: Ledger) -> Finding:
    before = datetime.now(UTC)
    theirs = ledger.now()
    return clock(theirs, before, datetime.now(UTC))
