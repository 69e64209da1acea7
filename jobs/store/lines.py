"""What came of a job, document by document: stored lines, failed lines, dropped chunks.

Long answers are read in pages, each in a transaction of its own, so memory stays bounded and nothing is held
open while the caller is slow.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from jobs.records import DroppedChunk, FailedLines, StoredResult
from jobs.states import ChunkState
from jobs.store import outside
from jobs.store.claim import chunk_range
from jobs.tables import CHUNKS, RESULTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Column, Connection, Row, Select

    from jobs.store.engine import Engines
    from jobs.store.read import JobKey

#: Rows read with one statement.
PAGE = 1000

_STORED = (RESULTS.c.id, RESULTS.c.line, RESULTS.c.document_id, RESULTS.c.ok, RESULTS.c.body)
_RANGE = (CHUNKS.c.seq, CHUNKS.c.byte_start, CHUNKS.c.byte_end, CHUNKS.c.first_line, CHUNKS.c.documents)


def results(connection: Connection, job: JobKey, after: int, limit: int) -> list[StoredResult]:
    """Return stored lines in the order of commits, from the one after the id `after`."""
    wanted = select(*_STORED).where(RESULTS.c.job_id == job, RESULTS.c.id > outside.number(after))
    return [
        StoredResult(**row._mapping)
        for row in connection.execute(wanted.order_by(RESULTS.c.id).limit(outside.number(limit)))
    ]


def results_in_order(engines: Engines, job: JobKey, after: int = 0) -> Iterator[StoredResult]:
    """Yield the stored lines of documents behind the corpus line `after`, in the order of the corpus."""
    stored = select(*_STORED).where(RESULTS.c.job_id == job)
    for row in _paged(engines, stored, RESULTS.c.line, after):
        yield StoredResult(**row._mapping)


def failed_in_order(engines: Engines, job: JobKey, after: int = 0) -> Iterator[StoredResult]:
    """Yield the same of documents that failed on their own."""
    failed = select(*_STORED).where(RESULTS.c.job_id == job, ~RESULTS.c.ok)
    for row in _paged(engines, failed, RESULTS.c.line, after):
        yield StoredResult(**row._mapping)


def dropped_chunks(engines: Engines, job: JobKey, after: int = 0) -> Iterator[DroppedChunk]:
    """Yield the chunks that were given up, in the order of the corpus.

    Those that end before the corpus line `after` are left out; the first may begin before it.
    """
    # Where a chunk ends is not kept, but it does so before the next begins.
    reached = select(func.max(CHUNKS.c.seq))
    reached = reached.where(CHUNKS.c.job_id == job, CHUNKS.c.first_line <= outside.number(after) + 1)
    given_up = select(*_RANGE, CHUNKS.c.error_code)
    given_up = given_up.where(CHUNKS.c.job_id == job, CHUNKS.c.state == ChunkState.DROPPED)
    given_up = given_up.where(CHUNKS.c.seq >= func.coalesce(reached.scalar_subquery(), 0))
    for row in _paged(engines, given_up, CHUNKS.c.seq):
        yield DroppedChunk(chunk=chunk_range(row), reason=row.error_code)


def failed_lines(engines: Engines, job: JobKey) -> Iterator[FailedLines]:
    """Yield the lines that failed on their own, chunk by chunk, in the order of the corpus."""
    failed = select(*_RANGE, RESULTS.c.line).select_from(RESULTS).join(CHUNKS)
    failed = failed.where(RESULTS.c.job_id == job, ~RESULTS.c.ok)
    for chunk, rows in groupby(_paged(engines, failed, RESULTS.c.line), key=chunk_range):
        yield FailedLines(chunk=chunk, lines=tuple(row.line for row in rows))


def _paged(engines: Engines, statement: Select[Any], key: Column[Any], after: int = -1) -> Iterator[Row[Any]]:
    last = outside.number(after)
    while True:
        with engines.reading() as connection:
            rows = connection.execute(statement.where(key > last).order_by(key).limit(PAGE)).all()
        yield from rows
        if len(rows) < PAGE:
            return
        last = rows[-1]._mapping[key]
