"""Jobs over real corpora, and a runtime whose answers stand in the documents.

The runtime is the real one with its models taken out: it batches and yields as they do, only faster, and lets
a test act between two batches.
"""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

from corpora.ingest import ingest
from corpora.limits import Limits
from jobs.states import JobKind
from models.shipped import SHIPPED
from models.tagger import Outcome
from models.types import Prediction, Span
from workers.hands import Hands
from workers.runtime import Runtime
from workers.settings import WorkerSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from corpora.blobs import BlobStore
    from jobs.store import Ledger
    from models.types import Label

LABELS = [{"name": "band", "description": "a music group", "threshold": None}]
THRESHOLD = 0.5
MARGIN = 0.15
BATCH = 2

#: What the scripted runtime makes of a document that begins with this word: scores of reported and missed spans.
SCORES = {"sure": ([0.99], []), "close": ([0.6], []), "missed": ([], [0.45]), "empty": ([], [])}


class ScriptedRuntime(Runtime):
    """Finds the first word of every text, as sure as that word says; `broken` cannot be tagged.

    `between` is called before each batch with the number of batches done.
    """

    def __init__(self, between: Callable[[int], None] = lambda _done: None) -> None:
        super().__init__(WorkerSettings())
        self._between = between
        #: How many documents were tagged, over all chunks.
        self.tagged = 0

    def tag(
        self, engine: str, folder: Path, texts: Sequence[str], labels: Sequence[Label], *, tenant: str = "local"
    ) -> Iterator[list[Outcome]]:
        assert (engine, folder) == ("biencoder", SHIPPED / "default")
        for done, first in enumerate(range(0, len(texts), BATCH)):
            self._between(done)
            batch = range(first, min(first + BATCH, len(texts)))
            self.tagged += len(batch)
            yield [_outcome(index, texts[index], labels[0].name) for index in batch]

    def margin(self, folder: Path) -> float:
        assert folder == SHIPPED / "default"
        return MARGIN


def _outcome(index: int, text: str, label: str) -> Outcome:
    word = text.split()[0]
    if word == "broken":
        return Outcome(index=index, error=ValueError("a word too strange to read"))
    reported, missed = (
        tuple(Span(start=0, end=len(word), label=label, score=score) for score in scores) for scores in SCORES[word]
    )
    prediction = Prediction(spans=reported, near_misses=missed, thresholds={label: THRESHOLD})
    return Outcome(index=index, prediction=prediction)


def tag_job(ledger: Ledger, blobs: BlobStore, *texts: str, chunk: int = 64, **chosen: Any) -> str:  # noqa: ANN401
    """A queued job over these texts, documents d1, d2, ..., with at most `chunk` documents a chunk."""
    rows = (json.dumps({"id": f"d{number}", "text": text}) for number, text in enumerate(texts, start=1))
    corpus = ingest(io.BytesIO("\n".join(rows).encode()), blobs, Limits(chunk_documents=chunk))
    usual: dict[str, Any] = {"kind": JobKind.TAG, "tagger": "default", "engine": "biencoder", "labels": LABELS}
    job_id = ledger.create_job(**(usual | {"options": {}, "hours": 1} | chosen))
    ledger.enqueue(job_id, blob=corpus.key, documents=corpus.documents, chunks=corpus.chunks, queue="tag")
    return job_id


def hands(
    ledger: Ledger,
    blobs: BlobStore,
    runtime: Runtime | None = None,
    *,
    lease_seconds: float = 60,
    stopping: Callable[[], bool] = lambda: False,
    taggers: Path | None = None,
) -> Hands:
    """What a worker works with."""
    return Hands(
        ledger=ledger,
        blobs=blobs,
        runtime=runtime or ScriptedRuntime(),
        taggers=taggers,
        worker="here:1",
        lease_seconds=lease_seconds,
        stopping=stopping,
    )


def only_chunk(ledger: Ledger) -> int:
    """The id of the one chunk whose bell is owed."""
    [chunk_id] = ledger.owed("tag", 10)
    return chunk_id


def told(ledger: Ledger, job_id: str) -> list[tuple[str, str | None]]:
    """Id and error code of every stored result, in the order of the corpus."""
    bodies = (json.loads(result.body) for result in ledger.results_in_order(job_id))
    return [(body["id"], body["error"]["code"] if "error" in body else None) for body in bodies]
