"""The law of the ledger, asked of one job.

Meant for tests and for an operator's doubts; nothing in the product depends on the answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from jobs.states import FINAL, ChunkState
from jobs.store.read import job
from jobs.tables import CHUNKS, RESULTS

if TYPE_CHECKING:
    from sqlalchemy import Connection


def law(connection: Connection, job_id: str) -> tuple[str, ...]:
    """Return every breach of the law in one job; empty where it holds.

    The law: `total = pending + completed + failed`, in a final state `pending = 0`, and the stored results
    are exactly those that the finished chunks count.
    """
    view = job(connection, job_id)
    counted = view.pending + view.completed + view.failed
    kept = _kept(connection, job_id)
    claimed = _claimed(connection, job_id)
    breaches = []
    if counted != (view.total or 0):
        breaches.append(f"total is {view.total}, the chunks count {counted}")
    if view.state in FINAL and view.pending:
        breaches.append(f"{view.pending} documents are pending in final state {view.state}")
    if kept != claimed:
        breaches.append(f"(completed, failed) are {claimed} in finished chunks and {kept} in results")
    return tuple(breaches)


def _kept(connection: Connection, job_id: str) -> tuple[int, int]:
    rows = connection.execute(
        select(RESULTS.c.ok, func.count()).where(RESULTS.c.job_id == job_id).group_by(RESULTS.c.ok)
    )
    counts = {bool(ok): int(count) for ok, count in rows}
    return counts.get(True, 0), counts.get(False, 0)


def _claimed(connection: Connection, job_id: str) -> tuple[int, int]:
    done = (CHUNKS.c.job_id == job_id) & (CHUNKS.c.state == ChunkState.DONE)
    sums = select(func.coalesce(func.sum(CHUNKS.c.completed), 0), func.coalesce(func.sum(CHUNKS.c.failed), 0))
    completed, failed = connection.execute(sums.where(done)).one()
    return int(completed), int(failed)
