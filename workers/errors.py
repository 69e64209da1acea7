"""What can go wrong in a worker: one class a cause, each permanent or transient as a fact of the class."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class WorkerError(Exception):
    """A worker could not do its work."""

    code = "worker_error"
    permanent = True


class UnknownTagger(WorkerError):
    """A job names a tagger that this worker does not have."""

    code = "unknown_tagger"

    def __init__(self, name: str, known: list[str]) -> None:
        super().__init__(f"there is no tagger {name!r}; known are {', '.join(known)}")


class DamagedTagger(WorkerError):
    """The file that says what a tagger is cannot be read as one."""

    code = "damaged_tagger"

    def __init__(self, manifest: Path, cause: Exception) -> None:
        super().__init__(f"{manifest} does not describe a tagger ({cause!r}); remove its folder or make it anew")


class UnknownEngine(WorkerError):
    """A job names an engine that this worker does not run."""

    code = "unknown_engine"

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no engine {name!r}; known is biencoder")
