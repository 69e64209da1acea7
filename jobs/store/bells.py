"""Which chunks the broker was told of, and which it still must be.

Only an available chunk can owe a bell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select, update

from jobs.states import ChunkState
from jobs.store.engine import clock
from jobs.store.moves import among
from jobs.tables import CHUNKS, JOBS

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import ColumnElement, Connection


def _waiting(queue: str, *, rung: bool) -> ColumnElement[bool]:
    heard = CHUNKS.c.rung_at.is_not(None) if rung else CHUNKS.c.rung_at.is_(None)
    return (JOBS.c.queue == queue) & among(CHUNKS.c.state, ChunkState.AVAILABLE) & heard


def owed(connection: Connection, queue: str, limit: int) -> list[int]:
    """Return at most `limit` ids of available chunks of a queue that nobody rang for, oldest first."""
    silent = select(CHUNKS.c.id).join(JOBS).where(_waiting(queue, rung=False))
    return list(connection.scalars(silent.order_by(CHUNKS.c.id).limit(limit)))


def mark_rung(connection: Connection, chunk_ids: Collection[int]) -> int:
    """Stamp the chunks that are still available as rung now. Return how many.

    It holds no job's lock, so it skips rows that others hold rather than wait: those are rung once more.
    """
    waiting = select(CHUNKS.c.id).where(CHUNKS.c.id.in_(chunk_ids), among(CHUNKS.c.state, ChunkState.AVAILABLE))
    free_rows = waiting.with_for_update(skip_locked=True).scalar_subquery()
    stamp = update(CHUNKS).where(CHUNKS.c.id.in_(free_rows)).values(rung_at=clock(connection))
    return connection.execute(stamp).rowcount


def rung_unclaimed(connection: Connection, queue: str) -> int:
    """Count the available chunks of a queue that were rung."""
    return connection.scalar(select(func.count()).select_from(CHUNKS).join(JOBS).where(_waiting(queue, rung=True))) or 0


def oldest_rung(connection: Connection, queue: str, limit: int) -> list[int]:
    """Return at most `limit` ids of available chunks of a queue, those first whose bell rang longest ago."""
    heard = select(CHUNKS.c.id).join(JOBS).where(_waiting(queue, rung=True))
    return list(connection.scalars(heard.order_by(CHUNKS.c.rung_at, CHUNKS.c.id).limit(limit)))
