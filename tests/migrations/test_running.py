"""The migrations make what the tables say, on both databases, whole or not at all."""

from __future__ import annotations

import multiprocessing
import re
import threading
import time
import traceback
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import event, inspect, text
from sqlalchemy.exc import IntegrityError

from jobs.errors import LedgerUnavailable
from jobs.keys import KeyScope
from jobs.store import Ledger
from jobs.store.engine import Engines
from jobs.tables import METADATA
from migrations import running
from migrations.running import at_head, configuration, connected, downgrade, upgrade
from tests.jobs.building import claim_one, new_job, queued_job, results_of, stored_corpus

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import URL, Connection, Engine


def described(connection: Connection) -> dict[str, Any]:
    """Everything about the ledger's tables that a database can tell of them, in comparable form."""
    inspector = inspect(connection)
    return {
        table: {
            "columns": [
                (column["name"], str(column["type"]), column["nullable"]) for column in inspector.get_columns(table)
            ],
            "key": inspector.get_pk_constraint(table),
            "checks": {check["name"]: plain(check["sqltext"]) for check in inspector.get_check_constraints(table)},
            "uniques": in_order(inspector.get_unique_constraints(table)),
            "foreign_keys": in_order(inspector.get_foreign_keys(table)),
            "indexes": in_order(inspector.get_indexes(table)),
        }
        for table in METADATA.tables
    }


def in_order(found: Any) -> list[str]:  # noqa: ANN401 -- several kinds of reflected dictionaries
    return sorted(plain(str({key: told(value) for key, value in each.items()})) for each in found)


def told(value: object) -> str:
    """A reflected value; conditions of indexes are objects that hide their text inside a dictionary."""
    if isinstance(value, dict):
        return str({key: str(each) for key, each in value.items()})
    return str(value)


def plain(condition: str) -> str:
    return re.sub(r"\s+", " ", condition)


def test_alembic_finds_no_difference(bare_url: str) -> None:
    upgrade(bare_url)

    with connected(bare_url) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []


def test_migrations_and_tables_make_the_same_schema(bare_url: str) -> None:
    """Checks and the conditions of partial indexes included, which Alembic does not compare."""
    upgrade(bare_url)
    with connected(bare_url) as connection:
        migrated = described(connection)
    downgrade(bare_url, "base")

    with connected(bare_url) as connection:
        METADATA.create_all(connection)
        declared = described(connection)

    assert migrated == declared
    assert len(declared["chunk"]["checks"]) > 10


def test_up_down_up(bare_url: str) -> None:
    assert not at_head(bare_url)
    upgrade(bare_url)
    assert at_head(bare_url)
    downgrade(bare_url, "base")
    assert not at_head(bare_url)
    upgrade(bare_url)
    assert at_head(bare_url)


def test_upgrading_twice_keeps_the_rows(bare_url: str) -> None:
    upgrade(bare_url)
    ledger = Ledger.open(bare_url)
    job_id = new_job(ledger)

    upgrade(bare_url)

    assert ledger.job(job_id).id == job_id
    ledger.close()


def test_a_ledger_in_use_is_upgraded_with_its_rows(bare_url: str) -> None:
    # Given a ledger of the first revision with a job, half done
    upgrade(bare_url, "0001")
    ledger = Ledger.open(bare_url)
    job_id = queued_job(ledger, tagger="default")
    claim = claim_one(ledger)
    before = ledger.job(job_id)
    assert not at_head(bare_url)

    # When it is upgraded, while a worker holds a chunk
    upgrade(bare_url)

    # Then nothing is lost, the worker commits, and keys, files and taggers can be made
    assert ledger.job(job_id) == before
    assert ledger.commit(claim, results_of(claim))
    ledger.create_key("acme", KeyScope.TENANT, None)
    ledger.tenant("acme").add_file(stored_corpus(), None)
    assert ledger.tenant("acme").taggers() == []

    # And the way back takes them along and leaves the job
    downgrade(bare_url, "0001")
    assert ledger.job(job_id).completed == 2
    with connected(bare_url) as connection:
        assert not {"api_key", "file", "idempotency", "tagger"} & set(inspect(connection).get_table_names())
    ledger.close()


def test_a_database_that_is_away_is_no_unknown_error(tmp_path: Path) -> None:
    for url in ("postgresql://me:secret@127.0.0.1:1/ledger", f"sqlite:///{tmp_path}/none/ledger.db"):
        with pytest.raises(LedgerUnavailable, match="try again") as caught:
            upgrade(url)
        assert "secret" not in str(caught.value)
    with pytest.raises(LedgerUnavailable):
        at_head("postgresql://me:secret@127.0.0.1:1/ledger")


