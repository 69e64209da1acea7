"""What handlers work with: the ledger, the blobs, the doorbell and the limits, opened once a process.

Owns how they are opened and closed, and whether the ledger's tables are known to be there. Handlers reach the whole
ledger through here only where they authenticate, measure readiness or retry.
"""

# ruff: noqa: TC002 -- FastAPI reads annotations at run time
from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import HTTPConnection

from api.errors import LedgerNotMigrated, MissingSettings
from api.ringing import Ringer
from api.settings import ApiSettings
from corpora.blobs import BlobStore
from corpora.settings import CorporaSettings
from jobs.queue import Doorbell
from jobs.settings import JobsSettings
from jobs.store import Ledger
from migrations.running import at_head

if TYPE_CHECKING:
    from pathlib import Path


class Parts:
    """The parts of one running service. Threads share them."""

    def __init__(
        self,
        *,
        database_url: str,
        broker_url: str,
        blobs: Path,
        jobs: JobsSettings,
        corpora: CorporaSettings,
        settings: ApiSettings,
    ) -> None:
        self.settings = settings
        self.ledger = Ledger.open(database_url)
        self.blobs = BlobStore(blobs)
        self.bell = Doorbell.at(broker_url)
        self.ringer = Ringer(self.ledger, self.bell)
        self.limits = corpora.limits()
        #: Folder of taggers made here; None: the shipped ones alone.
        self.taggers = jobs.taggers
        #: Hours that a job gets where its request names none.
        self.job_hours = jobs.job_hours
        self._database_url = database_url
        self._migrated = False

    @classmethod
    def from_environment(cls) -> Parts:
        """Open what the environment names. Raises `MissingSettings`; connects to nothing yet."""
        jobs, corpora = JobsSettings(), CorporaSettings()
        if not (jobs.database_url and jobs.broker_url and corpora.blobs):
            wanted = {
                "TAGWERK_DATABASE_URL": jobs.database_url,
                "TAGWERK_BROKER_URL": jobs.broker_url,
                "TAGWERK_BLOBS": corpora.blobs,
            }
            raise MissingSettings([name for name, value in wanted.items() if not value])
        return cls(
            database_url=jobs.database_url,
            broker_url=jobs.broker_url,
            blobs=corpora.blobs,
            jobs=jobs,
            corpora=corpora,
            settings=ApiSettings(),
        )

    def close(self) -> None:
        """Close every connection; bells that did not ring stay owed."""
        self.ringer.close()
        self.bell.close()
        self.ledger.close()

    def is_migrated(self) -> bool:
        """Say whether the ledger has the tables of this version. Raises `LedgerUnavailable`.

        Once it has, it is not asked again: tables do not go away under a running service.
        """
        self._migrated = self._migrated or at_head(self._database_url)
        return self._migrated

    def require_tables(self) -> None:
        """Raise `LedgerNotMigrated` where the tables are not there."""
        if not self.is_migrated():
            raise LedgerNotMigrated


async def parts_of(connection: HTTPConnection) -> Parts:
    """The parts of the service that a request came to."""
    parts: Parts = connection.app.state.parts
    return parts
