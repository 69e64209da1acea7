"""`tagwerk adapt`: a tagger of one's own, from examples."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from jobs.tagger_names import check_name
from jobs.taggers import METHOD, METHODS, check_method
from tagwerk.adapting import read_examples, result_of
from tagwerk.commands.options import Json, Server
from tagwerk.commands.tagging import Labels, Tagger
from tagwerk.connection import working
from tagwerk.console import out, print_json, say
from tagwerk.progress import AdaptationProgress
from tagwerk.receipts import conclusion, receipt_table, remarks
from tagwerk.submission import chosen_for_adapting, read_labels
from tagwerk.summary import ended
from tagwerk.waiting import wait


def adapt(
    examples: Annotated[Path, typer.Argument(help="JSON Lines of documents with `entities`; - for standard input.")],
    labels: Labels,
    name: Annotated[str, typer.Option("--name", "-n", help="Name of the tagger to make: a-z, 0-9, _ and -.")],
    method: Annotated[str, typer.Option(help=f"How to learn: {', '.join(METHODS)}.")] = METHOD,
    tagger: Tagger = None,
    detach: Annotated[bool, typer.Option(help="Print the job's id and do not wait.")] = False,
    as_json: Json = False,
    server: Server = None,
) -> None:
    """Teach a tagger your labels by examples; it is promoted unless it got worse."""
    check_name(name)
    check_method(method)
    wanted = read_labels(labels)
    given = read_examples(examples, wanted)
    base = chosen_for_adapting(tagger, method, server)
    with working(server) as service:
        job_id = service.adapt(given, wanted, tagger=base.tagger, method=method, name=name)
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
