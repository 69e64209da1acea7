"""From the ledger's records to the shapes of answers, and what a page is.

Owns no request; a page asks for one entry more than it shows, which says whether there are more.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, TypeVar

from api import schemas

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.records import FileView, JobView, StoredEscalation, StoredEvent
    from jobs.taggers import TaggerEntry

Entry = TypeVar("Entry", schemas.JobSummary, schemas.File, schemas.Event, schemas.Escalation)


def job(view: JobView, warnings: Sequence[str] = ()) -> schemas.Job:
    """A job; `warnings` are those about its labels and examples."""
    return schemas.Job.model_validate({**asdict(view), "parent": view.parent_id, "warnings": list(warnings)})


def job_summary(view: JobView) -> schemas.JobSummary:
    """A job of a list."""
    told = {name: getattr(view, name) for name in schemas.JobSummary.model_fields if name != "parent"}
    return schemas.JobSummary.model_validate({**told, "parent": view.parent_id})


def file(view: FileView) -> schemas.File:
    """A file; where it is stored is not told."""
    return schemas.File.model_validate(asdict(view))


def event(stored: StoredEvent) -> schemas.Event:
    """A move of a job."""
    return schemas.Event.model_validate(asdict(stored))


def escalation(stored: StoredEscalation) -> schemas.Escalation:
    """A document that was handed to people."""
    return schemas.Escalation.model_validate(asdict(stored))


def tagger(entry: TaggerEntry) -> schemas.Tagger:
    """A tagger; where it lies is not told."""
    # A receipt is what its maker wrote, and halves of surrogate pairs are not stopped at any door.
    receipt = json.loads(json.dumps(entry.receipt, ensure_ascii=False).encode("utf-8", "replace"))
    return schemas.Tagger.model_validate({**asdict(entry), "receipt": receipt})


def cut(entries: list[Entry], limit: int) -> tuple[list[Entry], bool]:
    """The first `limit` of the entries that were asked for, and whether there are more."""
    return entries[:limit], len(entries) > limit
