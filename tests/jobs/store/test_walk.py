"""Random walks: whatever is done to a job in whatever order, the law holds after each step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.errors import IllegalTransition, JobFinished
from jobs.states import FINAL, TRANSITIONS
from tests.jobs.building import make_due, queued_job, results_of

if TYPE_CHECKING:
    from jobs.records import Claim
    from jobs.store import Ledger

CHUNKS = 3

OFTEN = ["claim", "commit", "lose", "reap"]
STEPS = st.lists(
    st.tuples(
        st.sampled_from([*OFTEN, *OFTEN, "claim", "release", "renew", "mark", "void", "cancel", "expire", "reject"]),
        st.integers(0, 5),
    ),
    max_size=25,
)


class Walk:
    """One job and every claim that anybody ever got, stale ones included."""

    def __init__(self, ledger: Ledger, url: str) -> None:
        self.ledger = ledger
        self.url = url
        before = set(ledger.owed("tag", 100_000))
        self.job_id = queued_job(ledger, chunks=CHUNKS)
        self.chunk_ids = sorted(set(ledger.owed("tag", 100_000)) - before)
        self.claims: list[Claim] = []

    def take(self, step: str, number: int) -> None:
        if step in ("commit", "release", "renew", "lose"):
            if self.claims:
                self._with_a_claim(step, self.claims[number % len(self.claims)], number)
            return
        try:
            self._with_the_job(step, number)
        except (JobFinished, IllegalTransition):
            assert self.ledger.job(self.job_id).state in FINAL

    def _with_a_claim(self, step: str, claim: Claim, number: int) -> None:
        if step == "commit":
            self.ledger.commit(claim, results_of(claim, failed={number}))
        elif step == "release":
            self.ledger.release(claim)
        else:
            self.ledger.renew(claim, 60 if step == "renew" else -1)

    def _with_the_job(self, step: str, number: int) -> None:
        if step == "claim":
            claim = self.ledger.claim(self.chunk_ids[number % CHUNKS], worker="w", lease_s=60)
            self.claims += [claim] if claim else []
        elif step == "reap":
            self.ledger.reap(max_crashes=2)
        elif step == "mark":
            self.ledger.mark_rung(self.chunk_ids)
        elif step == "void":
            self.ledger.void_leases()
        elif step == "cancel":
            self.ledger.cancel(self.job_id)
        elif step == "reject":
            self.ledger.reject(self.job_id, {"code": "x", "message": "y"})
        else:
            make_due(self.url, self.job_id)
            self.ledger.expire_due()

    def check(self) -> None:
        assert self.ledger.law(self.job_id) == ()
        events = self.ledger.events(self.job_id)
        moves = [(event.from_state, event.to_state) for event in events[1:]]
        assert all(move in TRANSITIONS for move in moves)
        assert [old for old, _new in moves] == [event.to_state for event in events[:-1]]
        job = self.ledger.job(self.job_id)
        assert job.state is events[-1].to_state
        if job.pending == 0:
            assert job.state in FINAL
            waiting = set(self.ledger.owed("tag", 100_000)) | set(self.ledger.oldest_rung("tag", 100_000))
            assert not waiting & set(self.chunk_ids)


@given(STEPS)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_law_holds_after_each_step(ledger: Ledger, ledger_url: str, steps: list[tuple[str, int]]) -> None:
    walk = Walk(ledger, ledger_url)
    for step, number in steps:
        walk.take(step, number)
        walk.check()
