"""A lease is kept while its worker lives, and says when to stop."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from jobs.errors import LedgerUnavailable
from jobs.records import Claim, Renewal
from jobs.states import JobState
from jobs.store import Ledger
from tests.workers.building import ScriptedRuntime, hands, only_chunk, tag_job
from workers import lease, tagging
from workers.lease import Lease

if TYPE_CHECKING:
    from collections.abc import Iterator

    from corpora.blobs import BlobStore

#: Renewed every half second; a busy machine may be late with one of two.
SECONDS = 1.5


class CountingLedger(Ledger):
    """A ledger that counts the renewals it is asked for, and that may be away."""

    renewals = 0
    away = False

    def renew(self, claimed: Claim, lease_s: float) -> Renewal:
        self.renewals += 1
        if self.away:
            raise LedgerUnavailable("ledger", ConnectionError("connection refused"))
        return super().renew(claimed, lease_s)


@pytest.fixture
def counting(ledger_url: str) -> Iterator[CountingLedger]:
    ledger = CountingLedger.open(ledger_url)
    assert isinstance(ledger, CountingLedger)
    yield ledger
    ledger.close()


@pytest.fixture
def claim(counting: CountingLedger, blobs: BlobStore) -> Claim:
    """A chunk of a job, claimed for a minute."""
    tag_job(counting, blobs, "sure thing")
    claim = counting.claim(only_chunk(counting), worker="here:1", lease_s=60)
    assert claim is not None
    return claim


def lease_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("lease-")]


@pytest.mark.usefixtures("trusting")
def test_a_chunk_that_takes_longer_than_its_lease_is_kept(ledger: Ledger, blobs: BlobStore) -> None:
    # Given a chunk whose one batch takes almost twice its lease
    job_id = tag_job(ledger, blobs, "sure thing")
    crashed = []

    def work(_done: int) -> None:
        began = time.monotonic()
        while time.monotonic() - began < 1.8 * SECONDS:
            crashed.append(ledger.reap(3).crashed)
            time.sleep(0.1)

    # When a worker does it, the reaper looking all the while
    tagging.run(hands(ledger, blobs, ScriptedRuntime(work), lease_seconds=SECONDS), only_chunk(ledger))

    # Then its lease never ran out, its commit was taken, and nobody renews any more
    assert not any(crashed)
    assert ledger.job(job_id).state is JobState.COMPLETED
    assert lease_threads() == []


def test_renewing_ends_with_the_block_also_by_an_error(counting: CountingLedger, claim: Claim) -> None:
    seen: list[str] = []

    def fail() -> None:
        with lease.kept(counting, claim, 60):
            seen.extend(lease_threads())
            raise KeyError

    with pytest.raises(KeyError):
        fail()

    assert (seen, lease_threads()) == ([f"lease-{claim.chunk_id}"], [])


def test_the_ledger_is_asked_now_and_then_only(
    counting: CountingLedger, claim: Claim, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Lease(counting, claim, 60)

    assert [held.ask() for _ in range(100)] == [Renewal.HELD] * 100
    asked_at_once = counting.renewals
    monkeypatch.setattr(lease, "ASK_EVERY", 0.0)
    held.ask()

    assert (asked_at_once, counting.renewals) == (0, 1)


@pytest.mark.usefixtures("eager")
def test_what_the_ledger_says_is_what_the_worker_hears(counting: CountingLedger, claim: Claim) -> None:
    held = Lease(counting, claim, 60)

    heard = [held.ask()]
    counting.cancel(claim.job_id)
    heard.append(held.ask())
    counting.void_leases()
    heard.append(held.ask())

    assert heard == [Renewal.HELD, Renewal.CANCELLING, Renewal.LOST]


@pytest.mark.usefixtures("eager")
def test_a_ledger_that_does_not_answer_changes_nothing(counting: CountingLedger, claim: Claim) -> None:
    # Given a worker that has heard that its job is being cancelled
    held = Lease(counting, claim, 60)
    counting.cancel(claim.job_id)
    held.ask()

    # When the ledger goes away
    counting.away = True
    with capture_logs() as logs:
        heard = held.ask()

    # Then the last answer stands, and the log says so
    assert heard is Renewal.CANCELLING
    assert [(entry["event"], entry["chunk"]) for entry in logs] == [("lease_not_renewed", claim.chunk_id)]
