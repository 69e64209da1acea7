"""Every SQL statement of the project, behind one class, `Ledger`, and what a tenant sees of it, `TenantLedger`.

Lock order, everywhere: the job's row first, then rows of its chunks. So nothing deadlocks, and the ids of a
job's results and events rise in the order of commits. Times come from the database's clock alone.
"""

from __future__ import annotations

from jobs.store.ledger import Ledger
from jobs.store.tenancy import TenantLedger

__all__ = ["Ledger", "TenantLedger"]
