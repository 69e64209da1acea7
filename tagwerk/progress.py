"""How a job goes on while somebody waits for it, whatever kind it is.

Owns what is seen of an adaptation and the choice between kinds; counts of documents are shown by `tagwerk.console`.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from jobs.states import JobKind
from tagwerk.console import JobProgress, err, say

if TYPE_CHECKING:
    from typing import Protocol

    from jobs.records import JobView, StoredEvent

    class Told(Protocol):
        """What knows the moves of jobs: a `Service`."""

        def events(self, job_id: str, after: int = 0) -> list[StoredEvent]:
            """Those of a job, from the one after the id `after`."""


class AnyProgress:
    """The progress of a job whose kind is known when it is seen. Call it with each view of that job."""

    def __init__(self, service: Told) -> None:
        self._service = service
        self._open = ExitStack()
        self._shown: AdaptationProgress | JobProgress | None = None

    def __enter__(self) -> AnyProgress:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def __call__(self, job: JobView) -> None:
        """Show how the job stands."""
        if self._shown is None:
            adapts = job.kind is JobKind.ADAPT
            self._shown = AdaptationProgress(self._service) if adapts else JobProgress()
            self._open.enter_context(self._shown)
        self._shown(job)


class AdaptationProgress:
    """How an adaptation goes on: a bar on a terminal, a line a step elsewhere. Call it with each view."""

    def __init__(self, service: Told) -> None:
        self._service = service
        self._seen = 0
        self._last: dict[str, Any] | None = None
        self._console = err()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("waiting", total=1.0)

    def __enter__(self) -> AdaptationProgress:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def __call__(self, job: JobView) -> None:
        """Show what was told since the last call; a look at which nothing is new asks for nothing more."""
        if job.progress == self._last:
            return
        self._last = job.progress
        for event in self._service.events(job.id, after=self._seen):
            self._seen = event.id
            if "stage" in event.data:
                self._show(job.id, event.data["stage"], event.data["share"])

    def _show(self, job_id: str, stage: str, share: float) -> None:
        self._bar.update(self._task, description=stage, completed=share)
        if not self._console.is_terminal:
            say(f"{job_id} {stage}: {100 * share:.0f} %")
