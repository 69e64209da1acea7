"""One adaptation from claim to commit: check its examples, teach a tagger, register it with its receipt.

Owns what happens when the work stops in between; teaching is the models' business, storing the ledger's.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import structlog

from corpora.limits import Limits
from corpora.reading import read_documents
from jobs import taggers
from jobs.errors import LedgerUnavailable, NoTaggersFolder
from jobs.records import NewTagger, Renewal
from jobs.tagger_names import check_name
from models.errors import InvalidExamples
from models.examples import check_examples
from models.typed_examples import check_typed_examples
from models.types import Label
from models.typing_hierarchy import restored
from workers import lease
from workers.hands import Stopped, passes, patiently
from workers.teaching import Order, teach
from workers.workshop import Workshop, sweep

if TYPE_CHECKING:
    from jobs.records import Claim
    from workers.hands import Hands
    from workers.lease import Lease

#: Least share of a stage, and least seconds, between two events of it.
TOLD_SHARE = 0.05
TOLD_SECONDS = 5.0

log = structlog.get_logger(__name__)


def run(hands: Hands, chunk_id: int) -> None:
    """Do one adaptation; a bell for one that is taken or done is answered by doing nothing.

    It is handed back where the process is to end, left alone where the lease is lost, and dropped where its job is
    being cancelled; whoever claims it next goes on from the checkpoint. So it is where a language model's endpoint is
    away for now. What would fail at every attempt fails the
    job. An error that nobody foresaw is raised and the lease left to run out, which counts as a crash.
    """
    claim = hands.ledger.claim(chunk_id, worker=hands.worker, lease_s=hands.lease_seconds)
    if claim is None:
        return
    with lease.kept(hands.ledger, claim, hands.lease_seconds) as held:
        try:
            _adapt(hands, claim, held)
        except Stopped as stopped:
            _put_down(hands, claim, stopped.state)
        except Exception as error:
            if getattr(error, "permanent", False):
                _refuse(hands, claim, error)
            elif passes(error):
                log.warning(
                    "adaptation_put_back", job=claim.job_id, code=getattr(error, "code", None), error=str(error)
                )
                _put_down(hands, claim, Renewal.HELD)
            elif _is_lost(held):
                # Its folder went to whoever has it now, so the error says nothing of the work.
                _put_down(hands, claim, Renewal.LOST)
            else:
                raise


def _adapt(hands: Hands, claim: Claim, held: Lease) -> None:
    if hands.taggers is None:
        raise NoTaggersFolder
    sweep(hands.taggers, hands.ledger)
    order = _order(hands, claim)
    shop = Workshop.of(hands.taggers, claim)
    if not shop.artifact.exists():
        _teach(hands, claim, order, shop, _Teller(hands, claim, held))
    from models.manifests import read
    from models.training.adapting import WORSE

    receipt = read(shop.artifact).receipt
    held.renew()
    hands.go_on(held)
    made = NewTagger(name=order.name, receipt=receipt, promote=receipt["verdict"] != WORSE)
    registered = patiently(lambda: hands.ledger.commit_tagger(claim, made))
    if registered is None:
        log.warning("stale_commit_refused", chunk=claim.chunk_id, attempt=claim.attempt)
        return
    log.info("tagger_made", job=claim.job_id, tagger=registered.full_name, state=registered.state.value)
    shop.close()


def _order(hands: Hands, claim: Claim) -> Order:
    """Read and check what a job asks for; raises what makes it impossible."""
    method, name = str(claim.options.get("method")), str(claim.options.get("name"))
    taggers.check_method(method)
    check_name(name)
    # Whatever was accepted when it was stored is read, whatever the limits are here.
    limits = Limits(max_line_bytes=claim.chunk.byte_end, max_corpus_bytes=claim.chunk.byte_end)
    numbered = [(each.line, each.document) for each in read_documents(hands.blobs.path(claim.blob), limits)]
    labels = [Label(**label) for label in claim.labels]
    tree = restored(claim.options.get("types", ()))
    typed = taggers.METHODS[method] == taggers.TYPING
    findings = check_typed_examples(numbered, tree) if typed else check_examples(numbered, labels)
    if findings.errors:
        raise InvalidExamples(findings)
    return Order(
        name=name,
        base=claim.tagger,
        method=method,
        examples=[document for _, document in numbered],
        labels=labels,
        warnings=tuple(finding.message for finding in findings.warnings),
        tree=tree,
    )


def _teach(hands: Hands, claim: Claim, order: Order, shop: Workshop, teller: _Teller) -> None:
    base = taggers.located(claim.tagger, claim.folder, hands.taggers)
    shop.open()
    if not shop.made.exists():
        teach(hands.runtime, order, base, shop.work, shop.made, teller)
    shop.place()


@dataclass(slots=True, kw_only=False)
class _Teller:
    """Tells the ledger now and then how far the work is, and raises `Stopped` where it has to end."""

    hands: Hands
    claim: Claim
    held: Lease
    _stage: str = field(default="", init=False)
    _share: float = field(default=0.0, init=False)
    _at: float = field(default=0.0, init=False)

    def __call__(self, stage: str, share: float) -> None:
        self.hands.go_on(self.held)
        now = time.monotonic()
        if stage == self._stage and (share - self._share < TOLD_SHARE or now - self._at < TOLD_SECONDS):
            return
        self._stage, self._share, self._at = stage, share, now
        try:
            told = self.hands.ledger.progress(self.claim, stage, share)
        except LedgerUnavailable as error:
            log.warning("progress_not_told", chunk=self.claim.chunk_id, error=str(error))
        else:
            if not told:
                raise Stopped(Renewal.LOST)


def _is_lost(held: Lease) -> bool:
    held.renew()
    return held.ask() is Renewal.LOST


def _put_down(hands: Hands, claim: Claim, state: Renewal) -> None:
    if state is Renewal.LOST:
        # Whoever has it now goes on in the same folders.
        log.warning("lease_lost", chunk=claim.chunk_id, attempt=claim.attempt)
        return
    if hands.ledger.release(claim) and state is Renewal.CANCELLING:
        _discard(hands, claim)


def _refuse(hands: Hands, claim: Claim, error: Exception) -> None:
    told: dict[str, Any] = {"code": getattr(error, "code", "failed"), "message": str(error)}
    if isinstance(error, InvalidExamples):
        told |= error.details()
    log.error("adaptation_failed", job=claim.job_id, code=told["code"], error=str(error))
    if hands.ledger.fail(claim, told):
        _discard(hands, claim)


def _discard(hands: Hands, claim: Claim) -> None:
    if hands.taggers is not None:
        Workshop.of(hands.taggers, claim).discard()
