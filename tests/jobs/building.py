"""Jobs, claims and results as the tests of this room need them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import update

from corpora.chunks import ChunkRange
from corpora.ingest import StoredCorpus
from jobs.records import Claim, NewResult, NewTagger
from jobs.states import JobKind
from jobs.store.engine import Engines
from jobs.tables import JOBS

if TYPE_CHECKING:
    from collections.abc import Collection

    from jobs.records import StoredTagger
    from jobs.store import Ledger

LABELS = [{"name": "band", "description": "a music group"}]


def new_job(ledger: Ledger, **chosen: Any) -> str:  # noqa: ANN401 -- any argument of create_job
    """A job in state validating."""
    usual: dict[str, Any] = {"kind": JobKind.TAG, "tagger": "music@3", "engine": "biencoder", "labels": LABELS}
    return ledger.create_job(**(usual | {"options": {}, "hours": 24} | chosen))


def ranges(chunks: int, documents: int) -> list[ChunkRange]:
    """So many adjoining chunks of so many one-line documents of ten bytes."""
    size = 10 * documents
    return [
        ChunkRange(
            seq=seq,
            byte_start=seq * size,
            byte_end=(seq + 1) * size,
            first_line=1 + seq * documents,
            documents=documents,
        )
        for seq in range(chunks)
    ]


def stored_corpus(chunks: int = 3, documents: int = 2) -> StoredCorpus:
    """A corpus of so many chunks of so many documents, as `ingest` tells of one."""
    total = chunks * documents
    return StoredCorpus(key="b" * 64, bytes=10 * total, documents=total, chunks=tuple(ranges(chunks, documents)))


def submission(file_id: str, **chosen: Any) -> dict[str, Any]:  # noqa: ANN401 -- any argument of submit
    """The arguments of a submission over a file."""
    usual: dict[str, Any] = {"kind": JobKind.TAG, "tagger": "music@3", "engine": "biencoder", "labels": LABELS}
    return usual | {"file_id": file_id, "options": {}, "hours": 24, "name": None} | chosen


def queued_job(ledger: Ledger, chunks: int = 3, documents: int = 2, **chosen: Any) -> str:  # noqa: ANN401
    """A job whose chunks wait in the queue `tag`, their bells owed."""
    job_id = new_job(ledger, **chosen)
    total = chunks * documents
    ledger.enqueue(job_id, blob="b" * 64, documents=total, chunks=ranges(chunks, documents), queue="tag")
    return job_id


def adapt_job(ledger: Ledger, name: str = "music", **chosen: Any) -> str:  # noqa: ANN401
    """A queued adaptation that is to make a tagger of this name, its bell owed in the queue `adapt`."""
    options = {"method": "extend", "name": name}
    job_id = new_job(ledger, **({"kind": JobKind.ADAPT, "tagger": "default", "options": options} | chosen))
    ledger.enqueue(job_id, blob="b" * 64, documents=1, chunks=ranges(1, 1), queue="adapt")
    return job_id


def claim_adaptation(ledger: Ledger, worker: str = "w1") -> Claim:
    """The claim of the oldest adaptation that is owed a bell."""
    claim = ledger.claim(ledger.owed("adapt", 1)[0], worker=worker, lease_s=60)
    assert claim is not None
    return claim


def made_tagger(ledger: Ledger, name: str = "music", *, promote: bool = True, **chosen: Any) -> StoredTagger:  # noqa: ANN401
    """A tagger that an adaptation has just made; its artifact is nowhere."""
    adapt_job(ledger, name, **chosen)
    receipt = {"encoder": "mini", "after": {"f1": 0.5}}
    made = ledger.commit_tagger(claim_adaptation(ledger), NewTagger(name=name, receipt=receipt, promote=promote))
    assert made is not None
    return made


def claim_one(ledger: Ledger, worker: str = "w1", lease_s: float = 60) -> Claim:
    """The claim of the oldest chunk that is owed a bell."""
    claim = ledger.claim(ledger.owed("tag", 1)[0], worker=worker, lease_s=lease_s)
    assert claim is not None
    return claim


def results_of(claim: Claim, failed: Collection[int] = ()) -> list[NewResult]:
    """One result for each document of a claim; the lines in `failed` are not ok."""
    first = claim.chunk.first_line
    lines = range(first, first + claim.chunk.documents)
    return [
        NewResult(line=line, document_id=f"d{line}", ok=line not in failed, body=f'{{"id":"d{line}"}}')
        for line in lines
    ]


def finish(ledger: Ledger, failed: Collection[int] = ()) -> None:
    """Claim and commit everything that is owed a bell; the lines in `failed` fail."""
    for chunk_id in ledger.owed("tag", 10_000):
        claim = ledger.claim(chunk_id, worker="w1", lease_s=60)
        assert claim is not None
        assert ledger.commit(claim, results_of(claim, failed))


def make_due(ledger_url: str, job_id: str) -> None:
    """Move a job two days into the past, so that its time is over."""
    engines = Engines(ledger_url)
    past = {
        "created_at": JOBS.c.created_at,
        "expires_at": JOBS.c.expires_at,
    }
    with engines.writing() as connection:
        row = connection.execute(JOBS.select().where(JOBS.c.id == job_id)).one()._mapping
        values = {name: row[column] - timedelta(days=2) for name, column in past.items()}
        connection.execute(update(JOBS).where(JOBS.c.id == job_id).values(values))
    engines.close()


def names(ledger: Ledger, job_id: str) -> list[str]:
    """The names of a job's events, in order."""
    return [event.name for event in ledger.events(job_id)]
