"""Where an adaptation keeps its work until its tagger is made: folders below that of the taggers made here.

    .work/JOB/ATTEMPT/   checkpoints of the attempt that runs, or ran last
    JOB/                 the artifact, whole from the moment that it is there

Owns these folders. A later attempt takes the folder of an earlier one over by renaming it: a worker that lost its
lease and does not know it finds nothing to write into any more.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.errors import UnknownJob
from jobs.states import FINAL

if TYPE_CHECKING:
    from pathlib import Path

    from jobs.records import Claim
    from jobs.store import Ledger

_WORK = ".work"


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """The folders of one attempt at a job."""

    #: Checkpoints; there while the attempt runs.
    work: Path
    #: The artifact; there when it is made.
    artifact: Path

    @classmethod
    def of(cls, taggers: Path, claim: Claim) -> Workshop:
        """Return the folders of a claim; makes none."""
        return cls(work=taggers / _WORK / claim.job_id / str(claim.attempt), artifact=taggers / claim.job_id)

    @property
    def made(self) -> Path:
        """Where the artifact is written before it is placed."""
        return self.work / "tagger"

    def open(self) -> None:
        """Take over what the last attempt left, or begin with nothing."""
        job = self.work.parent
        job.mkdir(parents=True, exist_ok=True)
        left = sorted((path for path in job.iterdir() if path.name.isdigit()), key=lambda path: int(path.name))
        if left:
            left[-1].rename(self.work)
        self.work.mkdir(exist_ok=True)
        # A half-written file may still be held open by whoever began it; unlinked, it harms nobody.
        for partial in list(self.work.rglob("*.partial")):
            shutil.rmtree(partial) if partial.is_dir() else partial.unlink()

    def place(self) -> None:
        """Make the finished artifact visible, unless another attempt was first."""
        try:
            self.made.rename(self.artifact)
        except OSError:
            if not self.artifact.exists():
                raise

    def close(self) -> None:
        """Remove the checkpoints."""
        shutil.rmtree(self.work.parent, ignore_errors=True)

    def discard(self) -> None:
        """Remove the checkpoints and the artifact, which nobody will ever name."""
        self.close()
        shutil.rmtree(self.artifact, ignore_errors=True)


def sweep(taggers: Path, ledger: Ledger) -> None:
    """Remove the checkpoints of jobs that ended without a worker, by expiry or after too many crashes."""
    for job in (taggers / _WORK).glob("job_*"):
        with suppress(UnknownJob):
            if ledger.job(job.name).state in FINAL:
                shutil.rmtree(job, ignore_errors=True)
