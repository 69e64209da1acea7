"""What must never be is refused by the database itself, whoever writes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError, StatementError

from jobs.keys import KeyScope, digest
from jobs.states import ChunkState, JobState, TaggerState
from jobs.store.engine import Engines
from jobs.tables import API_KEYS, CHUNKS, ESCALATIONS, FILES, IDEMPOTENCY, JOBS, RESULTS, TAGGERS
from tests.jobs.building import claim_one, finish, made_tagger, new_job, queued_job, stored_corpus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Table

    from jobs.store import Ledger

NOW = datetime(2026, 1, 2, tzinfo=UTC)

NEVER_A_QUEUED_JOB: list[dict[str, Any]] = [
    {"documents": None},
    {"documents": 0},
    {"blob": None},
    {"queue": None},
    {"queued_at": None},
    {"state": JobState.COMPLETED},
    {"completed_at": NOW},
    {"cancelled_at": NOW},
    {"state": JobState.FAILED, "failed_at": NOW},
    {"error": {"code": "x"}},
    {"state": JobState.RUNNING},
    {"state": JobState.CANCELLING},
    {"expires_at": datetime(2020, 1, 1, tzinfo=UTC)},
    {"parent_id": "job_of_nobody"},
]
NEVER_AN_AVAILABLE_CHUNK: list[dict[str, Any]] = [
    {"lease_until": NOW},
    {"worker": "w1"},
    {"state": ChunkState.RUNNING, "lease_until": NOW},
    {"state": ChunkState.RUNNING, "worker": "w1"},
    {"state": ChunkState.DONE, "completed": 1},
    {"state": ChunkState.DONE, "completed": 2, "failed": 1},
    {"state": ChunkState.DONE, "completed": 3, "failed": -1},
    {"state": ChunkState.DROPPED, "failed": 2},
    {"state": ChunkState.DROPPED, "failed": 1, "completed": 1, "error_code": "poison"},
    {"completed": 1},
    {"error_code": "poison"},
    {"crashes": 1},
    {"crashes": -1},
    {"byte_end": 0},
    {"byte_start": -1},
    {"first_line": 0},
    {"documents": 0},
    {"seq": 1},
    {"job_id": "job_of_nobody"},
]


@pytest.fixture
def engines(ledger_url: str) -> Iterator[Engines]:
    engines = Engines(ledger_url)
    yield engines
    engines.close()


def assert_never(engines: Engines, table: Table, row_id: object, values: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), engines.writing() as connection:
        connection.execute(update(table).where(table.c.id == row_id).values(values))


@pytest.mark.parametrize("values", NEVER_A_QUEUED_JOB, ids=str)
def test_a_queued_job_is_never(ledger: Ledger, engines: Engines, values: dict[str, Any]) -> None:
    assert_never(engines, JOBS, queued_job(ledger), values)


@pytest.mark.parametrize("values", NEVER_AN_AVAILABLE_CHUNK, ids=str)
def test_an_available_chunk_is_never(ledger: Ledger, engines: Engines, values: dict[str, Any]) -> None:
    queued_job(ledger)

    assert_never(engines, CHUNKS, ledger.owed("tag", 1)[0], values)


def test_a_document_has_one_result(ledger: Ledger, engines: Engines) -> None:
    job_id = queued_job(ledger)
    finish(ledger)
    row = {"job_id": job_id, "chunk_id": 1, "line": 1, "document_id": "d1", "ok": True, "body": "{}"}

    with pytest.raises(IntegrityError), engines.writing() as connection:
        connection.execute(insert(RESULTS).values(row))


@pytest.mark.parametrize("values", [{"scope": "all"}, {"digest": "short"}, {"tenant": None}], ids=str)
def test_a_key_is_never(ledger: Ledger, engines: Engines, values: dict[str, Any]) -> None:
    key, _ = ledger.create_key("acme", KeyScope.TENANT, None)

    assert_never(engines, API_KEYS, key.id, values)


@pytest.mark.parametrize("values", [{"bytes": 0}, {"documents": 0}, {"blob": None}], ids=str)
def test_a_file_is_never(ledger: Ledger, engines: Engines, values: dict[str, Any]) -> None:
    assert_never(engines, FILES, ledger.tenant("acme").add_file(stored_corpus(), None).id, values)


def test_two_keys_have_two_tokens(ledger: Ledger, engines: Engines) -> None:
    one, other = (ledger.create_key("acme", KeyScope.TENANT, None) for _ in range(2))

    assert_never(engines, API_KEYS, one[0].id, {"digest": digest(other[1])})


def test_an_idempotency_key_stands_for_one_job(ledger: Ledger, engines: Engines) -> None:
    row = {"tenant": "acme", "key": "k", "fingerprint": "f", "job_id": new_job(ledger), "created_at": NOW}
    with engines.writing() as connection:
        connection.execute(insert(IDEMPOTENCY).values(row))

    for never in (row, row | {"key": "l", "job_id": "job_of_nobody"}):
        with pytest.raises(IntegrityError), engines.writing() as connection:
            connection.execute(insert(IDEMPOTENCY).values(never))


@pytest.mark.parametrize(
    "values",
    [
        {"state": "best"},
        {"version": 0},
        {"state": TaggerState.PROMOTED, "promoted_at": None},
        {"state": TaggerState.CANDIDATE},
        {"job_id": "job_of_nobody"},
        {"receipt": None},
        {"version": 2},
    ],
    ids=str,
)
def test_a_promoted_tagger_is_never(ledger: Ledger, engines: Engines, values: dict[str, Any]) -> None:
    first = made_tagger(ledger)
    made_tagger(ledger, promote=False)

    with pytest.raises(IntegrityError), engines.writing() as connection:
        connection.execute(update(TAGGERS).where(TAGGERS.c.job_id == first.job_id).values(values))


def test_a_name_stands_for_one_version(ledger: Ledger, engines: Engines) -> None:
    made_tagger(ledger)
    second = made_tagger(ledger, promote=False)
    both = {"state": TaggerState.PROMOTED, "promoted_at": NOW}

    with pytest.raises(IntegrityError), engines.writing() as connection:
        connection.execute(update(TAGGERS).where(TAGGERS.c.job_id == second.job_id).values(both))


@pytest.mark.parametrize("risk", [-0.01, 1.01])
def test_risk_is_a_probability(ledger: Ledger, engines: Engines, risk: float) -> None:
    row = {
        "job_id": new_job(ledger),
        "line": 1,
        "document_id": "d1",
        "reasons": [],
        "risk": risk,
        "state": "open",
    }

    with pytest.raises(IntegrityError), engines.writing() as connection:
        connection.execute(insert(ESCALATIONS).values(row))


def test_times_come_back_in_utc(ledger: Ledger, engines: Engines) -> None:
    queued_job(ledger)
    claim = claim_one(ledger)
    told = datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=timezone(timedelta(hours=5)))

    with engines.writing() as connection:
        connection.execute(update(CHUNKS).where(CHUNKS.c.id == claim.chunk_id).values(lease_until=told))
        kept = connection.scalar(select(CHUNKS.c.lease_until).where(CHUNKS.c.id == claim.chunk_id))

    assert kept == told
    assert kept is not None
    assert kept.tzinfo is UTC


def test_naive_times_are_refused(ledger: Ledger, engines: Engines) -> None:
    queued_job(ledger)
    naive = datetime(2026, 1, 2)

    with pytest.raises(StatementError, match="has no time zone"), engines.writing() as connection:
        connection.execute(update(CHUNKS).values(rung_at=naive))
