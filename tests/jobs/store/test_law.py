"""The law finds what is wrong: it is asked of rows that were damaged by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import delete, update

from jobs.errors import UnknownJob
from jobs.store.engine import Engines
from jobs.tables import CHUNKS, JOBS, RESULTS
from tests.jobs.building import claim_one, finish, queued_job, results_of

if TYPE_CHECKING:
    from jobs.store import Ledger


def change(ledger_url: str, statement: Any) -> None:  # noqa: ANN401 -- any statement
    engines = Engines(ledger_url)
    with engines.writing() as connection:
        connection.execute(statement)
    engines.close()


def test_a_lost_result_is_a_breach(ledger: Ledger, ledger_url: str) -> None:
    job_id = queued_job(ledger)
    finish(ledger, failed={4})
    assert ledger.law(job_id) == ()

    change(ledger_url, delete(RESULTS).where(RESULTS.c.line == 4))

    (breach,) = ledger.law(job_id)
    assert "(5, 1) in finished chunks and (5, 0) in results" in breach


def test_a_total_that_the_chunks_do_not_hold_is_a_breach(ledger: Ledger, ledger_url: str) -> None:
    job_id = queued_job(ledger)

    change(ledger_url, update(JOBS).values(documents=7))

    assert ledger.law(job_id) == ("total is 7, the chunks count 6",)


def test_pending_work_in_a_final_state_is_a_breach(ledger: Ledger, ledger_url: str) -> None:
    job_id = queued_job(ledger)
    claim = claim_one(ledger)
    ledger.commit(claim, results_of(claim))
    ledger.cancel(job_id)
    reopened = {"state": "available", "failed": 0, "error_code": None}

    change(ledger_url, update(CHUNKS).where(CHUNKS.c.seq == 1).values(reopened))

    assert ledger.law(job_id) == ("2 documents are pending in final state cancelled",)


def test_the_law_knows_no_unknown_job(ledger: Ledger) -> None:
    with pytest.raises(UnknownJob):
        ledger.law("job_nobody")
