"""`tagwerk adapt`: a tagger of one's own, from examples."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from jobs.tagger_names import check_name
from jobs.taggers import METHOD, METHODS, TYPING, TYPING_METHOD, check_method
from tagwerk.adapting import read_examples, result_of
from tagwerk.commands.options import Json, Server
from tagwerk.commands.tagging import OptionalLabels, OptionalTypes, Tagger
from tagwerk.connection import working
from tagwerk.console import out, print_json, say
from tagwerk.errors import UnusableInput
from tagwerk.progress import AdaptationProgress
from tagwerk.receipts import conclusion, receipt_table, remarks
from tagwerk.submission import chosen_for_adapting, read_labels, read_types
from tagwerk.summary import ended
from tagwerk.waiting import wait


def adapt(
    examples: Annotated[Path, typer.Argument(help="JSON Lines of documents with `entities`; - for standard input.")],
    name: Annotated[str, typer.Option("--name", "-n", help="Name of the tagger to make: a-z, 0-9, _ and -.")],
    labels: OptionalLabels = None,
    types: OptionalTypes = None,
    method: Annotated[
        str | None,
        typer.Option(help=f"How to learn: {', '.join(METHODS)}; without it {METHOD}, or {TYPING_METHOD} with --types."),
    ] = None,
    tagger: Tagger = None,
    detach: Annotated[bool, typer.Option(help="Print the job's id and do not wait.")] = False,
    as_json: Json = False,
    server: Server = None,
) -> None:
    """Teach a tagger your labels, or fine types, by examples; it is promoted unless it got worse."""
    check_name(name)
    method = method or (METHOD if types is None else TYPING_METHOD)
    check_method(method)
    wanted, finer = _taught(labels, types, method)
    given = read_examples(examples, wanted, finer)
    base = chosen_for_adapting(tagger, method, server)
    with working(server) as service:
        job_id = service.adapt(given, wanted, tagger=base.tagger, method=method, name=name, types=finer)
        if detach:
            out().print(job_id)
            return
        say(f"{job_id} submitted; stopped here, it goes on by `tagwerk jobs watch {job_id}{service.option}`")
        with AdaptationProgress(service) as progress:
            job = wait(service, job_id, progress)
        result = result_of(service, job)
    if result is not None and as_json:
        print_json(result)
    elif result is not None:
        out().print(receipt_table(result["receipt"]))
        for line in (*remarks(result["receipt"]), conclusion(result)):
            out().print(line)
    say(ended(job))
    if result is None:
        raise typer.Exit(1)


def _taught(
    labels: Path | None, types: Path | None, method: str
) -> tuple[list[dict[str, Any]], list[dict[str, str]] | None]:
    """The labels or the types that are to be learnt, whichever the method is for."""
    if METHODS[method] == TYPING:
        if types is None or labels is not None:
            raise UnusableInput(f"the method {method} learns types; give --types, and no --labels")
        return [], read_types(types)
    if labels is None or types is not None:
        raise UnusableInput(f"the method {method} learns labels; give --labels, and no --types")
    return read_labels(labels), None
