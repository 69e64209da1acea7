"""Types by way of the client: the forms they may come in, and the jobs that are made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from jobs.states import JobKind
from tagwerk.client import Client
from tagwerk.errors import ServiceError, UnusableInput
from tests.tagwerk.test_client import BANDS, DOCUMENTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.tagwerk.server import Server


TYPES: list[Any] = ["/person", {"name": "/person/singer", "words": "singer"}]
STORED = [
    {"name": "/person", "words": "person"},
    {"name": "/person/singer", "words": "singer", "parent": "/person"},
]


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    """A client of a server of this process."""
    with Client(server.url, server.key) as client:
        yield client


def test_types_may_come_in_any_form(client: Client, tmp_path: Path) -> None:
    (tmp_path / "types.yaml").write_text("- /person\n- {name: /person/singer, words: singer}\n")

    for types in (TYPES, iter(TYPES), tmp_path / "types.yaml", str(tmp_path / "types.yaml"), STORED):
        job = client.type(DOCUMENTS, types, name="mine")
        assert (job.kind, job.name, job.tagger, job.options) == (JobKind.TYPE, "mine", "typer", {"types": STORED})
    for nothing in (b"- /person", {"band": "a group"}, 7):
        with pytest.raises(UnusableInput, match="are no types"):
            client.type(DOCUMENTS, nothing)  # type: ignore[arg-type]


def test_what_is_tagged_may_be_given_types_and_a_typer_be_taught(client: Client) -> None:
    tagged = client.tag(DOCUMENTS, BANDS, types=TYPES)
    assert (tagged.kind, tagged.options) == (JobKind.TAG, {"types": STORED, "typer": "typer"})

    marked = {"id": "x", "text": "Nina", "entities": [{"start": 0, "end": 4, "types": ["/person/singer"]}]}
    taught = client.adapt([marked], name="fine", types=TYPES)
    assert taught.options == {"method": "finetype", "name": "fine", "types": STORED}
    assert (taught.tagger, taught.labels) == ("typer", [])
    with pytest.raises(ServiceError, match="the field 'types' is of no use to this method"):
        client.adapt([marked], BANDS, name="fine", types=TYPES, method="extend")
