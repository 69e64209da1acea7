"""From a validated request for a job to a job in the ledger.

Owns what a request may name (registered taggers, usable labels, a file of its tenant, of an adaptation a method and a
name) and what makes two requests the same.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from api import examples, fields
from api.complaints import of_labels, of_types
from api.errors import (
    MismatchedEngine,
    MismatchedKind,
    MismatchedMethod,
    UnusableEngine,
    UnusableLabels,
    UnusableMethod,
    UnusableTagger,
    UnusableTaggerName,
    UnusableTypes,
)
from api.schemas import Complaint
from corpora.errors import InvalidLabels
from corpora.labels import LabelFile, parse_labels
from jobs import taggers
from jobs.errors import (
    BadTaggerName,
    EngineMismatch,
    KindMismatch,
    MethodMismatch,
    UnknownEngine,
    UnknownMethod,
    UnknownTagger,
)
from jobs.records import Idempotency
from jobs.states import JobKind
from jobs.tagger_names import check_name
from models.errors import InvalidTypes
from models.examples import check_examples
from models.typed_examples import check_typed_examples
from models.typing_hierarchy import parse_types, stored

if TYPE_CHECKING:
    from collections.abc import Iterator

    from api.parts import Parts
    from api.schemas import JobRequest
    from jobs.errors import LedgerError
    from jobs.records import Submission
    from jobs.store.tenancy import TenantLedger
    from models.typing_hierarchy import TypeTree


def submit(
    parts: Parts, tenant: TenantLedger, asked: JobRequest, key: str | None
) -> tuple[Submission, tuple[str, ...]]:
    """Queue the job, have its bells rung, and return it with what may be worth changing in its labels and examples.

    Raises `InvalidRequest` or what is below it, `UnknownBlob` or `DamagedBlob` where examples cannot be read, and what
    `TenantLedger.submit` does.
    """
    fields.check(asked)
    options = _options(asked)
    chosen = _chosen(parts, tenant, asked, options.get("method"))
    found, tree = _labels(asked), _types(asked)
    warnings = found.warnings
    if asked.kind == "adapt":
        warnings += _looked_at(parts, tenant, asked, found, tree)
    if tree is not None:
        options["types"] = stored(tree)
    if tree is not None and asked.kind == "tag":
        options["typer"] = _typer(parts, tenant, asked.typer)
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
    # What is left out is the same as what it stands for. A tagger has one engine, so that says nothing more.
    said |= {"tagger": asked.tagger or taggers.OWN[_engine(asked)], "engine": taggers.ENGINE}
    if asked.kind == "tag" and asked.types is not None:
        said["typer"] = asked.typer or taggers.TYPER
    # Fields that came later are no part of what was asked before there were any.
    said = {name: value for name, value in said.items() if value is not None or name not in ("types", "typer")}
    canonical = json.dumps(said, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _options(asked: JobRequest) -> dict[str, Any]:
    """What an adaptation is asked for beside what every job is; of other kinds nothing."""
    if asked.kind != "adapt":
        return {}
    method = fields.method_of(asked)
    try:
        taggers.check_method(method)
        return {"method": method, "name": check_name(asked.name or "")}
    except UnknownMethod as error:
        raise UnusableMethod([_complaint(error, "/method")]) from None
    except BadTaggerName as error:
        raise UnusableTaggerName([_complaint(error, "/name")]) from None


def _chosen(parts: Parts, tenant: TenantLedger, asked: JobRequest, method: str | None) -> taggers.Chosen:
    """Tagger and engine that are asked for; the full name, since what a name stands for may change while the job runs.

    An adaptation's engine is that of its method, and one that it names besides must be that.
    """
    with _named("/tagger"):
        if method is not None:
            found = taggers.resolve_base(asked.tagger, method, parts.taggers, tenant)
        elif asked.kind == "type":
            found = taggers.resolve_typer(asked.tagger, parts.taggers, tenant)
        else:
            found = taggers.resolve(asked.tagger, asked.engine, parts.taggers, tenant)
        return taggers.agreed(found, asked.engine)


def _typer(parts: Parts, tenant: TenantLedger, name: str | None) -> str:
    """The full name of what gives types to what a job finds."""
    with _named("/typer"):
        return taggers.resolve_typer(name, parts.taggers, tenant).tagger


@contextmanager
def _named(pointer: str) -> Iterator[None]:
    """Turn what is wrong with a name into a refusal that points to it."""
    try:
        yield
    except UnknownTagger as error:
        raise UnusableTagger([_complaint(error, pointer)]) from None
    except KindMismatch as error:
        raise MismatchedKind([_complaint(error, pointer)]) from None
    except UnknownEngine as error:
        raise UnusableEngine([_complaint(error, "/engine")]) from None
    except EngineMismatch as error:
        raise MismatchedEngine([_complaint(error, "/engine")]) from None
    except MethodMismatch as error:
        raise MismatchedMethod([_complaint(error, pointer)]) from None


def _complaint(error: LedgerError, pointer: str) -> Complaint:
    return Complaint(code=error.code, detail=str(error), pointer=pointer)


def _engine(asked: JobRequest) -> str:
    """The engine whose own tagger a request means that names none."""
    if asked.kind == "adapt":
        return taggers.METHODS[fields.method_of(asked)]
    return taggers.TYPING if asked.kind == "type" else asked.engine or taggers.ENGINE


def _looked_at(
    parts: Parts, tenant: TenantLedger, asked: JobRequest, found: LabelFile, tree: TypeTree | None
) -> tuple[str, ...]:
    """What may be worth changing in examples of labels, or of types."""
    file = tenant.file(asked.file)
    if tree is None:
        return examples.check(file, parts.blobs, lambda given: check_examples(given, found.labels), "labels")
    return examples.check(file, parts.blobs, lambda given: check_typed_examples(given, tree), "types")


def _types(asked: JobRequest) -> TypeTree | None:
    if asked.types is None:
        return None
    try:
        return parse_types(asked.types)
    except InvalidTypes as error:
        raise UnusableTypes(of_types(error.findings.errors), error.findings.total) from None


def _labels(asked: JobRequest) -> LabelFile:
    if asked.labels is None:
        return LabelFile(labels=(), warnings=())
    try:
        return parse_labels(asked.labels)
    except InvalidLabels as error:
        raise UnusableLabels(of_labels(error.problems, asked.labels), error.total) from None
