"""What a tenant sees: its own, and of all else not even that it is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from jobs.errors import BadName, BadTenant, UnknownFile, UnknownJob, UnknownTagger
from jobs.records import NewEscalation
from jobs.states import DropReason, JobKind, JobState
from jobs.store import TenantLedger
from tests.jobs.building import claim_one, made_tagger, names, results_of, stored_corpus, submission

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.store import Ledger

#: Every public method: how it is asked for a job and a file of another tenant, and what it raises.
ASKED: dict[str, tuple[Callable[[TenantLedger, str, str], object], type[Exception]]] = {
    "file": (lambda acme, _job, file: acme.file(file), UnknownFile),
    "submit": (lambda acme, _job, file: acme.submit(**submission(file)), UnknownFile),
    "check": (lambda acme, job, _file: acme.check(job), UnknownJob),
    "job": (lambda acme, job, _file: acme.job(job), UnknownJob),
    "cancel": (lambda acme, job, _file: acme.cancel(job), UnknownJob),
    "events": (lambda acme, job, _file: acme.events(job), UnknownJob),
    "escalations": (lambda acme, job, _file: acme.escalations(job), UnknownJob),
    "results": (lambda acme, job, _file: acme.results(job), UnknownJob),
    "results_in_order": (lambda acme, job, _file: acme.results_in_order(job), UnknownJob),
    "failed_in_order": (lambda acme, job, _file: acme.failed_in_order(job), UnknownJob),
    "dropped_chunks": (lambda acme, job, _file: acme.dropped_chunks(job), UnknownJob),
}
#: Those that are asked for a tagger, of which another tenant has two versions: how.
NAMED: dict[str, Callable[[TenantLedger, str], object]] = {
    "tagger": lambda acme, name: acme.tagger(f"{name}@1"),
    "promote": lambda acme, name: acme.promote(f"{name}@1"),
    "rollback": lambda acme, name: acme.rollback(name),
}
#: Those that are asked for no job, no file and no tagger.
FREE = {"tenant", "add_file", "files", "jobs", "taggers"}


@pytest.fixture
def acme(ledger: Ledger) -> TenantLedger:
    return ledger.tenant("acme")


@pytest.fixture
def globex(ledger: Ledger) -> TenantLedger:
    return ledger.tenant("globex")


def submitted(tenant: TenantLedger, chunks: int = 3, **chosen: Any) -> str:  # noqa: ANN401 -- any of submission
    file = tenant.add_file(stored_corpus(chunks=chunks), None)
    return tenant.submit(**submission(file.id, **chosen)).job.id


def escalated(ledger: Ledger, risk: float) -> None:
    """Commit the oldest chunk that is owed a bell; its first line is escalated, and failed."""
    claim = claim_one(ledger)
    line = claim.chunk.first_line
    doubt = NewEscalation(line=line, document_id=f"d{line}", reasons=("failed",), risk=risk)
    assert ledger.commit(claim, results_of(claim, failed={line}), [doubt])


@pytest.mark.parametrize("method", ASKED)
def test_what_is_anothers_is_as_if_it_never_was(
    ledger: Ledger, acme: TenantLedger, globex: TenantLedger, method: str
) -> None:
    # Given a file and a job of one tenant
    file = globex.add_file(stored_corpus(), None)
    job_id = globex.submit(**submission(file.id)).job.id
    before = globex.job(job_id)
    ask, expected = ASKED[method]

    # When another asks for them by their ids
    with pytest.raises(expected) as caught:
        ask(acme, job_id, file.id)

    # Then the answer is the one to ids that never were, and nothing happened to them
    with pytest.raises(expected) as never:
        ask(acme, "job_" + "0" * 20, "file_" + "0" * 20)
    ids = (job_id, file.id)
    blank = [str(caught.value).replace(each, "X") for each in ids if each in str(caught.value)]
    assert blank == [str(never.value).replace("job_" + "0" * 20, "X").replace("file_" + "0" * 20, "X")]
    assert globex.job(job_id) == before
    assert ledger.law(job_id) == ()
    ask(globex, job_id, file.id)


def test_every_public_method_is_asked() -> None:
    public = {name for name in vars(TenantLedger) if not name.startswith("_")}

    assert public == set(ASKED) | set(NAMED) | FREE


@pytest.mark.parametrize("method", NAMED)
def test_a_tagger_of_anothers_is_as_if_it_never_was(
    ledger: Ledger, acme: TenantLedger, globex: TenantLedger, method: str
) -> None:
    # Given two versions of one tenant's tagger
    for _ in range(2):
        made_tagger(ledger, "music", tenant="globex")
    before = globex.taggers()

    # When another asks for them by their name
    with pytest.raises(UnknownTagger) as caught:
        NAMED[method](acme, "music")

    # Then the answer is the one to a name that never was, and nothing happened to them
    with pytest.raises(UnknownTagger) as never:
        NAMED[method](acme, "jazzy")
    assert str(caught.value) == str(never.value).replace("jazzy", "music")
    assert (acme.taggers(), globex.taggers()) == ([], before)
    NAMED[method](globex, "music")


def test_each_tenant_counts_versions_of_its_own(ledger: Ledger, acme: TenantLedger, globex: TenantLedger) -> None:
    for tenant in ("acme", "globex", "acme"):
        made_tagger(ledger, "music", tenant=tenant)

    assert [each.full_name for each in acme.taggers()] == ["music@1", "music@2"]
    assert (acme.tagger("music").version, globex.tagger("music").version) == (2, 1)


@pytest.mark.parametrize("text", ["", "job_\0", "\ud800", "x" * 10_000], ids=ascii)
def test_an_impossible_id_is_unknown(acme: TenantLedger, text: str) -> None:
    for ask, expected in ASKED.values():
        with pytest.raises(expected):
            ask(acme, text, text)


def test_lists_hold_only_the_tenants_own(acme: TenantLedger, globex: TenantLedger) -> None:
    mine, theirs = submitted(acme), submitted(globex)

    assert [job.id for job in acme.jobs()] == [mine]
    assert [job.id for job in globex.jobs()] == [theirs]
    assert {file.tenant for file in acme.files()} == {"acme"}
    # A page behind another's id is a page of one's own all the same.
    assert [job.id for job in acme.jobs(after=theirs)] == [mine]


def test_a_submitted_job_is_queued_at_once_with_its_events(ledger: Ledger, acme: TenantLedger) -> None:
    file = acme.add_file(stored_corpus(chunks=3, documents=2), None)

    job = acme.submit(**submission(file.id, name="gigs", options={"k": 1})).job

    assert job == acme.job(job.id)
    assert (job.state, job.total, job.pending, job.queue) == (JobState.QUEUED, 6, 6, "tag")
    assert (job.tenant, job.name, job.blob, job.options) == ("acme", "gigs", file.blob, {"k": 1})
    assert (len(ledger.owed("tag", 100)), ledger.law(job.id)) == (3, ())
    assert names(ledger, job.id) == [event.name for event in acme.events(job.id)] == ["created", "queued"]


def test_one_file_makes_many_jobs(acme: TenantLedger) -> None:
    file = acme.add_file(stored_corpus(), None)

    assert len({acme.submit(**submission(file.id)).job.id for _ in range(3)}) == 3


def test_an_adaptation_is_one_chunk_of_total_one(ledger: Ledger, acme: TenantLedger) -> None:
    job_id = submitted(acme, kind=JobKind.ADAPT)

    assert (acme.job(job_id).total, len(ledger.owed("adapt", 10))) == (1, 1)


def test_a_name_that_cannot_be_kept_leaves_no_job(acme: TenantLedger) -> None:
    with pytest.raises(BadName):
        submitted(acme, name="a\0")

    assert acme.jobs() == []


def test_what_came_of_a_job(ledger: Ledger, acme: TenantLedger) -> None:
    # Given a job of three chunks of two: one done with its first line failed, then cancelled
    job_id = submitted(acme)
    escalated(ledger, risk=0.5)
    assert acme.cancel(job_id) is JobState.CANCELLED

    # Then the tenant reads all of it, as the whole ledger does
    assert acme.results(job_id) == ledger.results(job_id) == list(acme.results_in_order(job_id))
    assert [result.line for result in acme.results_in_order(job_id, after=1)] == [2]
    assert [result.line for result in acme.failed_in_order(job_id)] == [1]
    assert list(acme.failed_in_order(job_id, after=1)) == []
    assert {dropped.reason for dropped in acme.dropped_chunks(job_id)} == {DropReason.JOB_CANCELLED}
    assert [dropped.chunk.first_line for dropped in acme.dropped_chunks(job_id, after=4)] == [5]
    assert acme.escalations(job_id) == ledger.escalations(job_id)
    assert [event.to_state for event in acme.events(job_id)][-1] is JobState.CANCELLED


def test_a_page_of_escalations_tells_nothing_of_anothers_risk(
    ledger: Ledger, acme: TenantLedger, globex: TenantLedger
) -> None:
    theirs = submitted(globex, chunks=1)
    escalated(ledger, risk=0.9)
    mine = submitted(acme, chunks=1)
    escalated(ledger, risk=0.5)

    (foreign,) = globex.escalations(theirs)

    assert acme.escalations(mine, after=foreign.id) == []
    assert len(acme.escalations(mine)) == 1


def test_a_tenant_has_a_name_that_one_can_have(ledger: Ledger, acme: TenantLedger) -> None:
    assert acme.tenant == "acme"
    with pytest.raises(BadTenant):
        ledger.tenant("Acme")
