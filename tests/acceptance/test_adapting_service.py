"""A tagger of one's own by way of the service: examples go up, a worker learns, and the tagger is of use at once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from jobs.states import JobState, TaggerState
from tagwerk.errors import ServiceError
from tests.acceptance import corpus

if TYPE_CHECKING:
    from pathlib import Path

    from tests.acceptance.operations import Site

BANDS = {"band": "a music group that performs together"}


def examples(given: corpus.Corpus, count: int) -> bytes:
    """The first documents of a corpus, with the band that each begins with."""
    lines = []
    for line in given.path.read_text(encoding="utf-8").splitlines()[:count]:
        document = json.loads(line)
        band = {"start": 0, "end": document["text"].index(" play "), "label": "band"}
        lines.append(json.dumps({**document, "entities": [band]}))
    return "\n".join(lines).encode()


def test_a_tagger_is_made_through_the_service_and_tags_through_it(site: Site, tmp_path: Path) -> None:
    # Given the front door, the reaper, and a worker of each kind; learning takes a few steps
    site.prepare()
    site.start_worker("tagging")
    learner = site.start_worker("learning", "adapt", TAGWERK_ADAPT_STEPS="2")
    given = corpus.write(tmp_path, 30)
    with site.client(site.start_server()) as client:
        # When examples are sent to be learnt from, once with a fault and once without
        with pytest.raises(ServiceError, match=r"line 1: entity 1 .* cuts the word"):
            client.adapt(examples(given, 1).replace(b'"start": 0', b'"start": 1'), BANDS, name="night")
        job = client.adapt(examples(given, 6), BANDS, name="night")
        seen: list[str] = []
        job = client.wait(job.id, progress=lambda job: seen.append(job.progress.stage if job.progress else ""))

        # Then a tagger comes of it, with its receipt, and it was told how far the work was
        assert job.state is JobState.COMPLETED, learner.said()
        assert {"judging", "comparing"} <= set(seen)
        [line] = client.results(job.id)
        made = client.tagger(line["tagger"])
        assert (made.name, made.receipt) == ("night@1", line["receipt"])
        assert (made.receipt["examples"], made.receipt["base"]) == (6, "default")
        assert line["promoted"] == (made.state is TaggerState.PROMOTED)

        # And it tags a corpus, under its name, however much it learnt
        assert client.promote("night@1").state is TaggerState.PROMOTED
        tagged = client.wait(client.tag(given.path, BANDS, tagger="night").id)
        assert (tagged.state, tagged.tagger, tagged.failed) == (JobState.COMPLETED, "night@1", 0)
        lines = list(client.results(tagged.id))
        assert [each["id"] for each in lines] == given.ids
        assert {each["tagger"] for each in lines} == {"night@1"}
    assert site.breaches(job.id) == site.breaches(tagged.id) == []
