"""From a validated request for a job to a job in the ledger.

Owns what a request may name (registered taggers, usable labels, a file of its tenant) and what makes two requests
the same.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from api.complaints import of_labels
from api.errors import UnusableEngine, UnusableLabels, UnusableTagger
from api.schemas import Complaint
from corpora.errors import InvalidLabels
from corpora.labels import parse_labels
from jobs import taggers
from jobs.errors import UnknownEngine, UnknownTagger
from jobs.records import Idempotency
from jobs.states import JobKind

if TYPE_CHECKING:
    from api.parts import Parts
    from api.schemas import JobRequest
    from corpora.labels import LabelFile
    from jobs.errors import LedgerError
    from jobs.records import Submission
    from jobs.store.tenancy import TenantLedger


def submit(
    parts: Parts, tenant: TenantLedger, asked: JobRequest, key: str | None
) -> tuple[Submission, tuple[str, ...]]:
    """Queue the job, have its bells rung, and return it with what may be worth changing in its labels.

    Raises `UnusableLabels`, `UnusableTagger`, `UnusableEngine`, and what `TenantLedger.submit` does.
    """
    tagger = _tagger(parts, tenant, asked)
    found = _labels(asked)
    submission = tenant.submit(
        file_id=asked.file,
        kind=JobKind(asked.kind),
        tagger=tagger,
        engine=asked.engine,
        labels=[asdict(label) for label in found.labels],
        options={},
        hours=parts.job_hours if asked.hours is None else asked.hours,
        name=asked.name,
        idempotency=None if key is None else Idempotency(key=key, fingerprint=fingerprint(asked)),
    )
    if submission.job.queue and not submission.replayed:
        parts.ringer.ring(submission.job.queue)
    return submission, found.warnings


def fingerprint(asked: JobRequest) -> str:
    """A digest of all that is asked, the same for every way to write it."""
    canonical = json.dumps(asked.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _tagger(parts: Parts, tenant: TenantLedger, asked: JobRequest) -> str:
    """The full name of the tagger that is asked for: what a name stands for may change while the job runs."""
    try:
        return taggers.resolve(asked.tagger, asked.engine, parts.taggers, tenant)
    except UnknownTagger as error:
        raise UnusableTagger([_complaint(error, "/tagger")]) from None
    except UnknownEngine as error:
        raise UnusableEngine([_complaint(error, "/engine")]) from None


def _complaint(error: LedgerError, pointer: str) -> Complaint:
    return Complaint(code=error.code, detail=str(error), pointer=pointer)


def _labels(asked: JobRequest) -> LabelFile:
    try:
        return parse_labels(asked.labels)
    except InvalidLabels as error:
        raise UnusableLabels(of_labels(error.problems, asked.labels), error.total) from None
