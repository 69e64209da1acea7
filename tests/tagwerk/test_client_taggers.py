"""The client makes taggers, promotes them and rolls them back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from api.schemas import Progress
from jobs.states import JobState, TaggerState
from tagwerk.errors import ServiceError
from tests.jobs.building import made_tagger
from tests.tagwerk.server import teach
from tests.tagwerk.test_adapting import example
from tests.tagwerk.test_client import BANDS, DOCUMENTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tagwerk.client import Client
    from tests.tagwerk.server import Server


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    """A client of the server."""
    with server.client() as client:
        yield client


def test_a_tagger_is_made_by_examples(client: Client, server: Server) -> None:
    # Given examples, sent as documents
    examples = [json.loads(example(number=number)) for number in range(3)]
    job = client.adapt(examples, BANDS, name="music")
    assert (job.kind, job.total, job.options) == ("adapt", 1, {"method": "extend", "name": "music"})
    assert job.warnings == [
        "label 'band' is the only one; types that it is mistaken for would sharpen it",
        "label 'band' has 3 examples; 5 or more make its score mean something",
    ]

    # When they are learnt from
    teach(server.ledger)
    job = client.wait(job.id)

    # Then the result names the tagger, which jobs may name
    assert (job.state, job.progress) == (JobState.COMPLETED, Progress(stage="learning", share=0.5))
    [line] = client.results(job.id)
    made = client.tagger("music")
    assert (line["tagger"], line["receipt"]) == (made.name, made.receipt)
    assert (made.name, made.state) == ("music@1", TaggerState.PROMOTED)
    assert client.tag(DOCUMENTS, BANDS, tagger="music").tagger == "music@1"


def test_an_adaptation_that_is_submitted_twice_with_a_key_is_one(client: Client) -> None:
    file = client.upload(example().encode())

    jobs = [client.submit_adaptation(file, BANDS, name="music", idempotency_key="k") for _ in range(2)]

    assert jobs[0].id == jobs[1].id
    assert len(list(client.jobs())) == 1


def test_examples_that_cannot_be_learnt_from_are_told_line_by_line(client: Client) -> None:
    with pytest.raises(ServiceError, match=r"line 1: entity 1 .* cuts the word 'Copper'") as caught:
        client.adapt(example(1, 12).encode(), BANDS, name="music")

    assert (caught.value.problem.code, caught.value.exit_code) == ("invalid_examples", 2)
    assert caught.value.problem.errors[0].line == 1


def test_a_rollback_that_is_tried_again_goes_back_once(
    client: Client, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given three versions, of which the last is promoted again
    key = server.ledger.authenticate(server.key)
    assert key is not None
    for _ in range(3):
        made_tagger(server.ledger, tenant=key.tenant)
    assert client.promote("music@3").state is TaggerState.PROMOTED
    before = client.taggers()

    # When it is rolled back, and what was asked comes to the server once more
    first = client.rollback("music")
    with monkeypatch.context() as patch:
        patch.setattr(client, "taggers", lambda: before)
        again = client.rollback("music")

    # Then it went back once; asked for anew it goes on
    assert first == again == client.tagger("music@2")
    assert client.rollback("music").name == "music@1"
    with pytest.raises(ServiceError) as caught:
        client.rollback("music")
    assert (caught.value.problem.code, caught.value.exit_code) == ("nothing_to_roll_back", 2)


@pytest.mark.parametrize("name", ["../jobs", "blues", "a b", "?", "music/promote"])
def test_a_tagger_that_cannot_be_is_an_error_and_nothing_else(client: Client, name: str) -> None:
    for ask in (client.tagger, client.promote, client.rollback):
        with pytest.raises(ServiceError) as caught:
            ask(name)
        assert caught.value.problem.status in (404, 405, 422)
