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
from tagwerk.commands.tagging import score_document
from tagwerk.connection import wait, working
from tagwerk.console import JobProgress, out, say
from tagwerk.delivery import paired
from tagwerk.highlight import Palette
from tagwerk.submission import opened, read_labels, submit
from tagwerk.summary import demo_table

if TYPE_CHECKING:
    from jobs.records import JobView
    from tagwerk.connection import Connection

#: The examples, in the order in which they are shown: folder and corpus.
CORPORA = (
    ("music", "corpus.jsonl"),
    ("clinical", "corpus.jsonl"),
    ("support", "corpus.jsonl"),
    ("long", "document.jsonl"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the demo says of one example corpus."""

    name: str
    job: JobView
    scorer: Scorer


def demo(
    examples: Annotated[Path, typer.Option(help="Folder of the example corpora.")] = Path("examples"),
    show: Annotated[int, typer.Option(help="Documents shown of each corpus.", min=0)] = 4,
) -> None:
    """Tag the example corpora, show entities, and score them against the examples' own annotation."""
    began = time.monotonic()
    with working() as connection:
        jobs = {name: _submit(connection, examples / name, corpus) for name, corpus in CORPORA}
        with JobProgress() as progress:
            ended = {name: wait(connection, job_id, progress) for name, job_id in jobs.items()}
        found = [_show(connection, name, job, 0 if name == "long" else show) for name, job in ended.items()]
    out().print(demo_table([(each.name, each.job, each.scorer) for each in found]))
    say(f"done in {time.monotonic() - began:.0f} s; `tagwerk jobs list` shows the jobs, `tagwerk tag --help` is next")
    if any(job.state is not JobState.COMPLETED for job in ended.values()):
        raise typer.Exit(1)


def _submit(connection: Connection, folder: Path, corpus: str) -> str:
    labels = read_labels(folder / "labels.yaml")
    with opened(folder / corpus) as stream:
        return submit(connection, stream, labels, tagger=DEFAULT, engine="biencoder", name=folder.name)


def _show(connection: Connection, name: str, job: JobView, limit: int) -> Shown:
    palette = Palette(label["name"] for label in job.labels)
    scorer = Scorer()
    if limit:
        out().print(f"\n{name}", style="bold")
    for number, (document, line) in enumerate(paired(connection, job)):
        score_document(scorer, document, line)
        if number < limit:
            out().print(palette.shown(document.text, line))
    return Shown(name=name, job=job, scorer=scorer)
