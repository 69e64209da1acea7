"""The real HTTP interface on a ledger of the test's own, in a thread; the test is its only worker."""

from __future__ import annotations

import json
import threading
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from corpora.blobs import BlobStore
from corpora.chunks import read_lines
from jobs.keys import KeyScope
from jobs.records import NewEscalation, NewResult, NewTagger
from jobs.store import Ledger
from tagwerk.client import Client
from tests.listening import listening

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator


#: How a tagger came to be that nothing was learnt for.
SCORES = {"before": {"f1": 0.4}, "after": {"f1": 0.6, "f1_low": 0.5, "f1_high": 0.7}}
RECEIPT: dict[str, Any] = {
    "encoder": "mini",
    "verdict": "better",
    "labels": {"band": {"entities": 3, **SCORES}},
    **SCORES,
    "held_out": "each third in turn",
    "forgetting": {"before": 0.5, "after": 0.5},
    "examples": 3,
    "steps": 2,
    "seconds": 1,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server with a key, and the ledger behind it."""

    port: int
    key: str
    ledger: Ledger
    blobs: BlobStore
    #: The environment that it was started in.
    settings: dict[str, str]

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    def client(self, url: str | None = None, **more: Any) -> Client:  # noqa: ANN401 -- passed on
        """A client, also by way of another address."""
        return Client(url or self.url, self.key, **more)

    def with_key_of(self, tenant: str) -> Server:
        """The same server with a new key, of this tenant."""
        _key, token = self.ledger.create_key(tenant, KeyScope.TENANT, None)
        return replace(self, key=token)

    def work(self, failed: Collection[str] = (), escalated: Collection[str] = ()) -> None:
        """Do all that waits."""
        work(self.ledger, self.blobs, failed, escalated)


@contextmanager
def serving(settings: dict[str, str]) -> Iterator[Server]:
    """A server with these settings, which are gone from the environment when it is there."""
    from api.app import from_environment

    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        app = from_environment()
    with closing(Ledger.open(settings["TAGWERK_DATABASE_URL"])) as ledger, listening(app) as url:
        _key, token = ledger.create_key("local", KeyScope.TENANT, None)
        blobs = BlobStore(Path(settings["TAGWERK_BLOBS"]))
        yield Server(port=urlsplit(url).port or 0, key=token, ledger=ledger, blobs=blobs, settings=settings)


def work(ledger: Ledger, blobs: BlobStore, failed: Collection[str] = (), escalated: Collection[str] = ()) -> None:
    """Tag every document that waits: its last word is a band."""
    for chunk_id in [*ledger.owed("tag", 1000), *ledger.oldest_rung("tag", 1000)]:
        claim = ledger.claim(chunk_id, worker="w", lease_s=60)
        if claim is None:
            continue
        found = [(raw.line, json.loads(raw.data)) for raw in read_lines(blobs, claim.blob, claim.chunk)]
        results = [
            NewResult(line=line, document_id=each["id"], ok=each["id"] not in failed, body=body(each, failed))
            for line, each in found
        ]
        handed_over = [
            NewEscalation(line=line, document_id=each["id"], reasons=("audit",), risk=1 / (line + 1))
            for line, each in found
            if each["id"] in escalated
        ]
        assert ledger.commit(claim, results, handed_over)


def teach(ledger: Ledger) -> None:
    """Do every adaptation that waits: two steps, and a tagger that is no worse."""
    for chunk_id in [*ledger.owed("adapt", 1000), *ledger.oldest_rung("adapt", 1000)]:
        claim = ledger.claim(chunk_id, worker="w", lease_s=60)
        if claim is not None:
            for stage, share in (("judging", 0.0), ("learning", 0.5)):
                assert ledger.progress(claim, stage, share)
            made = NewTagger(name=claim.options["name"], receipt=RECEIPT, promote=True)
            assert ledger.commit_tagger(claim, made)


@contextmanager
def teaching(ledger: Ledger) -> Iterator[None]:
    """A worker that adapts, there as long as the block."""
    with _repeated(lambda: teach(ledger)):
        yield


@contextmanager
def working(ledger: Ledger, blobs: BlobStore, failed: Collection[str] = ()) -> Iterator[None]:
    """A worker that is there as long as the block."""
    with _repeated(lambda: work(ledger, blobs, failed)):
        yield


@contextmanager
def _repeated(act: Callable[[], None]) -> Iterator[None]:
    over = threading.Event()

    def run() -> None:
        while not over.wait(0.02):
            act()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def body(document: dict[str, Any], failed: Collection[str] = ()) -> str:
    """The result line of a document."""
    if document["id"] in failed:
        line: dict[str, Any] = {"id": document["id"], "error": {"code": "broken", "message": "it broke"}}
    else:
        word = document["text"].split(" ")[-1]
        start = len(document["text"]) - len(word)
        entity = {"start": start, "end": start + len(word), "text": word, "label": "band", "score": 0.5}
        line = {"id": document["id"], "entities": [entity], "escalation": None, "windows": 1}
    return json.dumps(line, ensure_ascii=False, separators=(",", ":"))
