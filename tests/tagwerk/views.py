"""Views of jobs as a ledger would give them, for what only shows them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from jobs.records import JobView
from jobs.states import JobKind, JobState

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def view(job_id: str = "job_a", **chosen: Any) -> JobView:  # noqa: ANN401 -- any field of a view
    """A running job of ten documents, none of them done."""
    usual: dict[str, Any] = {
        "id": job_id,
        "tenant": "local",
        "kind": JobKind.TAG,
        "state": JobState.RUNNING,
        "name": "corpus.jsonl",
        "tagger": "default",
        "engine": "biencoder",
        "labels": [{"name": "band"}],
        "options": {},
        "queue": "tag",
        "blob": "b" * 64,
        "parent_id": None,
        "total": 10,
        "pending": 10,
        "completed": 0,
        "failed": 0,
        "escalated": 0,
        "created_at": NOON,
        "expires_at": NOON,
        "error": None,
    }
    moments = ("queued", "running", "finalizing", "cancelling", "completed", "failed", "expired", "cancelled")
    return JobView(**({f"{moment}_at": None for moment in moments} | usual | chosen))


def done(job_id: str, completed: int, total: int = 10, **chosen: Any) -> JobView:  # noqa: ANN401 -- as above
    """A job of which so many documents are tagged."""
    return view(job_id, completed=completed, total=total, pending=total - completed, **chosen)
