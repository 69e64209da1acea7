"""From a validated request for a job to a job in the ledger.

Owns what a request may name (registered taggers, usable labels, a file of its tenant, of an adaptation a method and a
name) and what makes two requests the same.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from api import examples
from api.complaints import of_labels
from api.errors import (
    InvalidRequest,
    MismatchedEngine,
    MismatchedMethod,
    UnusableEngine,
    UnusableLabels,
    UnusableMethod,
    UnusableTagger,
    UnusableTaggerName,
)
from api.schemas import Complaint
from corpora.errors import InvalidLabels
from corpora.labels import parse_labels
from jobs import taggers
from jobs.errors import (
    BadTaggerName,
    EngineMismatch,
    MethodMismatch,
    UnknownEngine,
    UnknownMethod,
    UnknownTagger,
)
from jobs.records import Idempotency
from jobs.states import JobKind
from jobs.tagger_names import check_name

if TYPE_CHECKING:
    from api.parts import Parts
    from api.schemas import JobRequest
    from corpora.labels import LabelFile
    from jobs.errors import LedgerError
    from jobs.records import Submission
    from jobs.store.tenancy import TenantLedger


_NO_METHOD = "the field 'method' is of adaptations alone; leave it out, or ask for a job of the kind 'adapt'"
_NO_NAME = "the field 'name' is missing; a job of the kind 'adapt' makes a tagger of this name"


def submit(
    parts: Parts, tenant: TenantLedger, asked: JobRequest, key: str | None
) -> tuple[Submission, tuple[str, ...]]:
    """Queue the job, have its bells rung, and return it with what may be worth changing in its labels and examples.

    Raises `InvalidRequest` or what is below it, `UnknownBlob` or `DamagedBlob` where examples cannot be read, and what
    `TenantLedger.submit` does.
    """
    options = _options(asked)
    chosen = _chosen(parts, tenant, asked, options.get("method"))
    found = _labels(asked)
    warnings = found.warnings
    if asked.kind == "adapt":
        warnings += examples.check(tenant.file(asked.file), parts.blobs, found.labels)
    submission = tenant.submit(
        file_id=asked.file,
        kind=JobKind(asked.kind),
        tagger=chosen.tagger,
        engine=chosen.engine,
        labels=[asdict(label) for label in found.labels],
        options=options,
        hours=parts.job_hours if asked.hours is None else asked.hours,
        name=asked.name,
        idempotency=None if key is None else Idempotency(key=key, fingerprint=fingerprint(asked)),
    )
    if submission.job.queue and not submission.replayed:
        parts.ringer.ring(submission.job.queue)
    return submission, warnings


def fingerprint(asked: JobRequest) -> str:
    """A digest of all that is asked, the same for every way to write it."""
    said = asked.model_dump(mode="json") | _options(asked)
    if asked.kind != "adapt":
        del said["method"]
    engine = taggers.METHODS[said["method"]] if asked.kind == "adapt" else asked.engine or taggers.ENGINE
    # What is left out is the same as what it stands for. A tagger has one engine, so that says nothing more.
    said |= {"tagger": asked.tagger or taggers.ENGINES[engine], "engine": taggers.ENGINE}
    canonical = json.dumps(said, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _options(asked: JobRequest) -> dict[str, Any]:
    """What an adaptation is asked for beside what every job is; of other kinds nothing."""
    if asked.kind != "adapt":
        if asked.method is not None:
            raise InvalidRequest([Complaint(code="unknown_field", detail=_NO_METHOD, pointer="/method")])
        return {}
    if asked.name is None:
        raise InvalidRequest([Complaint(code="missing", detail=_NO_NAME, pointer="/name")])
    method = taggers.METHOD if asked.method is None else asked.method
    try:
        taggers.check_method(method)
        return {"method": method, "name": check_name(asked.name)}
    except UnknownMethod as error:
        raise UnusableMethod([_complaint(error, "/method")]) from None
    except BadTaggerName as error:
        raise UnusableTaggerName([_complaint(error, "/name")]) from None


def _chosen(parts: Parts, tenant: TenantLedger, asked: JobRequest, method: str | None) -> taggers.Chosen:
    """Tagger and engine that are asked for; the full name, since what a name stands for may change while the job runs.

    An adaptation's engine is that of its method, and one that it names besides must be that.
    """
    try:
        found = (
            taggers.resolve(asked.tagger, asked.engine, parts.taggers, tenant)
            if method is None
            else taggers.resolve_base(asked.tagger, method, parts.taggers, tenant)
        )
        return taggers.agreed(found, asked.engine)
    except UnknownTagger as error:
        raise UnusableTagger([_complaint(error, "/tagger")]) from None
    except UnknownEngine as error:
        raise UnusableEngine([_complaint(error, "/engine")]) from None
    except EngineMismatch as error:
        raise MismatchedEngine([_complaint(error, "/engine")]) from None
    except MethodMismatch as error:
        raise MismatchedMethod([_complaint(error, "/tagger")]) from None


def _complaint(error: LedgerError, pointer: str) -> Complaint:
    return Complaint(code=error.code, detail=str(error), pointer=pointer)


def _labels(asked: JobRequest) -> LabelFile:
    try:
        return parse_labels(asked.labels)
    except InvalidLabels as error:
        raise UnusableLabels(of_labels(error.problems, asked.labels), error.total) from None
