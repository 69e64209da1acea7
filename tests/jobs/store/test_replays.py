"""Idempotency keys: one job however often and however many at once a request comes."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from jobs.errors import KeyInUse, KeyReused, UnknownFile
from jobs.records import Idempotency, Submission
from jobs.store import replays
from jobs.store.engine import Engines
from tests.jobs.building import finish, stored_corpus, submission

if TYPE_CHECKING:
    from jobs.store import Ledger, TenantLedger

REQUEST = Idempotency(key="nightly", fingerprint="f1")
THREADS = 50


@pytest.fixture
def acme(ledger: Ledger) -> TenantLedger:
    return ledger.tenant("acme")


@pytest.fixture
def file_id(acme: TenantLedger) -> str:
    return acme.add_file(stored_corpus(chunks=3), None).id


def test_a_request_that_comes_again_gets_its_first_answer(ledger: Ledger, acme: TenantLedger, file_id: str) -> None:
    # Given a request that made a job, which has ended since
    first = acme.submit(**submission(file_id), idempotency=REQUEST)
    finish(ledger, failed={1})

    # When it comes again
    again = acme.submit(**submission(file_id), idempotency=REQUEST)

    # Then it is told of the same job as it was, and no other was made
    assert (first.replayed, again.replayed) == (False, True)
    assert again.job == first.job != acme.job(first.job.id)
    assert len(acme.jobs()) == 1


def test_of_a_job_that_was_cancelled_too(acme: TenantLedger, file_id: str) -> None:
    first = acme.submit(**submission(file_id), idempotency=REQUEST)
    acme.cancel(first.job.id)

    assert acme.submit(**submission(file_id), idempotency=REQUEST).job == first.job


def test_another_request_with_the_key_is_refused(acme: TenantLedger, file_id: str) -> None:
    acme.submit(**submission(file_id), idempotency=REQUEST)

    with pytest.raises(KeyReused, match="'nightly'"):
        acme.submit(**submission(file_id), idempotency=Idempotency(key="nightly", fingerprint="f2"))

    assert len(acme.jobs()) == 1


def test_two_tenants_with_one_key_do_not_meet(ledger: Ledger, acme: TenantLedger, file_id: str) -> None:
    globex = ledger.tenant("globex")
    theirs = globex.add_file(stored_corpus(), None).id

    mine = acme.submit(**submission(file_id), idempotency=REQUEST)
    other = globex.submit(**submission(theirs), idempotency=Idempotency(key="nightly", fingerprint="f2"))

    assert not mine.replayed
    assert not other.replayed
    assert mine.job.id != other.job.id


def test_without_a_key_each_request_makes_a_job(acme: TenantLedger, file_id: str) -> None:
    made = [acme.submit(**submission(file_id)) for _ in range(2)]

    assert len({each.job.id for each in made}) == len(acme.jobs()) == 2


def test_a_request_that_failed_may_come_again(acme: TenantLedger, file_id: str) -> None:
    with pytest.raises(UnknownFile):
        acme.submit(**submission("file_" + "0" * 20), idempotency=REQUEST)

    assert not acme.submit(**submission(file_id), idempotency=REQUEST).replayed


def test_fifty_at_once_make_one_job(ledger: Ledger, acme: TenantLedger, file_id: str) -> None:
    # Given fifty threads with one request
    start = threading.Barrier(THREADS)

    def send(_number: int) -> Submission | KeyInUse:
        start.wait()
        try:
            return acme.submit(**submission(file_id), idempotency=REQUEST)
        except KeyInUse as error:
            return error

    # When all send it at once
    with ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(send, range(THREADS)))

    # Then one of them made the one job, and every other was told of it or to try again
    (job,) = acme.jobs()
    told = [answer for answer in answers if isinstance(answer, Submission)]
    assert [answer.replayed for answer in told].count(False) == 1
    assert {answer.job.id for answer in told} == {job.id}
    assert acme.submit(**submission(file_id), idempotency=REQUEST).job.id == job.id
    assert (job.total, len(ledger.owed("tag", 100)), ledger.law(job.id)) == (6, 3, ())


def test_a_key_at_work_is_not_waited_for(postgresql_ledger_url: str) -> None:
    engines = Engines(postgresql_ledger_url)

    with engines.writing() as one, engines.writing() as other:
        assert replays.recall(one, "acme", REQUEST) is None
        with pytest.raises(KeyInUse, match="'nightly' is at work"):
            replays.recall(other, "acme", REQUEST)
        assert replays.recall(other, "globex", REQUEST) is None
    with engines.writing() as later:
        assert replays.recall(later, "acme", REQUEST) is None
    engines.close()


def test_old_records_are_forgotten(ledger: Ledger, acme: TenantLedger, file_id: str) -> None:
    first = acme.submit(**submission(file_id), idempotency=REQUEST)

    assert ledger.forget_idempotency(hours=1) == 0
    assert acme.submit(**submission(file_id), idempotency=REQUEST).replayed
    # An hour that is still to come: everything is older.
    assert ledger.forget_idempotency(hours=-1) == 1
    assert acme.submit(**submission(file_id), idempotency=REQUEST).job.id != first.job.id
