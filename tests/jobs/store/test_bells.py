"""Which bells are owed, which were rung and not heard."""

from __future__ import annotations

import time

from sqlalchemy import select

from jobs.store import Ledger
from jobs.store.engine import Engines
from jobs.tables import CHUNKS
from tests.jobs.building import claim_one, new_job, queued_job, ranges


def test_bells_are_owed_by_queue_and_oldest_first(ledger: Ledger) -> None:
    queued_job(ledger, chunks=2)
    other = new_job(ledger, engine="llm")
    ledger.enqueue(other, blob="b", documents=2, chunks=ranges(1, 2), queue="llm")
    queued_job(ledger, chunks=1)

    owed = ledger.owed("tag", 10)

    assert (len(owed), owed) == (3, sorted(owed))
    assert ledger.owed("tag", 2) == owed[:2]
    assert len(ledger.owed("llm", 10)) == 1
    assert ledger.owed("adapt", 10) == []


def test_rung_chunks_owe_nothing_and_wait_to_be_claimed(ledger: Ledger) -> None:
    queued_job(ledger)
    first, second, third = ledger.owed("tag", 10)

    assert ledger.mark_rung([second]) == 1
    time.sleep(0.002)  # SQLite's clock counts milliseconds
    assert ledger.mark_rung([first, third]) == 2

    assert ledger.owed("tag", 10) == []
    assert ledger.rung_unclaimed("tag") == 3
    assert ledger.oldest_rung("tag", 2) == [second, first]
    assert ledger.rung_unclaimed("llm") == 0


def test_ringing_again_makes_a_bell_the_youngest(ledger: Ledger) -> None:
    queued_job(ledger)
    first, second, third = ledger.owed("tag", 10)
    for chunk_id in (first, second, third, first):
        ledger.mark_rung([chunk_id])
        time.sleep(0.002)  # SQLite's clock counts milliseconds

    assert ledger.oldest_rung("tag", 10) == [second, third, first]


def test_a_claimed_chunk_waits_no_more_and_is_not_marked(ledger: Ledger) -> None:
    queued_job(ledger)
    ids = ledger.owed("tag", 10)
    claim_one(ledger)

    assert ledger.mark_rung(ids) == 2
    assert ledger.rung_unclaimed("tag") == 2


def test_dropped_chunks_owe_no_bell(ledger: Ledger) -> None:
    job_id = queued_job(ledger)
    ledger.mark_rung(ledger.owed("tag", 1))

    ledger.cancel(job_id)

    assert (ledger.owed("tag", 10), ledger.rung_unclaimed("tag")) == ([], 0)


def test_marking_waits_for_nobody(postgresql_ledger_url: str) -> None:
    """A row that another transaction holds is skipped, so marking cannot deadlock with a job's lock."""
    ledger = Ledger.open(postgresql_ledger_url)
    queued_job(ledger)
    first, *others = ledger.owed("tag", 10)
    engines = Engines(postgresql_ledger_url)

    with engines.writing() as connection:
        connection.execute(select(CHUNKS.c.id).where(CHUNKS.c.id == first).with_for_update())
        marked = ledger.mark_rung([first, *others])

    assert marked == 2
    assert ledger.owed("tag", 10) == [first]
    engines.close()
    ledger.close()
