"""The reaper on a real broker: lost bells, dead workers, outages, two reapers at once."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

import pytest
import redis
from structlog.testing import capture_logs

from jobs import reaper as reaper_module
from jobs.errors import BrokerUnavailable, LedgerUnavailable
from jobs.queue import Doorbell
from jobs.reaper import LONGEST_PAUSE, Reaper
from jobs.records import Idempotency, ReapReport
from jobs.settings import JobsSettings
from jobs.states import JobState
from jobs.store import Ledger
from tests.jobs.building import claim_one, finish, make_due, queued_job, results_of, stored_corpus, submission

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from corpora.blobs import BlobStore
    from jobs.reaper import TickReport

SETTINGS = JobsSettings(reaper_tick_seconds=0.05)


@pytest.fixture
def reaper(ledger: Ledger, bell: Doorbell) -> Reaper:
    return Reaper(ledger, bell, SETTINGS)


def until(true: Callable[[], bool]) -> None:
    """Wait until something is true, at most ten seconds."""
    pause = threading.Event()
    for _ in range(500):
        if true():
            return
        pause.wait(0.02)
    pytest.fail("it did not become true within ten seconds")


def test_a_tick_rings_what_is_owed_once(ledger: Ledger, bell: Doorbell, reaper: Reaper) -> None:
    queued_job(ledger, chunks=3)

    assert [reaper.tick().facts(), reaper.tick().facts()] == [{"rung": 3}, {}]
    assert bell.depth("tag") == 3


def test_a_dead_workers_chunk_is_rung_again(ledger: Ledger, bell: Doorbell, reaper: Reaper) -> None:
    queued_job(ledger, chunks=1)
    claim_one(ledger, lease_s=-1)

    assert reaper.tick().facts() == {"crashed": 1, "rung": 1}
    assert bell.depth("tag") == 1


def test_max_crashes_comes_from_the_settings(ledger: Ledger, bell: Doorbell) -> None:
    job_id = queued_job(ledger, chunks=1)
    claim_one(ledger, lease_s=-1)

    report = Reaper(ledger, bell, JobsSettings(max_crashes=1)).tick()

    assert report.reaped == ReapReport(crashed=1, poisoned=1)
    assert ledger.job(job_id).state is JobState.COMPLETED


def test_due_jobs_expire(ledger: Ledger, ledger_url: str, reaper: Reaper) -> None:
    job_id = queued_job(ledger)
    make_due(ledger_url, job_id)

    assert reaper.tick().facts() == {"expired": 1}
    assert ledger.job(job_id).state is JobState.EXPIRED


def test_a_wiped_broker_is_rung_again_by_the_next_tick(
    ledger: Ledger, bell: Doorbell, reaper: Reaper, broker_url: str
) -> None:
    # Given chunks that were rung, one of them claimed
    queued_job(ledger, chunks=4)
    claim = claim_one(ledger)
    reaper.tick()

    # When the broker loses everything
    client = redis.Redis.from_url(broker_url)
    client.flushall()
    client.close()

    # Then one tick rings for each unclaimed chunk, and the next for none
    assert [reaper.tick().facts(), reaper.tick().facts()] == [{"rung_again": 3}, {}]
    assert bell.depth("tag") == 3
    assert ledger.commit(claim, results_of(claim))


def test_only_the_missing_bells_ring_and_the_oldest_first(
    ledger: Ledger, bell: Doorbell, reaper: Reaper, broker_url: str
) -> None:
    queued_job(ledger, chunks=4)
    reaper.tick()
    oldest = ledger.oldest_rung("tag", 1)
    client = redis.Redis.from_url(broker_url)
    client.lpop("tag")
    client.close()

    assert reaper.tick().facts() == {"rung_again": 1}

    assert bell.depth("tag") == 4
    assert ledger.oldest_rung("tag", 4)[-1:] == oldest


def test_bells_of_finished_chunks_are_not_missed(ledger: Ledger, bell: Doorbell, reaper: Reaper) -> None:
    queued_job(ledger, chunks=2)
    reaper.tick()
    queued_job(ledger, chunks=1)
    finish(ledger)

    assert reaper.tick().facts() == {}
    assert bell.depth("tag") == 2


def test_old_idempotency_keys_are_forgotten_now_and_then(
    ledger: Ledger, bell: Doorbell, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a reaper that looks every third round, for records older than an hour that is still to come
    monkeypatch.setattr(reaper_module, "SELDOM", 3)
    monkeypatch.setattr(reaper_module, "IDEMPOTENCY_HOURS", -1)
    reaper, acme = Reaper(ledger, bell, SETTINGS), ledger.tenant("acme")
    file = acme.add_file(stored_corpus(), None)

    # When a request comes before every round
    told = []
    for _ in range(4):
        acme.submit(**submission(file.id), idempotency=Idempotency(key="nightly", fingerprint="f"))
        told.append(reaper.tick().forgotten)

    # Then its record went in the first round and in the fourth
    assert told == [1, 0, 0, 1]
    assert len(acme.jobs()) == 2


def test_files_that_nobody_will_finish_are_swept_now_and_then(
    ledger: Ledger, bell: Doorbell, blobs: BlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given what two uploads left, one of them long ago
    monkeypatch.setattr(reaper_module, "SELDOM", 2)
    reaper = Reaper(ledger, bell, SETTINGS, blobs=blobs)
    old, young = unfinished(blobs, hours=25), unfinished(blobs, hours=23)

    # When the reaper goes its rounds, then the old one is gone after the first
    assert reaper.tick().facts() == {"swept": 1}
    assert (old.exists(), young.exists()) == (False, True)

    # And one that comes to be old later, after the third
    unfinished(blobs, hours=25)
    assert [reaper.tick().swept, reaper.tick().swept] == [0, 1]


def unfinished(blobs: BlobStore, hours: float) -> Path:
    """A temporary file that nothing was written to for so many hours."""
    blobs.root.mkdir(exist_ok=True)
    path = blobs.root / f"{hours}.part"
    path.touch()
    then = time.time() - hours * 3600
    os.utime(path, (then, then))
    return path


def test_a_file_that_cannot_be_swept_stops_nothing(ledger: Ledger, bell: Doorbell, blobs: BlobStore) -> None:
    queued_job(ledger, chunks=1)
    (blobs.root / "folder.part").mkdir(parents=True)
    os.utime(blobs.root / "folder.part", (0, 0))

    with capture_logs() as logs:
        assert Reaper(ledger, bell, SETTINGS, blobs=blobs).tick().rung == 1

    assert [entry["event"] for entry in logs] == ["sweep_failed"]


def test_a_round_that_was_done_leaves_a_heartbeat(
    ledger: Ledger, bell: Doorbell, dead_bell: Doorbell, tmp_path: Path
) -> None:
    heartbeat = tmp_path / "heartbeat"
    queued_job(ledger)

    with pytest.raises(BrokerUnavailable):
        Reaper(ledger, dead_bell, SETTINGS, heartbeat=heartbeat).tick()
    assert not heartbeat.exists()

    reaper = Reaper(ledger, bell, SETTINGS, heartbeat=heartbeat)
    reaper.tick()
    os.utime(heartbeat, (0, 0))
    reaper.tick()
    assert time.time() - heartbeat.stat().st_mtime < 60


def test_a_heartbeat_that_cannot_be_left_stops_nothing(ledger: Ledger, bell: Doorbell, tmp_path: Path) -> None:
    queued_job(ledger, chunks=1)

    with capture_logs() as logs:
        assert Reaper(ledger, bell, SETTINGS, heartbeat=tmp_path / "none" / "heartbeat").tick().rung == 1

    assert [entry["event"] for entry in logs] == ["heartbeat_failed"]


def test_two_reapers_do_no_harm(ledger: Ledger, bell: Doorbell, ledger_url: str, broker_url: str) -> None:
    # Given a lost lease, a due job and bells that are owed
    work, due = queued_job(ledger, chunks=3), queued_job(ledger, chunks=1)
    claim_one(ledger, lease_s=-1)
    make_due(ledger_url, due)
    other_ledger, other_bell = Ledger.open(ledger_url), Doorbell.at(broker_url)
    reapers = [Reaper(ledger, bell, SETTINGS), Reaper(other_ledger, other_bell, SETTINGS)]
    reports: list[TickReport] = []

    # When two reapers tick at once
    threads = [threading.Thread(target=lambda r=reaper: reports.append(r.tick())) for reaper in reapers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    # Then there is one crash and one expiry, and a bell rang twice at most
    assert sum(report.reaped.crashed for report in reports) == 1
    assert sum(report.reaped.expired for report in reports) == 1
    assert 3 <= bell.depth("tag") <= 6
    assert (ledger.law(work), ledger.law(due), ledger.owed("tag", 10)) == ((), (), [])
    other_ledger.close()
    other_bell.close()


def test_leases_are_reaped_while_the_broker_is_away(ledger: Ledger, dead_bell: Doorbell) -> None:
    queued_job(ledger, chunks=1)
    claim = claim_one(ledger, lease_s=-1)

    with pytest.raises(BrokerUnavailable):
        Reaper(ledger, dead_bell, SETTINGS).tick()

    assert ledger.owed("tag", 10) == [claim.chunk_id]


def test_run_stops_when_told(ledger: Ledger, bell: Doorbell, reaper: Reaper) -> None:
    queued_job(ledger, chunks=2)
    stop = threading.Event()
    running = threading.Thread(target=reaper.run, args=(stop,))

    running.start()
    until(lambda: bell.depth("tag") == 2)
    stop.set()
    running.join(5)

    assert not running.is_alive()


class Outage(Ledger):
    """A ledger whose database is away for the first three questions."""

    failures = 3

    def reap(self, max_crashes: int) -> ReapReport:
        if self.failures:
            self.failures -= 1
            raise LedgerUnavailable("postgresql://db", ConnectionError("refused"))
        return super().reap(max_crashes)


def test_run_survives_an_outage_and_says_so(ledger_url: str, bell: Doorbell) -> None:
    ledger = Outage.open(ledger_url)
    queued_job(ledger, chunks=1)
    stop = threading.Event()
    running = threading.Thread(target=Reaper(ledger, bell, SETTINGS).run, args=(stop,))

    with capture_logs() as logs:
        running.start()
        until(lambda: bell.depth("tag") == 1)
        stop.set()
        running.join(5)

    failed = [entry for entry in logs if entry["event"] == "tick_failed"]
    assert [entry["code"] for entry in failed] == ["ledger_unavailable"] * 3
    assert {"event": "tick", "log_level": "info", "rung": 1} in logs
    ledger.close()


def test_pauses_grow_while_the_outage_lasts_and_have_a_limit(ledger: Ledger, bell: Doorbell) -> None:
    stop = StopAfter(9)

    Reaper(Outage.open("postgresql://127.0.0.1:1/none"), bell, JobsSettings(reaper_tick_seconds=1)).run(stop)

    assert stop.pauses == [1, 2, 4, 8, 16, LONGEST_PAUSE, LONGEST_PAUSE, LONGEST_PAUSE, LONGEST_PAUSE]


class StopAfter(threading.Event):
    """An event that waits for nothing, notes how long it should have, and is set after so many waits."""

    def __init__(self, waits: int) -> None:
        super().__init__()
        self.waits = waits
        self.pauses: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.pauses.append(timeout)
        if len(self.pauses) == self.waits:
            self.set()
        return self.is_set()
