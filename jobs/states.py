"""The words a job and its chunks may be in, and every move between them, as data.

Owns the state machine; `jobs.store` carries the moves out and writes an event for each.
"""

from __future__ import annotations

from enum import StrEnum

from jobs.errors import IllegalTransition


class JobKind(StrEnum):
    """What a job does."""

    TAG = "tag"  # finds entities in every document of a corpus
    ADAPT = "adapt"  # makes a tagger from examples; one chunk, total 1
    TYPE = "type"  # gives fine types to mentions of a corpus


class JobState(StrEnum):
    """Where a job is on its way; the last four are final."""

    VALIDATING = "validating"  # the corpus is being read and checked; `total` is not known yet
    QUEUED = "queued"  # chunks stand in the ledger, none was claimed yet
    RUNNING = "running"  # at least one chunk was claimed
    FINALIZING = "finalizing"  # no chunk is pending; passed through inside the last commit
    CANCELLING = "cancelling"  # nothing new is claimed, running chunks may still commit
    COMPLETED = "completed"  # every document is tagged or has failed on its own
    FAILED = "failed"  # the job as a whole cannot be done; `error` says why
    EXPIRED = "expired"  # its time was over; finished documents are kept
    CANCELLED = "cancelled"  # somebody stopped it; finished documents are kept


class ChunkState(StrEnum):
    """Where a chunk of a job is."""

    AVAILABLE = "available"  # waits for a worker
    RUNNING = "running"  # a worker holds its lease
    DONE = "done"  # its results are committed
    DROPPED = "dropped"  # will never be tagged; all its documents failed with one `DropReason`


class DropReason(StrEnum):
    """The error code of every document of a dropped chunk."""

    JOB_CANCELLED = "job_cancelled"  # the job was cancelled before the chunk was done
    JOB_EXPIRED = "job_expired"  # the job ran out of time before the chunk was done
    JOB_FAILED = "job_failed"  # the job failed as a whole before the chunk was done
    POISON = "poison"  # the chunk's workers died too often


class EscalationState(StrEnum):
    """What became of a document that was handed to people."""

    OPEN = "open"  # nobody has looked yet
    ACCEPTED = "accepted"  # a reviewer agreed with the entities
    CORRECTED = "corrected"  # a reviewer changed them


class TaggerState(StrEnum):
    """What a version of a tagger is to those who name the tagger without one."""

    CANDIDATE = "candidate"  # made, and never what the name stood for
    PROMOTED = "promoted"  # what the name stands for
    RETIRED = "retired"  # was what the name stood for


FINAL = frozenset({JobState.COMPLETED, JobState.FAILED, JobState.EXPIRED, JobState.CANCELLED})

#: States in which the reaper may end a job whose time is over.
EXPIRING = (JobState.VALIDATING, JobState.QUEUED, JobState.RUNNING, JobState.CANCELLING)

#: Chunk states that count as pending.
OPEN_CHUNKS = (ChunkState.AVAILABLE, ChunkState.RUNNING)

#: Every allowed move of a job and the name of the event it writes.
TRANSITIONS: dict[tuple[JobState, JobState], str] = {
    (JobState.VALIDATING, JobState.QUEUED): "queued",
    (JobState.VALIDATING, JobState.FAILED): "rejected",
    (JobState.VALIDATING, JobState.EXPIRED): "expired",
    (JobState.VALIDATING, JobState.CANCELLED): "cancelled",
    (JobState.QUEUED, JobState.RUNNING): "started",
    (JobState.QUEUED, JobState.FAILED): "failed",
    (JobState.QUEUED, JobState.EXPIRED): "expired",
    (JobState.QUEUED, JobState.CANCELLED): "cancelled",
    (JobState.RUNNING, JobState.FINALIZING): "finalizing",
    (JobState.RUNNING, JobState.CANCELLING): "cancelling",
    (JobState.RUNNING, JobState.FAILED): "failed",
    (JobState.RUNNING, JobState.EXPIRED): "expired",
    (JobState.FINALIZING, JobState.COMPLETED): "completed",
    (JobState.CANCELLING, JobState.CANCELLED): "cancelled",
}


def check(old: JobState, new: JobState) -> str:
    """Return the event name of the move `old -> new`; raise `IllegalTransition` where there is none."""
    event = TRANSITIONS.get((old, new))
    if event is None:
        raise IllegalTransition(old, new)
    return event
