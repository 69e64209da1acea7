"""Several processes on one ledger: each chunk claimed once, each job completed once."""

from __future__ import annotations

import multiprocessing
import random
from collections import Counter
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from jobs.errors import JobFinished
from jobs.states import JobState
from jobs.store import Ledger
from tests.jobs.building import claim_one, names, queued_job, results_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.synchronize import Barrier

    from jobs.records import Claim

CHUNKS = 500
PROCESSES = 4
STEPS = 60

#: Processes that share no connection, as workers are.
SPAWN = multiprocessing.get_context("spawn")


def claim_all(url: str, chunk_ids: list[int], start: Barrier, worker: str) -> list[tuple[int, bool]]:
    """Try to claim and commit every chunk; return those that were claimed, with whether the commit held."""
    ledger = Ledger.open(url)
    start.wait()
    done = []
    for chunk_id in chunk_ids:
        claim = ledger.claim(chunk_id, worker=worker, lease_s=60)
        if claim is not None:
            done.append((chunk_id, ledger.commit(claim, results_of(claim))))
    ledger.close()
    return done


def test_four_processes_claim_each_chunk_once(ledger: Ledger, ledger_url: str) -> None:
    # Given 500 chunks
    job_id = queued_job(ledger, chunks=CHUNKS, documents=1)
    chunk_ids = ledger.owed("tag", CHUNKS)

    # When four processes go for all of them, in the same order
    with SPAWN.Manager() as manager, SPAWN.Pool(PROCESSES) as pool:
        start = manager.Barrier(PROCESSES)
        tasks = [(ledger_url, chunk_ids, start, f"w{number}") for number in range(PROCESSES)]
        shares = pool.starmap(claim_all, tasks, chunksize=1)

    # Then each chunk was claimed once, every commit held, and the job is complete
    claimed = Counter(chunk_id for share in shares for chunk_id, _held in share)
    assert claimed == Counter(chunk_ids)
    assert all(held for share in shares for _chunk_id, held in share)
    assert (ledger.job(job_id).state, ledger.job(job_id).completed) == (JobState.COMPLETED, CHUNKS)
    assert ledger.law(job_id) == ()


def commit_rounds(url: str, rounds: list[Claim], start: Barrier) -> list[bool]:
    """Commit one claim a round, each round at the same moment as the other process."""
    ledger = Ledger.open(url)
    ledger.jobs()
    held = []
    for claim in rounds:
        start.wait()
        held.append(ledger.commit(claim, results_of(claim)))
    ledger.close()
    return held


def test_two_committers_of_the_last_two_chunks_complete_the_job_once(ledger: Ledger, ledger_url: str) -> None:
    # Given twenty jobs, of each of which two processes hold one of two chunks
    jobs = [queued_job(ledger, chunks=2) for _ in range(20)]
    pairs = [(claim_one(ledger), claim_one(ledger)) for _ in jobs]

    # When both commit at the same moment
    with SPAWN.Manager() as manager, SPAWN.Pool(2) as pool:
        start = manager.Barrier(2)
        tasks = [(ledger_url, [pair[side] for pair in pairs], start) for side in (0, 1)]
        held = pool.starmap(commit_rounds, tasks, chunksize=1)

    # Then every job is completed, once
    assert held == [[True] * 20] * 2
    for job_id in jobs:
        assert names(ledger, job_id) == ["created", "queued", "started", "finalizing", "completed"]
        assert (ledger.job(job_id).completed, ledger.law(job_id)) == (4, ())


def meddle(url: str, jobs: list[str], chunk_ids: list[int], seed: int) -> int:
    """Do everything that anybody may do to these jobs, in random order; return how many steps were taken."""
    chance, ledger = random.Random(seed), Ledger.open(url)
    for _ in range(STEPS):
        claim = ledger.claim(chance.choice(chunk_ids), worker=f"w{seed}", lease_s=chance.choice([-1, 60]))
        if claim is not None:
            commit = partial(ledger.commit, results=results_of(claim))
            ends: list[Callable[[Claim], object]] = [commit, ledger.release, die_with]
            chance.choice(ends)(claim)
        ledger.mark_rung(chance.sample(chunk_ids, len(chunk_ids)))
        ledger.reap(max_crashes=5)
        if chance.random() < 0.02:
            with suppress(JobFinished):
                ledger.cancel(chance.choice(jobs))
    ledger.close()
    return STEPS


def die_with(claim: Claim) -> int:
    """Leave a claim alone, as a worker that dies does."""
    return claim.attempt


def test_whatever_is_done_at_once_nothing_deadlocks(ledger: Ledger, ledger_url: str) -> None:
    # Given three jobs
    jobs = [queued_job(ledger, chunks=10) for _ in range(3)]
    chunk_ids = ledger.owed("tag", 100)

    # When four processes claim, commit, hand back, die, ring, reap and cancel at once
    with SPAWN.Pool(PROCESSES) as pool:
        steps = pool.starmap(meddle, [(ledger_url, jobs, chunk_ids, seed) for seed in range(PROCESSES)])

    # Then none of them met an error, and the law holds
    assert steps == [STEPS] * PROCESSES
    assert [ledger.law(job_id) for job_id in jobs] == [()] * 3
    assert all(len(set(names(ledger, job_id))) == len(names(ledger, job_id)) for job_id in jobs)
