"""Faults beside the ledger in the middle of a job: by policy its documents are flagged, or it waits; never silence."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from jobs.states import JobState
from models import endpoint as module
from retrieval.settings import RetrievalSettings
from tests.workers.building import only_chunk
from tests.workers.endpoint import Endpoint
from tests.workers.prompting import PromptedRuntime, adapt, made, prompted_job, queued, served_by, tagged
from workers import prompted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tests.retrieval.standin import StandIn
    from tests.workers.school import School

pytestmark = pytest.mark.usefixtures("shipping")

#: Most seconds of a search: few enough to wait for, and enough for a busy machine.
SECONDS = 3.0
#: More texts than are searched for together, so that the job is in its middle when the fault comes.
MANY = [f"Anna number {number} lives in Bern ." for number in range(20)]


def events(logs: Sequence[Mapping[str, object]]) -> list[object]:
    return [entry["event"] for entry in logs]


def emptied(standin: StandIn) -> None:
    """Somebody removes every point of every collection."""
    for each in standin.client.get_collections().collections:
        standin.client.delete(each.name, list(range(100)))


def gone(standin: StandIn) -> None:
    """Somebody drops the collections."""
    for each in standin.client.get_collections().collections:
        standin.client.delete_collection(each.name)


def silent(standin: StandIn) -> None:
    """It takes requests and answers none in time."""
    quiet = threading.Event()
    standin.before = lambda _: (quiet.wait(2 * SECONDS), None)[1]


FAULTS: list[Callable[[StandIn], None]] = [emptied, gone, silent]


@pytest.mark.parametrize("fault", FAULTS)
def test_by_the_policy_flag_what_was_searched_in_vain_goes_to_people(
    school: School, standin: StandIn, fault: Callable[[StandIn], None]
) -> None:
    # Given a tagger whose examples a server holds, and a runtime that has searched there
    tagger = made(school)
    runtime = PromptedRuntime(served_by(standin, retrieval_timeout=SECONDS))
    before = tagged(school, queued(school, tagger, *MANY), runtime)
    assert not any("retrieval_degraded" in _reasons(line) for line in before)

    # When something befalls the index, and a job is tagged
    fault(standin)
    with capture_logs() as logs:
        lines = tagged(school, queued(school, tagger, *MANY), runtime)

    # Then every document is answered, those without examples say so and go to people, and it is logged
    assert [line["id"] for line in lines] == [line["id"] for line in before]
    assert all("retrieval_degraded" in _reasons(line) for line in lines)
    assert all(line["escalation"]["risk"] >= 0.5 for line in lines)
    assert "retrieval_degraded" in events(logs)


def test_once_the_index_is_back_examples_are_shown_again(school: School, standin: StandIn) -> None:
    # Given an index that was dropped under a tagger
    tagger = made(school)
    runtime = PromptedRuntime(served_by(standin))
    before = tagged(school, queued(school, tagger, *MANY), runtime)
    gone(standin)
    tagged(school, queued(school, tagger, "Anna"), runtime)

    # When the next job comes
    after = tagged(school, queued(school, tagger, *MANY), runtime)

    # Then it was filled again, from the tagger's own files
    assert after == before


@pytest.mark.parametrize("fault", FAULTS)
def test_by_the_policy_wait_the_chunk_is_put_back_and_done_later(
    school: School, standin: StandIn, fault: Callable[[StandIn], None]
) -> None:
    # Given the same under the other policy
    tagger = made(school)
    runtime = PromptedRuntime(served_by(standin, "wait", retrieval_timeout=SECONDS))
    before = tagged(school, queued(school, tagger, *MANY), runtime)

    # When something befalls the index
    calm = standin.before
    fault(standin)
    job_id = queued(school, tagger, *MANY)
    with capture_logs() as logs:
        assert tagged(school, job_id, runtime) == []

    # Then nothing is committed, nothing counts as a crash, and the bell is owed again
    assert "chunk_put_back" in events(logs)
    assert school.ledger.job(job_id).pending == len(MANY)
    assert only_chunk(school.ledger)
    assert school.ledger.void_leases() == 0

    # And once the index answers, it is done as if nothing had been
    standin.before = calm
    assert tagged(school, job_id, runtime) == before
    assert school.ledger.job(job_id).state is JobState.COMPLETED


def test_an_index_that_is_down_for_long_poisons_no_document(school: School) -> None:
    tagger = made(school)
    runtime = PromptedRuntime(RetrievalSettings(qdrant_url="http://127.0.0.1:1", retrieval_policy="wait"))
    job_id = queued(school, tagger)

    with capture_logs():
        for _ in range(5):
            assert tagged(school, job_id, runtime) == []

    assert (school.ledger.job(job_id).pending, school.ledger.job(job_id).failed) == (3, 0)


def test_what_is_put_away_leaves_the_memory_that_others_do_not_use(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given room for one tagger, and two of the same examples
    monkeypatch.setattr(prompted, "READY", 1)
    one, two = made(school), made(school)
    runtime = PromptedRuntime()

    # When they take turns
    for tagger in (one, two, one):
        tagged(school, queued(school, tagger), runtime)

        # Then there is one collection at a time
        assert runtime.prompted.index.look() == 1


def _reasons(line: dict[str, Any]) -> list[str]:
    return line["escalation"]["reasons"] if line["escalation"] else []


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """A chat endpoint whose answers a test decides."""
    with Endpoint() as found:
        yield found


def test_an_endpoint_can_serve_a_tagger(school: School, endpoint: Endpoint) -> None:
    # Given an endpoint that finds one person, and invents another
    endpoint.answer = "Anna = person\nNobody = person"

    # When examples are shown to it, and a corpus is tagged
    remote: dict[str, Any] = {"llm": "remote:big", "llm_url": endpoint.url}
    job_id = prompted_job(school)
    adapt(school, PromptedRuntime(**remote))
    assert school.ledger.job(job_id).state is JobState.COMPLETED, school.ledger.job(job_id).error
    labels = [{"name": "person", "description": "", "threshold": None}]
    job = queued(school, "music@1", "Anna lives in Bern .", labels=labels)
    [line] = tagged(school, job, PromptedRuntime(**remote))

    # Then what is in the text is found, what is not is left out, and the document goes to people for it
    assert [(each["text"], each["label"]) for each in line["entities"]] == [("Anna", "person")]
    assert "unparsable" in line["escalation"]["reasons"]
    receipt = school.ledger.tenant("local").tagger("music@1").receipt
    assert (receipt["llm"], "advice" in receipt) == ("remote:big", False)
    assert receipt["doubts"]["unparsable after"] > 0


def test_an_endpoint_that_is_away_makes_a_job_wait(
    school: School, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a tagger of an endpoint's model
    monkeypatch.setattr(module, "LONGEST_PAUSE", 0.01)
    remote: dict[str, Any] = {"llm": "remote:big", "llm_url": endpoint.url}
    prompted_job(school)
    adapt(school, PromptedRuntime(**remote))

    # When it is overloaded, for a job and for another adaptation
    endpoint.status = 503
    job_id = queued(school, "music@1", "Anna")
    again = prompted_job(school, "jazz")
    with capture_logs() as logs:
        assert tagged(school, job_id, PromptedRuntime(**remote)) == []
        adapt(school, PromptedRuntime(**remote))

    # Then both wait, and are done once it answers
    assert {"chunk_put_back", "adaptation_put_back"} <= set(events(logs))
    endpoint.status = 200
    assert len(tagged(school, job_id, PromptedRuntime(**remote))) == 1
    adapt(school, PromptedRuntime(**remote))
    assert school.ledger.job(again).state is JobState.COMPLETED


def test_a_tagger_of_an_endpoint_is_not_asked_elsewhere(school: School, endpoint: Endpoint) -> None:
    prompted_job(school)
    adapt(school, PromptedRuntime(llm="remote:big", llm_url=endpoint.url))

    with capture_logs():
        [line] = tagged(school, queued(school, "music@1", "Anna"), PromptedRuntime())

    assert line["error"]["code"] == "generator_not_found"
    assert "'remote:big'" in line["error"]["message"]
