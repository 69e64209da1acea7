"""`tagwerk tag` and `tagwerk evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobs.states import JobState
from jobs.taggers import ENGINES
from models.scores import Score, Scorer
from models.types import Span
from tagwerk.commands.options import Json, Server
from tagwerk.connection import working
from tagwerk.console import JobProgress, out, print_json, say
from tagwerk.delivery import check_target, deliver
from tagwerk.pairing import paired
from tagwerk.submission import chosen_for_tagging, opened, read_labels
from tagwerk.summary import ended, score_table
from tagwerk.waiting import wait

if TYPE_CHECKING:
    from models.types import Document

Labels = Annotated[Path, typer.Option("--labels", "-l", help="YAML or JSON file of labels in plain words.")]
Tagger = Annotated[str | None, typer.Option("--tagger", "-t", help="Name of a tagger; see `tagwerk taggers`.")]
Engine = Annotated[
    str | None, typer.Option("--engine", help=f"How to tag: {', '.join(ENGINES)}; without it the tagger's own.")
]


def tag(
    corpus: Annotated[Path, typer.Argument(help="JSON Lines of documents, gzip allowed; - for standard input.")],
    labels: Labels,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="File for the result lines.")] = None,
    tagger: Tagger = None,
    engine: Engine = None,
    name: Annotated[str | None, typer.Option(help="A name for the job, for people.")] = None,
    utf16: Annotated[bool, typer.Option("--utf16", help="Count offsets in UTF-16 units.")] = False,
    detach: Annotated[bool, typer.Option(help="Print the job's id and do not wait.")] = False,
    as_json: Json = False,
    server: Server = None,
) -> None:
    """Tag a corpus with the entity types that a label file describes."""
    check_target(output)
    wanted = read_labels(labels)
    chosen = chosen_for_tagging(tagger, engine, server)
    with opened(corpus) as stream, working(server) as service:
        job_id = service.submit(stream, wanted, tagger=chosen.tagger, engine=chosen.engine, name=name or corpus.name)
        if detach:
            out().print(job_id)
            return
        say(f"{job_id} submitted; stopped here, it goes on by `tagwerk jobs watch {job_id}{service.option}`")
        with JobProgress() as progress:
            job = wait(service, job_id, progress)
        deliver(service, job, output, utf16=utf16, as_json=as_json)
        say(ended(job))
    if job.state is not JobState.COMPLETED:
        raise typer.Exit(1)


def evaluate(
    gold: Annotated[Path, typer.Argument(help="JSON Lines of documents with their true `entities`.")],
    labels: Labels,
    tagger: Tagger = None,
    engine: Engine = None,
    as_json: Json = False,
    server: Server = None,
) -> None:
    """Tag documents whose entities are known and print strict precision, recall and F1."""
    wanted = read_labels(labels)
    chosen = chosen_for_tagging(tagger, engine, server)
    with opened(gold) as stream, working(server) as service:
        job_id = service.submit(stream, wanted, tagger=chosen.tagger, engine=chosen.engine, name=gold.name)
        with JobProgress() as progress:
            job = wait(service, job_id, progress)
        scorer = Scorer()
        known = {label["name"] for label in wanted}
        for document, line in paired(service.documents(job), service.lines(job)):
            score_document(scorer, document, line, known)
    if as_json:
        print_json(_fractions(scorer.total()) | {"labels": {k: _fractions(v) for k, v in scorer.by_label().items()}})
    else:
        out().print(score_table(scorer))
    say(ended(job))
    if job.state is not JobState.COMPLETED:
        raise typer.Exit(1)


def score_document(scorer: Scorer, document: Document, line: dict[str, Any], known: set[str] | None = None) -> None:
    """Count a document's result line against its own entities, those of `known` labels where given."""
    expected = [span for span in document.entities or () if known is None or span.label in known]
    scorer.add(expected, [_span(entity) for entity in line.get("entities", ())])


def _span(entity: dict[str, Any]) -> Span:
    return Span(start=entity["start"], end=entity["end"], label=entity["label"], score=entity["score"])


def _fractions(score: Score) -> dict[str, float]:
    return {"precision": score.precision, "recall": score.recall, "f1": score.f1}
