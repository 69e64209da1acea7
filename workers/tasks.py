"""The Celery tasks. Each does nothing but call; arguments are ids alone."""

from __future__ import annotations

from jobs.queue import TASKS
from workers import adapting, tagging
from workers.app import app
from workers.process import hands


@app.task(name=TASKS["tag"])  # type: ignore[untyped-decorator]
def tag_chunk(chunk_id: int) -> None:
    """Tag one chunk of a job."""
    tagging.run(hands(), chunk_id)


@app.task(name=TASKS["llm"])  # type: ignore[untyped-decorator]
def tag_chunk_prompted(chunk_id: int) -> None:
    """Tag one chunk of a job whose engine is a language model."""
    tagging.run(hands(), chunk_id)


@app.task(name=TASKS["adapt"])  # type: ignore[untyped-decorator]
def adapt_run(chunk_id: int) -> None:
    """Adapt a tagger by the examples of a job."""
    adapting.run(hands(), chunk_id)
