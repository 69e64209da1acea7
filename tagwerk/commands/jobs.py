"""`tagwerk jobs ...`: look at jobs, wait for them, read, stop and retry them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from jobs.errors import UnknownJob
from jobs.states import FINAL, JobState
from tagwerk.commands.options import Json, Server
from tagwerk.connection import reading, working
from tagwerk.console import out, print_json, say
from tagwerk.delivery import check_target, deliver
from tagwerk.progress import AnyProgress
from tagwerk.service import Service
from tagwerk.summary import ended, happened, job_facts, job_table
from tagwerk.waiting import wait

app = typer.Typer(no_args_is_help=True, help="Look at jobs, wait for them, read, stop and retry them.")

JobId = Annotated[str, typer.Argument(help="The job's id, as `tagwerk jobs list` shows it.")]


@app.command("list")
def list_jobs(
    limit: Annotated[int, typer.Option(help="Most jobs shown.", min=1)] = 20,
    as_json: Json = False,
    server: Server = None,
) -> None:
    """Show the newest jobs."""
    with reading(server) as service:
        found = service.jobs(limit) if service else []
    if as_json:
        print_json([job_facts(job) for job in found])
    elif found:
        out().print(job_table(found))
    else:
        say("no jobs yet; `tagwerk tag` submits one")


@app.command()
def show(job_id: JobId, as_json: Json = False, server: Server = None) -> None:
    """Show one job with what happened to it."""
    with reading(server) as service:
        found = _there(service, job_id)
        job, events = found.job(job_id), found.events(job_id)
    if as_json:
        moves = [{"at": e.at.isoformat(), "event": e.name, "state": e.to_state.value} for e in events]
        print_json(job_facts(job) | {"labels": job.labels, "events": moves})
        return
    out().print(ended(job))
    for event in events:
        out().print(f"  {event.at:%Y-%m-%d %H:%M:%S}  {happened(event)}")


@app.command()
def watch(job_id: JobId, server: Server = None) -> None:
    """Wait for a job; embedded, this is also what makes an unfinished one go on."""
    with working(server) as service, AnyProgress(service) as progress:
        job = wait(service, job_id, progress)
    say(ended(job))
    if job.state is not JobState.COMPLETED:
        raise typer.Exit(1)


@app.command()
def results(
    job_id: JobId,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="File for the result lines.")] = None,
    utf16: Annotated[bool, typer.Option("--utf16", help="Count offsets in UTF-16 units.")] = False,
    as_json: Json = False,
    server: Server = None,
) -> None:
    """Write a job's result lines, in document order; of a running job, those that are there."""
    check_target(output)
    with reading(server) as service:
        found = _there(service, job_id)
        job = found.job(job_id)
        deliver(found, job, output, utf16=utf16, as_json=as_json)
    say(ended(job))


@app.command()
def cancel(job_id: JobId, server: Server = None) -> None:
    """Stop a job; what is finished stays."""
    with reading(server) as service:
        say(ended(_there(service, job_id).cancel(job_id)))


@app.command()
def retry(
    job_id: JobId,
    detach: Annotated[bool, typer.Option(help="Do not wait for the new job.")] = False,
    server: Server = None,
) -> None:
    """Make a new job of exactly the documents that failed, and wait for it."""
    with working(server) as service:
        child = service.retry(job_id)
        out().print(child)
        if detach:
            return
        with AnyProgress(service) as progress:
            job = wait(service, child, progress)
    say(ended(job))
    if job.state in FINAL - {JobState.COMPLETED}:
        raise typer.Exit(1)


def _there(service: Service | None, job_id: str) -> Service:
    if service is None:
        raise UnknownJob(job_id)
    return service
