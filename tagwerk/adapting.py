"""Examples on their way to an adaptation, and what is seen of it while it runs.

Owns checking them before there is a job. Works on the ledger itself; through a server there is no adapting yet.
"""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from corpora.reading import documents_in
from corpora.settings import CorporaSettings
from jobs.settings import JobsSettings
from jobs.states import JobKind
from jobs.submitting import submit_corpus
from models.errors import InvalidExamples
from models.examples import check_examples
from models.types import Label
from tagwerk.console import err, say
from tagwerk.submission import opened

if TYPE_CHECKING:
    from pathlib import Path

    from jobs.records import JobView
    from tagwerk.service import DirectService


def read_examples(path: Path, labels: list[dict[str, Any]]) -> bytes:
    """The examples as they are, once they are found good for learning these labels; warnings are said.

    Raises `UnusableInput`, `InvalidCorpus` or `InvalidExamples`.
    """
    with opened(path, "file of examples") as stream:
        data = stream.read()
    limits = CorporaSettings().limits()
    examples = [(numbered.line, numbered.document) for numbered in documents_in(io.BytesIO(data), limits)]
    findings = check_examples(examples, [Label(**label) for label in labels])
    for warning in findings.warnings:
        say(f"warning: {warning.message}")
    if findings.errors:
        raise InvalidExamples(findings)
    return data


def submit(
    service: DirectService, examples: bytes, labels: list[dict[str, Any]], *, tagger: str, method: str, name: str
) -> str:
    """Queue the adaptation of a tagger under a new name, and return the job's id."""
    return submit_corpus(
        service.ledger,
        service.blobs,
        service.bell,
        io.BytesIO(examples),
        kind=JobKind.ADAPT,
        tagger=tagger,
        engine="biencoder",
        labels=labels,
        options={"method": method, "name": name},
        hours=JobsSettings().job_hours,
        limits=CorporaSettings().limits(),
        name=name,
    )


def result_of(service: DirectService, job: JobView) -> dict[str, Any] | None:
    """The line of an adaptation that ended well; None of one that did not, which is said."""
    for text in service.lines(job):
        line: dict[str, Any] = json.loads(text)
        if "error" not in line:
            return line
        if job.error is None:
            say(f"error: {line['error']['message']}")
    return None


class AdaptationProgress:
    """How an adaptation goes on: a bar on a terminal, a line a step elsewhere. Call it with each view."""

    def __init__(self, service: DirectService) -> None:
        self._service = service
        self._seen = 0
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
        """Show what happened since the last call."""
        for event in self._service.ledger.events(job.id, after=self._seen):
            self._seen = event.id
            if event.name == "progress":
                self._show(job.id, event.data["stage"], event.data["share"])

    def _show(self, job_id: str, stage: str, share: float) -> None:
        self._bar.update(self._task, description=stage, completed=share)
        if not self._console.is_terminal:
            say(f"{job_id} {stage}: {100 * share:.0f} %")
