"""Corpora as the tests of submitting and of results need them."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

from corpora.limits import Limits
from jobs.records import Claim, NewResult
from jobs.states import JobKind
from jobs.submitting import submit_corpus
from tests.jobs.building import LABELS

if TYPE_CHECKING:
    from collections.abc import Collection

    from corpora.blobs import BlobStore
    from jobs.queue import Doorbell
    from jobs.store import Ledger

#: Chunks of two documents.
PAIRS = Limits(chunk_documents=2)


def corpus(documents: int) -> bytes:
    """So many documents with ids `d1`, `d2`, ...; every third one after a blank line."""
    lines = [json.dumps({"id": f"d{n}", "text": f"text é {n}"}, ensure_ascii=False) for n in range(1, documents + 1)]
    return "\n".join("\n" + line if n % 3 == 2 else line for n, line in enumerate(lines)).encode()


def submit(ledger: Ledger, blobs: BlobStore, bell: Doorbell, data: bytes, **chosen: Any) -> str:  # noqa: ANN401
    """A job over `data` in chunks of two documents."""
    usual: dict[str, Any] = {"kind": JobKind.TAG, "tagger": "music@3", "engine": "biencoder", "hours": 24}
    arguments = usual | {"labels": LABELS, "options": {"k": 1}, "limits": PAIRS} | chosen
    return submit_corpus(ledger, blobs, bell, io.BytesIO(data), **arguments)


def answers(claim: Claim, ids: list[tuple[int, str]], failed: Collection[str] = ()) -> list[NewResult]:
    """One result line for each (line, id) of a claim; ids in `failed` are error lines."""
    return [
        NewResult(
            line=line, document_id=each, ok=each not in failed, body=json.dumps({"id": each, "by": claim.attempt})
        )
        for line, each in ids
    ]
