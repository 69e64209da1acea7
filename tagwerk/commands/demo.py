"""`tagwerk demo`: the example corpora through the embedded stack, shown and scored."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jobs.states import JobState
from jobs.taggers import DEFAULT
from models.scores import Scorer
from tagwerk import delivery
from tagwerk.commands.options import Server
from tagwerk.commands.tagging import score_document
from tagwerk.connection import working
from tagwerk.console import JobProgress, out, say
from tagwerk.highlight import Palette
from tagwerk.pairing import paired
from tagwerk.service import Typing
from tagwerk.submission import opened, read_labels, read_types
from tagwerk.summary import demo_table
from tagwerk.waiting import wait

if TYPE_CHECKING:
    from jobs.records import JobView
    from tagwerk.service import Service

#: The examples, in the order in which they are shown: folder and corpus.
CORPORA = (
    ("music", "corpus.jsonl"),
    ("clinical", "corpus.jsonl"),
    ("support", "corpus.jsonl"),
    ("long", "document.jsonl"),
)
#: The example whose mentions are given types.
TYPED = "typing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the demo says of one example corpus."""

    name: str
    job: JobView
    scorer: Scorer


def demo(
    examples: Annotated[Path, typer.Option(help="Folder of the example corpora.")] = Path("examples"),
    show: Annotated[int, typer.Option(help="Documents shown of each corpus.", min=0)] = 4,
    server: Server = None,
) -> None:
    """Tag the example corpora, show entities, score them against the examples' own annotation, and show fine types."""
    began = time.monotonic()
    with working(server) as service:
        jobs = {name: _submit(service, examples / name, corpus) for name, corpus in CORPORA}
        typing = _submit_typing(service, examples / TYPED)
        with JobProgress() as progress:
            ended = {name: wait(service, job_id, progress) for name, job_id in jobs.items()}
            typed = wait(service, typing, progress)
        found = [_show(service, name, job, 0 if name == "long" else show) for name, job in ended.items()]
        if show:
            out().print(f"\n{TYPED}", style="bold")
            delivery.show(service, typed, show)
        listed = f"tagwerk jobs list{service.option}"
    out().print(demo_table([(each.name, each.job, each.scorer) for each in found]))
    say(f"done in {time.monotonic() - began:.0f} s; `{listed}` shows the jobs, `tagwerk tag --help` is next")
    if any(job.state is not JobState.COMPLETED for job in (*ended.values(), typed)):
        raise typer.Exit(1)


def _submit(service: Service, folder: Path, corpus: str) -> str:
    labels = read_labels(folder / "labels.yaml")
    with opened(folder / corpus) as stream:
        return service.submit(stream, labels, tagger=DEFAULT, engine="biencoder", name=folder.name)


def _submit_typing(service: Service, folder: Path) -> str:
    types = Typing(types=read_types(folder / "types.yaml"))
    with opened(folder / "corpus.jsonl") as stream:
        return service.type(stream, types, name=folder.name)


def _show(service: Service, name: str, job: JobView, limit: int) -> Shown:
    palette = Palette(label["name"] for label in job.labels)
    scorer = Scorer()
    if limit:
        out().print(f"\n{name}", style="bold")
    for number, (document, line) in enumerate(paired(service.documents(job), service.lines(job))):
        score_document(scorer, document, line)
        if number < limit:
            out().print(palette.shown(document.text, line))
    return Shown(name=name, job=job, scorer=scorer)
