"""Jobs and scores in a few words or a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Column, Table

from jobs.states import FINAL, JobKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from jobs.records import JobView, StoredEvent
    from jobs.taggers import TaggerEntry
    from models.scores import Scorer
    from models.typing_scores import TypingScore


def ended(job: JobView) -> str:
    """How a job stands, in one line."""
    if job.kind is JobKind.ADAPT:
        return _adapted(job)
    done = "typed" if job.kind is JobKind.TYPE else "tagged"
    parts = [f"{job.completed:,} of {job.total or 0:,} documents {done}"]
    if job.failed:
        parts.append(f"{job.failed:,} failed")
    if job.pending:
        parts.append(f"{job.pending:,} pending")
    if job.escalated:
        parts.append(f"{job.escalated:,} for a person")
    if job.error:
        parts.append(str(job.error["message"]))
    return f"{job.id} {job.state.value}: {', '.join(parts)}"


def _adapted(job: JobView) -> str:
    if job.state in FINAL:
        made = "a tagger was made" if job.completed else "no tagger was made"
    else:
        made = "a tagger is being made" + (f", {_step(job.progress)}" if job.progress else "")
    return f"{job.id} {job.state.value}: {made}" + (f", {job.error['message']}" if job.error else "")


def happened(event: StoredEvent) -> str:
    """What an event says, in a few words."""
    if "stage" not in event.data:
        return event.name
    return f"{event.name}: {_step(event.data)}"


def _step(progress: Mapping[str, Any]) -> str:
    return f"{progress['stage']} {100 * progress['share']:.0f} %"


def job_facts(job: JobView) -> dict[str, Any]:
    """A job as plain values, for machines."""
    stamps = (
        "created_at",
        "queued_at",
        "running_at",
        "completed_at",
        "failed_at",
        "expired_at",
        "cancelled_at",
    )
    found = {name: getattr(job, name) for name in stamps}
    return {
        "id": job.id,
        "kind": job.kind.value,
        "state": job.state.value,
        "name": job.name,
        "tagger": job.tagger,
        "engine": job.engine,
        "parent": job.parent_id,
        "total": job.total,
        "pending": job.pending,
        "completed": job.completed,
        "failed": job.failed,
        "escalated": job.escalated,
        "expires_at": job.expires_at.isoformat(),
        "error": job.error,
        "progress": job.progress,
        **{name: stamp and stamp.isoformat() for name, stamp in found.items()},
    }


def job_table(jobs: Iterable[JobView]) -> Table:
    """Jobs, one a row."""
    columns = (Column("job", no_wrap=True), "state", "name", "tagged", "failed", "pending", "for people")
    table = Table(*columns, Column("created", no_wrap=True), box=None)
    for job in jobs:
        counts = (job.completed, job.failed, job.pending, job.escalated)
        created = f"{job.created_at:%Y-%m-%d %H:%M:%S}"
        table.add_row(job.id, job.state.value, job.name or "", *(f"{count:,}" for count in counts), created)
    return table


def tagger_table(entries: Iterable[TaggerEntry]) -> Table:
    """Taggers, one a row."""
    table = Table("tagger", "state", "engine", "base", "held-out F1", "made", box=None)
    for entry in entries:
        made = "" if entry.created_at is None else f"{entry.created_at:%Y-%m-%d %H:%M:%S}"
        table.add_row(entry.name, entry.state or "", entry.engine, entry.base, _held_out(entry.receipt), made)
    return table


def _held_out(receipt: dict[str, Any]) -> str:
    after = receipt.get("after", {})
    found = receipt.get("held_out_f1", after.get("f1", after.get("macro_f1")))
    return "" if found is None else f"{found:.3f}"


def score_table(scorer: Scorer) -> Table:
    """Strict scores by label and in total, in per cent."""
    table = Table("label", "precision", "recall", "F1", "gold", box=None)
    for name, score in [*scorer.by_label().items(), ("all", scorer.total())]:
        fractions = (score.precision, score.recall, score.f1)
        table.add_row(name, *(f"{100 * value:.1f}" for value in fractions), str(score.gold))
    return table


def typing_table(mentions: int, score: TypingScore) -> Table:
    """Scores of types, in per cent."""
    table = Table("average", "precision", "recall", "F1", "accuracy", "mentions", box=None)
    for name, average in (("micro", score.micro), ("macro", score.macro)):
        fractions = (average.precision, average.recall, average.f1, score.accuracy)
        table.add_row(name, *(f"{100 * value:.1f}" for value in fractions), f"{mentions:,}")
    return table


def demo_table(rows: Iterable[tuple[str, JobView, Scorer]]) -> Table:
    """What became of each example corpus."""
    table = Table("corpus", "documents", "entities", "precision", "recall", "strict F1", "for people", box=None)
    for name, job, scorer in rows:
        score = scorer.total()
        fractions = (score.precision, score.recall, score.f1)
        percent = (f"{100 * value:.1f}" for value in fractions)
        table.add_row(name, str(job.completed), str(score.predicted), *percent, str(job.escalated))
    return table
