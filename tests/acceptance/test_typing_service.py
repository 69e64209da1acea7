"""Fine types by way of the service: what documents carry and what is found, by a typer that ships and by one's own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from jobs.states import JobState
from tests.acceptance import corpus

if TYPE_CHECKING:
    from pathlib import Path

    from tests.acceptance.operations import Site

BANDS = {"band": "a music group that performs together"}
TYPES: list[str | dict[str, str]] = [
    "/organization",
    {"name": "/organization/musical_group", "description": "people who play music"},
    "/location",
]


def marked(given: corpus.Corpus, **types: list[str]) -> list[bytes]:
    """The documents of a corpus, the band that each begins with marked."""
    lines = []
    for line in given.path.read_text(encoding="utf-8").splitlines():
        document = json.loads(line)
        band = {"start": 0, "end": document["text"].index(" play "), **types}
        lines.append(json.dumps({**document, "entities": [band]}).encode())
    return lines


def test_mentions_are_typed_through_the_service_whoever_dies(site: Site, tmp_path: Path) -> None:
    # Given the front door, the reaper, and workers
    site.prepare()
    first = site.start_worker("first")
    site.start_worker("learning", "adapt", TAGWERK_ADAPT_STEPS="2")
    given = corpus.write(tmp_path, 60)
    with site.client(site.start_server()) as client:
        # When a job types what documents carry, and its worker is killed while it works
        job = client.type(b"\n".join(marked(given)), TYPES)
        site.catch(job.id, first)
        first.kill()
        site.start_worker("second")
        taught = client.adapt(
            b"\n".join(marked(given, types=["/organization/musical_group"])[:6]), types=TYPES, name="fine"
        )

        # Then every document has its types all the same
        job = client.wait(job.id)
        assert (job.state, job.failed, job.tagger) == (JobState.COMPLETED, 0, "typer")
        lines = list(client.results(job.id))
        assert [line["id"] for line in lines] == given.ids
        for line in lines:
            [entity] = line["entities"]
            names = {each["name"] for each in entity["types"]}
            assert "/organization" in names or "/organization/musical_group" not in names
            assert names

        # And a typer of one's own is of use to a job that tags
        assert client.wait(taught.id).state is JobState.COMPLETED
        client.promote("fine@1")
        tagged = client.wait(client.tag(given.path, BANDS, types=TYPES, typer="fine").id)
        assert (tagged.state, tagged.failed, tagged.options["typer"]) == (JobState.COMPLETED, 0, "fine@1")
        found = [line for line in client.results(tagged.id) if line["entities"]]
        assert found
        assert {line["typer"] for line in found} == {"fine@1"}
        assert all(entity["types"] for line in found for entity in line["entities"])
    assert site.breaches(job.id) == site.breaches(tagged.id) == site.breaches(taught.id) == []
