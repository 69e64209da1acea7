"""Jobs that type, and a small typer, as tests of this room need them."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

from corpora.ingest import ingest
from corpora.limits import DEFAULT_LIMITS
from jobs.routing import pieces, queue_for
from jobs.states import JobKind
from models.encoder import load_encoder
from models.typer import Judgement, Typer
from models.typer_artifact import save_typer, untrained_typer
from models.typing_network import TyperConfig
from tests.models.building import tiny_model

if TYPE_CHECKING:
    from pathlib import Path

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


def tiny_typer(place: Path) -> Path:
    """The folder of an untrained typer on a small random encoder of 64 positions, in this folder."""
    tiny_model(positions=64).save_pretrained(place / "encoder")
    load_encoder().tokenizer.save_pretrained(place / "encoder")
    fresh = untrained_typer(load_encoder(str(place / "encoder")), TyperConfig(layers=1, heads=2))
    save_typer(place / "fine", Typer(fresh.encoder, fresh.network, Judgement(threshold=0.5)), name="fine", receipt={})
    return place / "fine"