def test_a_database_that_goes_away_after_it_answered_is_no_unknown_error(
    postgresql_bare_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a connection that is ended by the server before anything is asked
    other, made = Engines(postgresql_bare_url), running._postgres

    def ended_at_once(url: URL) -> Engine:
        engine = made(url)

        @event.listens_for(engine, "engine_connect")
        def end(connection: Connection) -> None:
            driven: Any = connection.connection.driver_connection
            with other.writing() as ending:
                ending.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": driven.info.backend_pid})

        return engine

    monkeypatch.setattr(running, "_postgres", ended_at_once)

    # When the revision is asked for, then whoever asks is told to try again
    with pytest.raises(LedgerUnavailable, match="try again"):
        at_head(postgresql_bare_url)
    other.close()


def test_a_migration_gives_way_to_writers_and_comes_back(
    postgresql_bare_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a transaction that holds a table
    monkeypatch.setattr(running, "LOCK_SECONDS", 0.2)
    monkeypatch.setattr(running, "PAUSE_SECONDS", 0.3)
    upgrade(postgresql_bare_url)
    engines, ledger = Engines(postgresql_bare_url), Ledger.open(postgresql_bare_url)
    migrating = threading.Thread(target=downgrade, args=(postgresql_bare_url, "base"))
    with engines.writing() as connection:
        connection.execute(text("SELECT count(*) FROM job"))

        # When a migration wants it for itself, then others work on it meanwhile
        migrating.start()
        for _ in range(10):
            began = time.monotonic()
            new_job(ledger)
            assert time.monotonic() - began < 3
            time.sleep(0.1)
        assert migrating.is_alive()

    # And the migration is done when it is free
    migrating.join(30)
    with engines.reading() as connection:
        assert inspect(connection).get_table_names() == ["alembic_version"]
    ledger.close()
    engines.close()


def test_a_migration_has_patience_to_a_limit(postgresql_bare_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "LOCK_SECONDS", 0.1)
    monkeypatch.setattr(running, "PAUSE_SECONDS", 0.1)
    monkeypatch.setattr(running, "PATIENCE_SECONDS", 1)
    upgrade(postgresql_bare_url)
    engines = Engines(postgresql_bare_url)

    with engines.writing() as connection:
        connection.execute(text("SELECT count(*) FROM job"))
        with pytest.raises(LedgerUnavailable, match="lock timeout"):
            downgrade(postgresql_bare_url, "base")
    assert at_head(postgresql_bare_url)

    # So it has with another migration
    with connected(postgresql_bare_url), pytest.raises(LedgerUnavailable, match="lock timeout"):
        upgrade(postgresql_bare_url)
    engines.close()


def test_an_error_of_a_migration_quotes_no_value(bare_url: str) -> None:
    upgrade(bare_url)
    value = uuid4().hex

    def insert_twice() -> None:
        with connected(bare_url) as connection:
            for _ in range(2):
                connection.execute(text("INSERT INTO alembic_version VALUES (:value)"), {"value": value})

    with pytest.raises(IntegrityError, match=r"(?i)unique") as caught:
        insert_twice()

    assert value not in "".join(traceback.format_exception(caught.value))


def test_asking_waits_for_no_writer(sqlite_bare_url: str) -> None:
    upgrade(sqlite_bare_url)

    with connected(sqlite_bare_url):
        began = time.monotonic()
        assert at_head(sqlite_bare_url)

    assert time.monotonic() - began < 5


def test_asking_makes_no_file(tmp_path: Path) -> None:
    assert not at_head(f"sqlite:///{tmp_path}/none.db")
    assert list(tmp_path.iterdir()) == []


def test_the_working_directory_does_not_matter(bare_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)

    upgrade(bare_url)

    assert at_head(bare_url)


def test_a_migration_that_dies_leaves_nothing_half_made(bare_url: str) -> None:
    def upgrade_and_die() -> None:
        with connected(bare_url) as connection:
            command.upgrade(configuration(connection), "head")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        upgrade_and_die()

    with connected(bare_url) as connection:
        assert inspect(connection).get_table_names() == []
    upgrade(bare_url)
    assert at_head(bare_url)


def test_two_migrations_at_once_wait_for_each_other(bare_url: str) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        pool.map(upgrade, [bare_url] * 3, chunksize=1)

    assert at_head(bare_url)


def test_sqlite_migrates_without_foreign_keys_and_works_with_them(sqlite_bare_url: str) -> None:
    """A rebuilt parent table would otherwise take its children along."""
    upgrade(sqlite_bare_url)
    with connected(sqlite_bare_url) as connection:
        migrating = connection.scalar(text("PRAGMA foreign_keys"))
    ledger = Ledger.open(sqlite_bare_url)
    with ledger._engines.writing() as connection:
        working = connection.scalar(text("PRAGMA foreign_keys"))
    ledger.close()

    assert (migrating, working) == (0, 1)
