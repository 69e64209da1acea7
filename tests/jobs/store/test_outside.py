"""What comes from outside: what is refused before a statement holds it."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.errors import BadName, BadTenant, UnknownFile, UnknownJob
from jobs.store import outside
from tests.jobs.building import new_job, queued_job

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.store import Ledger

MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2900, 1, 1), timezones=st.just(UTC))
#: Ids that no database should be asked for.
IMPOSSIBLE = ["", "job_", "job_x\0", "job_" + "\ud800" * 20, "x" * 10_000, "JOB_" + "0" * 20, "job_" + "w" * 20]


@given(MOMENTS, MOMENTS)
def test_ids_sort_by_time_and_are_of_one_length(one: datetime, other: datetime) -> None:
    ids = outside.new_job_id(one), outside.new_job_id(other)

    assert all(len(job_id) == 24 and outside.job_id(job_id) == job_id for job_id in ids)
    if abs(one - other) >= timedelta(milliseconds=1):
        assert (ids[0] < ids[1]) == (one < other)


def test_ids_of_one_moment_differ() -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)

    assert len({outside.new_job_id(moment) for _ in range(1000)}) == 1000


def test_a_file_is_no_job() -> None:
    file_id = outside.new_file_id(datetime(2026, 1, 1, tzinfo=UTC))

    assert outside.file_id(file_id) == file_id
    with pytest.raises(UnknownJob):
        outside.job_id(file_id)
    with pytest.raises(UnknownFile):
        outside.file_id("job_" + file_id.removeprefix("file_"))


def test_an_impossible_id_is_unknown(ledger: Ledger) -> None:
    asked: list[Callable[[str], object]] = [
        ledger.job,
        ledger.cancel,
        ledger.events,
        ledger.escalations,
        ledger.results,
        ledger.results_in_order,
        ledger.failed_in_order,
        ledger.dropped_chunks,
        ledger.failed_lines,
        ledger.law,
        lambda job_id: ledger.reject(job_id, {}),
        lambda job_id: ledger.jobs(after=job_id),
    ]
    for ask, text in itertools.product(asked, IMPOSSIBLE):
        with pytest.raises(UnknownJob) as caught:
            ask(text)
        assert len(str(caught.value)) < 500
        str(caught.value).encode()


def test_numbers_beyond_every_id_find_nothing(ledger: Ledger) -> None:
    job_id = queued_job(ledger)
    for far in (2**63 - 1, 2**63, 10**30):
        assert ledger.events(job_id, after=far) == []
        assert ledger.results(job_id, after=far) == []
        assert ledger.escalations(job_id, after=far) == []
        assert list(ledger.results_in_order(job_id, after=far)) == []
        assert list(ledger.dropped_chunks(job_id, after=far)) == []
    assert len(ledger.events(job_id, after=-(10**30), limit=10**30)) == 2


def test_a_name_that_cannot_be_kept_is_refused(ledger: Ledger) -> None:
    for name, why in (("x" * 201, "201 characters"), ("a\0b", "NUL"), ("a\ud83c", "surrogate")):
        with pytest.raises(BadName, match=why):
            new_job(ledger, name=name)

    assert ledger.jobs() == []


def test_a_name_is_kept_as_it_is(ledger: Ledger) -> None:
    for name in (None, "", "x" * 200, "Grüße 🎸", "'; DROP TABLE job; --", "\x01"):
        assert ledger.job(new_job(ledger, name=name)).name == name


@pytest.mark.parametrize("tenant", ["", "x" * 65, "Acme", "a b", "a/b", "ä", "a\n", "a\0"])
def test_what_cannot_be_a_tenant(tenant: str) -> None:
    with pytest.raises(BadTenant, match="use 1 to 64 of"):
        outside.tenant(tenant)


@pytest.mark.parametrize("tenant", ["a", "x" * 64, "acme-2_b"])
def test_what_can(tenant: str) -> None:
    assert outside.tenant(tenant) == tenant
