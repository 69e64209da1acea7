"""Which submission an idempotency key stands for, so that a request that comes twice makes one job.

A key belongs to a tenant; two tenants with the same one do not meet.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, insert, select

from jobs.errors import KeyInUse, KeyReused
from jobs.store.engine import clock, lock_number
from jobs.tables import IDEMPOTENCY

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from jobs.records import Idempotency


def recall(connection: Connection, tenant: str, request: Idempotency) -> str | None:
    """Return the id of the job that the request made before; None: it is new, and this transaction holds its key.

    Raises `KeyInUse` while another transaction holds the key, `KeyReused` where it came with another request.
    """
    if connection.dialect.name == "postgresql":
        # Not waited for: the other may take long, and the caller can say so at once. SQLite has one writer.
        # A tenant's name has no slash, so no two pairs are spelt alike.
        free = connection.scalar(select(func.pg_try_advisory_xact_lock(lock_number(f"{tenant}/{request.key}"))))
        if not free:
            raise KeyInUse(request.key)
    known = select(IDEMPOTENCY.c.job_id, IDEMPOTENCY.c.fingerprint)
    known = known.where(IDEMPOTENCY.c.tenant == tenant, IDEMPOTENCY.c.key == request.key)
    row = connection.execute(known).one_or_none()
    if row is None:
        return None
    if row.fingerprint != request.fingerprint:
        raise KeyReused(request.key)
    return str(row.job_id)


def remember(connection: Connection, tenant: str, request: Idempotency, job_id: str) -> None:
    """Write down that the request made this job."""
    record = {
        "tenant": tenant,
        "key": request.key,
        "fingerprint": request.fingerprint,
        "job_id": job_id,
        "created_at": clock(connection),
    }
    connection.execute(insert(IDEMPOTENCY).values(record))


def forget(connection: Connection, hours: float) -> int:
    """Delete the records that are older than so many hours. Return how many."""
    old = IDEMPOTENCY.c.created_at < clock(connection) - timedelta(hours=hours)
    return connection.execute(delete(IDEMPOTENCY).where(old)).rowcount
