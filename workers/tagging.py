"""One chunk from claim to commit: read its documents, tag them batch by batch, store what came of each.

Owns the order of things and what happens when they stop in between; tagging itself is the runtime's, storing
the ledger's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from corpora.chunks import read_chunk
from corpora.results import dump, error_line, result_line
from jobs import taggers
from jobs.records import NewEscalation, NewResult, Renewal
from jobs.states import DropReason, JobKind
from models.errors import MentionTooLong
from models.types import Label
from workers import escalation, lease
from workers.hands import Stopped, passes, patiently
from workers.typers import marked

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from corpora.documents import NumberedDocument
    from corpora.results import Escalation
    from jobs.records import Claim
    from jobs.store import Ledger
    from models.tagger import Outcome
    from workers.hands import Hands
    from workers.lease import Lease
    from workers.typers import FineTypes

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    result: NewResult
    escalation: Escalation | None


def run(hands: Hands, chunk_id: int) -> None:
    """Do one chunk; a bell for a chunk that is taken or done is answered by doing nothing.

    The chunk is handed back where the process is to end, left alone where the lease is lost, and committed with
    what is finished where its job is being cancelled. Where something that it needs is away for now, such as an index
    that is to be waited for, it is handed back too, and the reaper rings for it again. An error that nobody foresaw is
    raised and the lease left to run out: that counts as a crash, so a chunk that fails every time ends as poison
    instead of going round for ever.
    """
    claim = hands.ledger.claim(chunk_id, worker=hands.worker, lease_s=hands.lease_seconds)
    if claim is None:
        return
    with lease.kept(hands.ledger, claim, hands.lease_seconds) as held:
        lines: dict[int, _Line] = {}
        try:
            documents = read_chunk(hands.blobs, claim.blob, claim.chunk)
            _tag(hands, claim, documents, held, lines)
        except Stopped as stopped:
            if stopped.state is Renewal.LOST:
                log.warning("lease_lost", chunk=chunk_id, attempt=claim.attempt)
                return
            if stopped.state is Renewal.HELD:
                hands.ledger.release(claim)
                return
            _give_up(documents, lines)
        except Exception as error:
            if not passes(error):
                raise
            log.warning("chunk_put_back", chunk=chunk_id, code=getattr(error, "code", None), error=str(error))
            hands.ledger.release(claim)
            return
        _commit(hands.ledger, claim, list(lines.values()))


def _tag(hands: Hands, claim: Claim, documents: list[NumberedDocument], held: Lease, lines: dict[int, _Line]) -> None:
    texts = [numbered.document.text for numbered in documents]
    try:
        batches, margin = _batches(hands, claim, documents, texts)
        types = _types(hands, claim)
        for batch in batches:
            for outcome in batch if types is None else types.given(batch, texts):
                numbered = documents[outcome.index]
                lines[numbered.line] = _line(numbered, outcome, claim, margin, types.doubtful if types else 0.0)
            if len(lines) < len(documents):
                hands.go_on(held)
    except Exception as error:
        # A cause that the next worker would meet too fails the documents; any other is the chunk's to try again.
        if not getattr(error, "permanent", False):
            raise
        log.error("chunk_failed", chunk=claim.chunk_id, error=str(error))
        for numbered in documents:
            lines.setdefault(numbered.line, _failure(numbered, getattr(error, "code", "failed"), str(error)))


def _batches(
    hands: Hands, claim: Claim, documents: Sequence[NumberedDocument], texts: Sequence[str]
) -> tuple[Iterable[list[Outcome]], float]:
    """What is found in the documents, or what they carry where that is to be typed; and the margin of doubt."""
    if claim.kind is JobKind.TYPE:
        return marked(documents), 0.0
    labels = [Label(**label) for label in claim.labels]
    folder = taggers.located(claim.tagger, claim.folder, hands.taggers)
    batches = hands.runtime.tag(claim.engine, folder, texts, labels, tenant=claim.tenant)
    return batches, hands.runtime.margin(folder)


def _types(hands: Hands, claim: Claim) -> FineTypes | None:
    """The types that a job asks for, with what tells them; None where it asks for none."""
    if "types" not in claim.options:
        return None
    if claim.kind is JobKind.TYPE:
        folder = taggers.located(claim.tagger, claim.folder, hands.taggers)
    else:
        folder = taggers.located(claim.options["typer"], claim.typer_folder, hands.taggers)
    return hands.runtime.typers.ready(folder, claim.options["types"])


def _line(numbered: NumberedDocument, outcome: Outcome, claim: Claim, margin: float, doubtful: float) -> _Line:
    if outcome.prediction is None:
        if isinstance(outcome.error, MentionTooLong):
            return _failure(numbered, outcome.error.code, str(outcome.error))
        return _failure(numbered, "tagging_failed", f"the document could not be tagged: {outcome.error}")
    doubt = escalation.of_prediction(outcome.prediction, margin, doubtful)
    body = result_line(
        numbered.document,
        outcome.prediction,
        doubt,
        tagger=claim.tagger,
        engine=claim.engine,
        typer=claim.options.get("typer"),
    )
    return _Line(
        result=NewResult(line=numbered.line, document_id=numbered.document.id, ok=True, body=dump(body)),
        escalation=doubt,
    )


def _failure(numbered: NumberedDocument, code: str, message: str, *, escalate: bool = True) -> _Line:
    name = numbered.document.id
    body = dump(error_line(name, code, message))
    return _Line(
        result=NewResult(line=numbered.line, document_id=name, ok=False, body=body),
        escalation=escalation.of_failure() if escalate else None,
    )


def _give_up(documents: list[NumberedDocument], lines: dict[int, _Line]) -> None:
    code = DropReason.JOB_CANCELLED.value
    for numbered in documents:
        if numbered.line not in lines:
            message = "the job was cancelled before this document was tagged"
            lines[numbered.line] = _failure(numbered, code, message, escalate=False)


def _commit(ledger: Ledger, claim: Claim, lines: list[_Line]) -> None:
    results = [line.result for line in lines]
    escalations = [
        NewEscalation(
            line=line.result.line,
            document_id=line.result.document_id,
            reasons=line.escalation.reasons,
            risk=line.escalation.risk,
        )
        for line in lines
        if line.escalation is not None
    ]
    if not patiently(lambda: ledger.commit(claim, results, escalations)):
        log.warning("stale_commit_refused", chunk=claim.chunk_id, attempt=claim.attempt)
