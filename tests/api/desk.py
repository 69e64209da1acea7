"""The service on a ledger of the test's own, and all that a test asks of it; the test is its only worker."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from api.app import create_app
from api.parts import Parts
from api.settings import ApiSettings
from corpora.chunks import read_lines
from corpora.settings import CorporaSettings
from jobs.keys import KeyScope
from jobs.records import NewEscalation, NewResult
from jobs.settings import JobsSettings
from tests.listening import listening

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from corpora.blobs import BlobStore
    from jobs.store import Ledger

#: Nothing listens on port 1.
NO_BROKER = "redis://127.0.0.1:1/0"
NO_DATABASE = "postgresql://me:secret-of-the-database@127.0.0.1:1/db"
LABELS = [{"name": "band", "description": "a music group that performs together"}]
CORPUS = '{"id": "d1", "text": "we saw Blur"}\n\n{"id": "d2", "text": "😀 for Oasis"}\n{"id": "d3", "text": "no"}\n'


@dataclass(frozen=True, kw_only=True)
class Desk:
    """One service, with a tenant's key and one for the figures."""

    http: httpx.Client
    parts: Parts
    key: str
    metrics_key: str
    url: str

    @property
    def ledger(self) -> Ledger:
        """The ledger behind it."""
        return self.parts.ledger

    @property
    def blobs(self) -> BlobStore:
        """Where it stores corpora."""
        return self.parts.blobs

    def ask(self, method: str, path: str, key: str | None = None, **more: Any) -> httpx.Response:  # noqa: ANN401
        """Ask with the tenant's key, or another."""
        headers = {"Authorization": f"Bearer {key or self.key}", **more.pop("headers", {})}
        return self.http.request(method, path, headers=headers, **more)

    def get(self, path: str, **more: Any) -> httpx.Response:  # noqa: ANN401 -- passed on
        """GET with the tenant's key."""
        return self.ask("GET", path, **more)

    def post(self, path: str, **more: Any) -> httpx.Response:  # noqa: ANN401 -- passed on
        """POST with the tenant's key."""
        return self.ask("POST", path, **more)

    def other_tenant(self) -> str:
        """A key of another tenant."""
        return self.ledger.create_key("other", KeyScope.TENANT, None)[1]

    def upload(self, corpus: str | bytes = CORPUS, **more: Any) -> str:  # noqa: ANN401 -- passed on
        """Upload a corpus and return the file's id."""
        answer = self.post("/v1/files", content=corpus, **more)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def submit(self, file: str | None = None, **fields: Any) -> str:  # noqa: ANN401 -- fields of the request
        """Submit a job and return its id."""
        answer = self.post("/v1/jobs", json=asked(file or self.upload(), **fields))
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def work(self, failed: Collection[str] = (), escalated: Collection[str] = ()) -> None:
        """Tag every document that waits: its last word is a band, where it has several."""
        for chunk_id in [*self.ledger.owed("tag", 1000), *self.ledger.oldest_rung("tag", 1000)]:
            claim = self.ledger.claim(chunk_id, worker="w", lease_s=60)
            if claim is None:
                continue
            found = [(raw.line, json.loads(raw.data)) for raw in read_lines(self.blobs, claim.blob, claim.chunk)]
            results = [
                NewResult(line=line, document_id=each["id"], ok=each["id"] not in failed, body=body(each, failed))
                for line, each in found
            ]
            handed_over = [
                NewEscalation(line=line, document_id=each["id"], reasons=("audit",), risk=1 / (line + 1))
                for line, each in found
                if each["id"] in escalated
            ]
            assert self.ledger.commit(claim, results, handed_over)

    def done(self, corpus: str = CORPUS, **how: Any) -> str:  # noqa: ANN401 -- passed on to work
        """The id of a job over a corpus that is done."""
        job_id = self.submit(self.upload(corpus))
        self.work(**how)
        return job_id


def asked(file: str, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 -- fields of the request
    """A request for a job."""
    return {"file": file, "labels": LABELS, **fields}


def body(document: dict[str, Any], failed: Collection[str] = ()) -> str:
    """The result line of a document."""
    if document["id"] in failed:
        return json.dumps({"id": document["id"], "error": {"code": "broken", "message": "it broke"}})
    text = document["text"]
    start = text.rfind(" ") + 1
    entity = {"start": start, "end": len(text), "text": text[start:], "label": "band", "score": 0.5}
    line = {"id": document["id"], "entities": [entity] if start else [], "escalation": None, "windows": 1}
    return json.dumps(line, ensure_ascii=False)


def lines(answer: httpx.Response) -> list[dict[str, Any]]:
    """The objects of an answer of JSON Lines."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/jsonl"
    return [json.loads(line) for line in answer.text.splitlines()]


def problem(answer: httpx.Response) -> dict[str, Any]:
    """The problem that an answer is."""
    assert answer.headers["Content-Type"] == "application/problem+json", answer.text
    told: dict[str, Any] = answer.json()
    assert told["status"] == answer.status_code
    assert told["type"] == f"urn:tagwerk:error:{told['code']}"
    assert told["request_id"] == answer.headers["X-Request-ID"]
    return told


@contextmanager
def opened(
    database_url: str, blobs: Path, broker_url: str = NO_BROKER, taggers: Path | None = None, **settings: float
) -> Iterator[Desk]:
    """The service on these addresses; `settings` are those of any room."""
    parts = Parts(
        database_url=database_url,
        broker_url=broker_url,
        blobs=blobs,
        jobs=JobsSettings(taggers=taggers),
        corpora=CorporaSettings(**_of(CorporaSettings, settings)),
        settings=ApiSettings(**_of(ApiSettings, settings)),
    )
    app = create_app(parts)
    _key, token = parts.ledger.create_key("local", KeyScope.TENANT, None)
    _metrics, metrics_token = parts.ledger.create_key("local", KeyScope.METRICS, None)
    with listening(app) as url, httpx.Client(base_url=url, timeout=60) as client:
        yield Desk(http=client, url=url, parts=parts, key=token, metrics_key=metrics_token)


def _of(kind: type[CorporaSettings] | type[ApiSettings], settings: dict[str, float]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name in kind.model_fields}


def copied(template: Path, folder: Path) -> str:
    """The address of a ledger in a folder that is a copy of a migrated one."""
    with closing(sqlite3.connect(template)) as source, closing(sqlite3.connect(folder / "ledger.db")) as target:
        source.backup(target)
    return f"sqlite:///{folder / 'ledger.db'}"


def until(condition: Any, seconds: float = 30) -> None:  # noqa: ANN401 -- anything that can be called
    """Wait for a condition."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came to pass"
        time.sleep(0.01)
