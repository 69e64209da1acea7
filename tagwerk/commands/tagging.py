"""`tagwerk tag`, `tagwerk type` and `tagwerk evaluate`."""

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
from tagwerk.errors import UnusableInput
from tagwerk.pairing import paired
from tagwerk.service import Typing
from tagwerk.submission import chosen_for_tagging, chosen_for_typing, opened, read_labels, read_types
from tagwerk.summary import ended, score_table, typing_table
from tagwerk.typed import typing_fractions, typing_score
from tagwerk.waiting import wait

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.records import JobView
    from models.types import Document
    from tagwerk.service import Service

Labels = Annotated[Path, typer.Option("--labels", "-l", help="YAML or JSON file of labels in plain words.")]
Tagger = Annotated[str | None, typer.Option("--tagger", "-t", help="Name of a tagger; see `tagwerk taggers`.")]
Engine = Annotated[
    str | None, typer.Option("--engine", help=f"How to tag: {', '.join(ENGINES)}; without it the tagger's own.")
]
Types = Annotated[Path, typer.Option("--types", help="YAML or JSON file of fine types: names, paths, descriptions.")]
OptionalLabels = Annotated[
    Path | None, typer.Option("--labels", "-l", help="YAML or JSON file of labels in plain words.")
]
OptionalTypes = Annotated[
    Path | None, typer.Option("--types", help="YAML or JSON file of fine types: names, paths, descriptions.")
]
Typer = Annotated[str | None, typer.Option("--typer", help="Name of the tagger that tells the types.")]
Corpus = Annotated[Path, typer.Argument(help="JSON Lines of documents, gzip allowed; - for standard input.")]
Output = Annotated[Path | None, typer.Option("-o", "--output", help="File for the result lines.")]
Name = Annotated[str | None, typer.Option(help="A name for the job, for people.")]
Utf16 = Annotated[bool, typer.Option("--utf16", help="Count offsets in UTF-16 units.")]
Detach = Annotated[bool, typer.Option(help="Print the job's id and do not wait.")]


def tag(
    corpus: Corpus,
    labels: Labels,
    output: Output = None,
    tagger: Tagger = None,
    engine: Engine = None,
    types: OptionalTypes = None,
    typer_name: Typer = None,
    name: Name = None,
    utf16: Utf16 = False,
    detach: Detach = False,
    as_json: Json = False,
    server: Server = None,
) -> None:
    """Tag a corpus with the entity types that a label file describes, and give what is found finer types."""
    check_target(output)
    wanted = read_labels(labels)
    typing = _typing(types, typer_name, server)
    chosen = chosen_for_tagging(tagger, engine, server)
    with opened(corpus) as stream:
        _run(
            lambda service: service.submit(
                stream,
                wanted,
                tagger=chosen.tagger,
                engine=chosen.engine,
                name=name or corpus.name,
                typing=typing,
            ),
            output,
            utf16=utf16,
            detach=detach,
            as_json=as_json,
            server=server,
        )


def type_mentions(
    corpus: Annotated[Path, typer.Argument(help="JSON Lines of documents with `entities`; - for standard input.")],
    types: Types,
    output: Output = None,
    tagger: Annotated[str | None, typer.Option("--tagger", "-t", help="Name of a tagger that tells types.")] = None,
    name: Name = None,
    utf16: Utf16 = False,
    detach: Detach = False,
    as_json: Json = False,
    server: Server = None,
) -> None:
    """Give the mentions that documents carry their fine types."""
    check_target(output)
    typing = Typing(types=read_types(types), typer=chosen_for_typing(tagger, server).tagger)
    with opened(corpus) as stream:
        _run(
            lambda service: service.type(stream, typing, name=name or corpus.name),
            output,
            utf16=utf16,
            detach=detach,
            as_json=as_json,
            server=server,
        )


def _typing(types: Path | None, typer_name: str | None, server: str | None) -> Typing | None:
    if types is None:
        if typer_name is not None:
            raise UnusableInput(f"--typer {typer_name} tells types, and there are none; name a file of them by --types")
        return None
    return Typing(types=read_types(types), typer=chosen_for_typing(typer_name, server).tagger)


def _run(
    submit: Callable[[Service], str],
    output: Path | None,
    *,
    utf16: bool,
    detach: bool,
    as_json: bool,
    server: str | None,
) -> None:
    """Submit a job, wait for it and deliver what came of it."""
    with working(server) as service:
        job_id = submit(service)
        if detach:
            out().print(job_id)
            return
        say(f"{job_id} submitted; stopped here, it goes on by `tagwerk jobs watch {job_id}{service.option}`")
        job = _waited(service, job_id)
        deliver(service, job, output, utf16=utf16, as_json=as_json)
        say(ended(job))
    if job.state is not JobState.COMPLETED:
        raise typer.Exit(1)


def evaluate(
    gold: Annotated[Path, typer.Argument(help="JSON Lines of documents with their true `entities`.")],
    labels: OptionalLabels = None,
    types: OptionalTypes = None,
    tagger: Tagger = None,
    engine: Engine = None,
    as_json: Json = False,
    server: Server = None,
) -> None:
    """Tag documents whose entities are known and print strict precision, recall and F1.

    With `--types` instead of `--labels` their mentions are given types: accuracy, micro- and macro-F1.
    """
    if labels is not None and types is None:
        _evaluate_labels(gold, labels, tagger, engine, server, as_json=as_json)
    elif types is not None and labels is None and engine is None:
        _evaluate_types(gold, types, tagger, server, as_json=as_json)
    else:
        raise UnusableInput("give --labels to score what is found, or --types, without --engine, to score types")


def _evaluate_types(gold: Path, types: Path, tagger: str | None, server: str | None, *, as_json: bool) -> None:
    typing = Typing(types=read_types(types), typer=chosen_for_typing(tagger, server).tagger)
    with opened(gold) as stream, working(server) as service:
        job = _waited(service, service.type(stream, typing, name=gold.name))
        mentions, score = typing_score(typing.types, paired(service.documents(job), service.lines(job)))
    if as_json:
        print_json(typing_fractions(mentions, score))
    else:
        out().print(typing_table(mentions, score))
    say(ended(job))
    if job.state is not JobState.COMPLETED:
        raise typer.Exit(1)


def _waited(service: Service, job_id: str) -> JobView:
    with JobProgress() as progress:
        return wait(service, job_id, progress)


def _evaluate_labels(
    gold: Path, labels: Path, tagger: str | None, engine: str | None, server: str | None, *, as_json: bool
) -> None:
    wanted = read_labels(labels)
    chosen = chosen_for_tagging(tagger, engine, server)
    with opened(gold) as stream, working(server) as service:
        job_id = service.submit(stream, wanted, tagger=chosen.tagger, engine=chosen.engine, name=gold.name)
        job = _waited(service, job_id)
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
