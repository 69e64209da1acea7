"""The state machine as data: what is reachable, what is final, what is refused."""

from __future__ import annotations

import itertools

import pytest

from jobs.errors import IllegalTransition
from jobs.states import EXPIRING, FINAL, TRANSITIONS, JobState, check


def test_every_state_is_reachable_from_validating() -> None:
    reached = {JobState.VALIDATING}
    for _ in JobState:
        reached |= {new for old, new in TRANSITIONS if old in reached}

    assert reached == set(JobState)


def test_final_states_have_no_way_out_and_all_others_have_one() -> None:
    assert {old for old, _new in TRANSITIONS} == set(JobState) - FINAL


@pytest.mark.parametrize("state", EXPIRING)
def test_a_job_whose_time_is_over_can_be_ended(state: JobState) -> None:
    end = JobState.CANCELLED if state is JobState.CANCELLING else JobState.EXPIRED

    assert check(state, end) == end.value


@pytest.mark.parametrize(("old", "new"), sorted(set(itertools.product(JobState, JobState)) - set(TRANSITIONS)))
def test_every_other_move_is_refused(old: JobState, new: JobState) -> None:
    with pytest.raises(IllegalTransition, match=f"from '{old}' to '{new}'"):
        check(old, new)
