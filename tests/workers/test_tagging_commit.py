"""The commit when the ledger is away: done work is waited for, and never stored twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from jobs.errors import LedgerUnavailable
from jobs.states import JobState
from jobs.store import Ledger
from tests.workers.building import hands, only_chunk, tag_job, told
from workers import hands as hands_module
from workers import tagging

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from corpora.blobs import BlobStore
    from jobs.records import Claim, NewEscalation, NewResult

DOCUMENTS = ("sure 1", "close 2", "broken 3")


class ShakyLedger(Ledger):
    """A ledger whose connection breaks at the first commits, before or after these went through."""

    before = 0
    after = 0

    def commit(self, claimed: Claim, results: Sequence[NewResult], escalations: Sequence[NewEscalation] = ()) -> bool:
        if self.before:
            self.before -= 1
            raise self._broken()
        kept = super().commit(claimed, results, escalations)
        if self.after:
            self.after -= 1
            raise self._broken()
        return kept

    def _broken(self) -> LedgerUnavailable:
        return LedgerUnavailable("ledger", ConnectionError("server closed the connection"))


@pytest.fixture
def shaky(ledger_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[ShakyLedger]:
    """A ledger to break, with short pauses between two tries."""
    monkeypatch.setattr(hands_module, "COMMIT_PAUSE", 0.01)
    ledger = ShakyLedger.open(ledger_url)
    assert isinstance(ledger, ShakyLedger)
    yield ledger
    ledger.close()


def assert_stored_once(ledger: Ledger, job_id: str) -> None:
    assert told(ledger, job_id) == [("d1", None), ("d2", None), ("d3", "tagging_failed")]
    assert [each.document_id for each in ledger.escalations(job_id)] == ["d3", "d2"]
    assert ledger.job(job_id).state is JobState.COMPLETED
    assert ledger.law(job_id) == ()


def test_a_ledger_that_is_away_at_the_commit_is_waited_for(shaky: ShakyLedger, blobs: BlobStore) -> None:
    # Given a ledger that does not answer three commits
    job_id = tag_job(shaky, blobs, *DOCUMENTS)
    shaky.before = 3

    # When a chunk is done
    with capture_logs() as logs:
        tagging.run(hands(shaky, blobs), only_chunk(shaky))

    # Then it is stored by the fourth, and nothing was done twice
    assert_stored_once(shaky, job_id)
    assert logs == []


def test_a_commit_whose_answer_was_lost_is_not_stored_twice(shaky: ShakyLedger, blobs: BlobStore) -> None:
    # Given a connection that breaks between a commit and its answer
    job_id = tag_job(shaky, blobs, *DOCUMENTS)
    shaky.after = 1

    # When a chunk is done, and committed again because nobody knows
    with capture_logs() as logs:
        tagging.run(hands(shaky, blobs), only_chunk(shaky))

    # Then the second commit is refused and every document is there once
    assert [entry["event"] for entry in logs] == ["stale_commit_refused"]
    assert_stored_once(shaky, job_id)


def test_patience_has_an_end(shaky: ShakyLedger, blobs: BlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a ledger that stays away
    monkeypatch.setattr(hands_module, "COMMIT_PATIENCE", 0.05)
    job_id = tag_job(shaky, blobs, *DOCUMENTS)
    shaky.before = 10_000

    # When a chunk is done
    with pytest.raises(LedgerUnavailable):
        tagging.run(hands(shaky, blobs), only_chunk(shaky))

    # Then the worker gives up, and the chunk stays whole for the next one
    assert shaky.before < 10_000 - 1
    assert (told(shaky, job_id), shaky.job(job_id).pending) == ([], 3)
