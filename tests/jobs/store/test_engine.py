"""Connections: what is refused, what is transient, whose clock counts, who waits for whom."""

from __future__ import annotations

import threading
import time
import traceback
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError

from jobs.errors import BadLedgerUrl, LedgerUnavailable
from jobs.states import JobState
from jobs.store import Ledger, engine
from jobs.store.engine import Engines, clock
from jobs.store.moves import lock_job
from tests.jobs.building import new_job

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("url", ["mysql://h/d", "sqlite://", "sqlite:///:memory:", "no address"])
def test_what_cannot_hold_the_ledger_is_refused(url: str) -> None:
    with pytest.raises(BadLedgerUrl, match=r"use postgresql://\.\.\. or sqlite:"):
        Ledger.open(url)


def test_a_database_that_is_not_there_is_transient_and_keeps_the_password_secret() -> None:
    ledger = Ledger.open("postgresql://me:secret@127.0.0.1:1/ledger")

    with pytest.raises(LedgerUnavailable, match=r"at postgresql\+psycopg://me:\*\*\*@127\.0\.0\.1:1") as caught:
        ledger.jobs()

    assert "secret" not in str(caught.value)


def test_forty_threads_hold_a_connection_each_and_one_more_is_told_soon(
    postgresql_ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given as many open transactions as a web process has threads
    monkeypatch.setattr(engine, "POOL_SECONDS", 0.2)
    engines = Engines(postgresql_ledger_url)

    with ExitStack() as stack:
        for _ in range(40):
            stack.enter_context(engines.reading())

        # When one more comes, then it is told to try again instead of hanging
        with pytest.raises(LedgerUnavailable, match="QueuePool limit"), engines.reading():
            pass
    engines.close()


def test_a_file_that_cannot_be_opened_is_transient(tmp_path: Path) -> None:
    with pytest.raises(LedgerUnavailable, match="unable to open database file"):
        Ledger.open(f"sqlite:///{tmp_path}/none/ledger.db").jobs()


def test_a_process_frozen_in_a_transaction_does_not_hold_its_job_for_ever(
    postgresql_ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a process that stops in the middle of a transaction on a job
    monkeypatch.setattr(engine, "IDLE_SECONDS", 0.3)
    ledger, frozen = Ledger.open(postgresql_ledger_url), Engines(postgresql_ledger_url)
    job_id = new_job(ledger)

    def freeze_and_wake() -> None:
        with frozen.writing() as connection:
            lock_job(connection, job_id)
            # When another wants to move the job, then it can
            assert ledger.cancel(job_id) is JobState.CANCELLED
            lock_job(connection, job_id)

    # And the frozen one finds its transaction gone when it wakes
    with pytest.raises(LedgerUnavailable, match="idle-in-transaction"):
        freeze_and_wake()
    ledger.close()


def test_a_missing_table_is_no_outage(tmp_path: Path) -> None:
    ledger = Ledger.open(f"sqlite:///{tmp_path}/empty.db")

    with pytest.raises(OperationalError, match="no such table"):
        new_job(ledger)
    ledger.close()


def test_the_ledger_answers_again_after_its_connections_were_cut(postgresql_ledger_url: str) -> None:
    ledger, other = Ledger.open(postgresql_ledger_url), Engines(postgresql_ledger_url)
    job_id = new_job(ledger)

    with other.writing() as connection:
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        connection.execute(text(f"{cut} AND datname = current_database()"))

    assert ledger.job(job_id).id == job_id
    ledger.close()
    other.close()


def test_the_clock_runs_inside_a_transaction(ledger_url: str) -> None:
    engines = Engines(ledger_url)

    with engines.writing() as connection:
        first = clock(connection)
        time.sleep(0.01)
        second = clock(connection)

    assert timedelta(milliseconds=9) <= second - first < timedelta(seconds=5)
    assert abs(second - datetime.now(UTC)) < timedelta(minutes=1)
    engines.close()


def test_a_failed_block_leaves_nothing(ledger_url: str) -> None:
    engines = Engines(ledger_url)

    def delete_and_fail() -> None:
        with engines.writing() as connection:
            connection.execute(text("DELETE FROM alembic_version"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        delete_and_fail()

    with engines.reading() as connection:
        assert connection.scalar(text("SELECT count(*) FROM alembic_version")) == 1
    engines.close()


def test_an_error_quotes_no_value(ledger_url: str) -> None:
    engines, value = Engines(ledger_url), uuid4().hex

    def insert_twice() -> None:
        with engines.writing() as connection:
            for _ in range(2):
                connection.execute(text("INSERT INTO alembic_version VALUES (:value)"), {"value": value})

    with pytest.raises(IntegrityError, match=r"(?i)unique") as caught:
        insert_twice()

    assert value not in "".join(traceback.format_exception(caught.value))
    engines.close()


def test_readers_never_wait_for_a_writer(ledger_url: str) -> None:
    engines = Engines(ledger_url)
    ledger = Ledger.open(ledger_url)
    job_id = new_job(ledger)

    with engines.writing() as connection:
        connection.execute(text("UPDATE job SET name = 'x'"))
        began = time.monotonic()
        assert ledger.job(job_id).name is None

    assert time.monotonic() - began < 2
    ledger.close()
    engines.close()


def test_sqlite_readers_cannot_write(sqlite_ledger_url: str) -> None:
    engines = Engines(sqlite_ledger_url)

    with pytest.raises(OperationalError, match="readonly"), engines.reading() as connection:
        connection.execute(text("DELETE FROM job"))
    engines.close()


def test_sqlite_writers_queue_up_and_too_long_a_wait_is_transient(
    sqlite_ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "BUSY_SECONDS", 0.3)
    engines, ledger = Engines(sqlite_ledger_url), Ledger.open(sqlite_ledger_url)
    released = threading.Event()

    with engines.writing(), pytest.raises(LedgerUnavailable, match="database is locked"):
        new_job(ledger)

    def write() -> None:
        new_job(ledger)
        released.set()

    waiting = threading.Thread(target=write)
    with engines.writing():
        waiting.start()
        assert not released.wait(0.1)
    assert released.wait(5)
    waiting.join()
    ledger.close()
    engines.close()
