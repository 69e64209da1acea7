"""Seconds that one submission takes: the transaction of the job and its chunks, by size of the corpus.

    python benchmarks/submission.py --ledger postgresql://... [--documents 100000,1000000] [--rounds 5]

The database must be migrated and may be anybody's: it is left with jobs that were cancelled. The corpus itself is not
made: a file with the layout of one is.
"""

from __future__ import annotations

import argparse
import statistics
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

from benchmarks import tables
from corpora.chunks import ChunkRange
from corpora.ingest import StoredCorpus
from corpora.limits import DEFAULT_LIMITS
from jobs.states import JobKind
from jobs.store import Ledger
from jobs.store.engine import Engines

if TYPE_CHECKING:
    from jobs.store.tenancy import TenantLedger

LABELS = [{"name": "band", "description": "a music group", "threshold": None}]
#: Bytes of a document.
SIZE = 2000


def main() -> None:
    """Measure and write the table."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--ledger", required=True, help="address of a migrated database")
    arguments.add_argument("--documents", default="100000,1000000")
    arguments.add_argument("--rounds", type=int, default=5)
    options = arguments.parse_args()
    with closing(Ledger.open(options.ledger)) as ledger, closing(Engines(options.ledger)) as engines:
        with engines.reading() as connection:
            database = connection.dialect.name
        tenant = ledger.tenant("benchmark")
        rows = [measure(tenant, int(size), options.rounds) for size in options.documents.split(",")]
    notes = [f"median and longest of {options.rounds} rounds; {database}; {DEFAULT_LIMITS.chunk_documents} to a chunk"]
    print(tables.write(f"submission_{database}", "One submission", rows, notes).read_text(encoding="utf-8"))


def measure(tenant: TenantLedger, documents: int, rounds: int) -> dict[str, Any]:
    """The row of one size."""
    corpus = laid_out(documents)
    file_id = tenant.add_file(corpus, None).id
    taken = [submit(tenant, file_id) for _ in range(rounds)]
    return {
        "documents": documents,
        "chunks": len(corpus.chunks),
        "milliseconds": 1000 * statistics.median(taken),
        "longest": 1000 * max(taken),
    }


def submit(tenant: TenantLedger, file_id: str) -> float:
    """Seconds of one submission."""
    began = time.monotonic()
    submission = tenant.submit(
        file_id=file_id,
        kind=JobKind.TAG,
        tagger="default",
        engine="biencoder",
        labels=LABELS,
        options={},
        hours=1,
        name="benchmark",
    )
    seconds = time.monotonic() - began
    tenant.cancel(submission.job.id)
    return seconds


def laid_out(documents: int) -> StoredCorpus:
    """A corpus of so many equal documents, as if it were stored."""
    step = DEFAULT_LIMITS.chunk_documents
    chunks = tuple(
        ChunkRange(
            seq=seq,
            byte_start=first * SIZE,
            byte_end=min(first + step, documents) * SIZE,
            first_line=first + 1,
            documents=min(step, documents - first),
        )
        for seq, first in enumerate(range(0, documents, step))
    )
    return StoredCorpus(key="0" * 64, bytes=documents * SIZE, documents=documents, chunks=chunks)


if __name__ == "__main__":
    main()
