"""Jobs that type, as tests of this room need them."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

from corpora.ingest import ingest
from corpora.limits import DEFAULT_LIMITS
from jobs.routing import pieces, queue_for
from jobs.states import JobKind

if TYPE_CHECKING:
    from corpora.blobs import BlobStore
    from jobs.store import Ledger


def type_job(
    ledger: Ledger,
    blobs: BlobStore,
    documents: list[dict[str, Any]],
    types: list[dict[str, str]],
    *,
    kind: JobKind = JobKind.TYPE,
    **chosen: Any,  # noqa: ANN401
) -> str:
    """A queued job over these documents."""
    corpus = ingest(io.BytesIO("\n".join(map(json.dumps, documents)).encode()), blobs, DEFAULT_LIMITS)
    usual: dict[str, Any] = {"tagger": "typer", "engine": "typer", "labels": [], "options": {"types": types}}
    job_id = ledger.create_job(**(usual | {"kind": kind, "hours": 1} | chosen))
    chunks = pieces(kind, corpus.bytes, corpus.chunks)
    total = sum(chunk.documents for chunk in chunks)
    ledger.enqueue(job_id, blob=corpus.key, documents=total, chunks=chunks, queue=queue_for(kind, "typer"))
    return job_id
