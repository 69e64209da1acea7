"""`tagwerk jobs ...`: look at jobs, wait for them, read, stop and retry them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from corpora.settings import CorporaSettings
from jobs.errors import UnknownJob
from jobs.states import FINAL, JobState
from jobs.submitting import retry as retry_job
from tagwerk.connection import Connection, reading, wait, working
from tagwerk.console import JobProgress, out, print_json, say
from tagwerk.delivery import check_target, deliver
from tagwerk.summary import ended, job_facts, job_table

app = typer.Typer(no_args_is_help=True, help="Look at jobs, wait for them, read, stop and retry them.")

JobId = Annotated[str, typer.Argument(help="The job's id, as `tagwerk jobs list` shows it.")]
Json = Annotated[bool, typer.Option("--json", help="Print for machines.")]


@app.command("list")
def list_jobs(limit: Annotated[int, typer.Option(help="Most jobs shown.", min=1)] = 20, as_json: Json = False) -> None:
    """Show the newest jobs."""
    with reading() as connection:
        found = connection.ledger.jobs(limit=limit) if connection else []
    if as_json:
        print_json([job_facts(job) for job in found])
    elif found:
        out().print(job_table(found))
    else:
        say("no jobs yet; `tagwerk tag` submits one")


@app.command()
def show(job_id: JobId, as_json: Json = False) -> None:
    """Show one job with what happened to it."""
    with reading() as connection:
        ledger = _there(connection, job_id).ledger
        job, events = ledger.job(job_id), ledger.events(job_id)
    if as_json:
        moves = [{"at": e.at.isoformat(), "event": e.name, "state": e.to_state.value} for e in events]
        print_json(job_facts(job) | {"labels": job.labels, "events": moves})
        return
    out().print(ended(job))
    for event in events:
        out().print(f"  {event.at:%Y-%m-%d %H:%M:%S}  {event.name}")


@app.command()
def watch(job_id: JobId) -> None:
    """Wait for a job; embedded, this is also what makes an unfinished one go on."""
    with working() as connection, JobProgress() as progress:
        job = wait(connection, job_id, progress)
    say(ended(job))
    if job.state is not JobState.COMPLETED:
        raise typer.Exit(1)


@app.command()
def results(
    job_id: JobId,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="File for the result lines.")] = None,
    utf16: Annotated[bool, typer.Option("--utf16", help="Count offsets in UTF-16 units.")] = False,
    as_json: Json = False,
) -> None:
    """Write a job's result lines, in document order; of a running job, those that are there."""
    check_target(output)
    with reading() as connection:
        found = _there(connection, job_id)
        job = found.ledger.job(job_id)
        deliver(found, job, output, utf16=utf16, as_json=as_json)
    say(ended(job))


@app.command()
def cancel(job_id: JobId) -> None:
    """Stop a job; what is finished stays."""
    with reading() as connection:
        ledger = _there(connection, job_id).ledger
        ledger.cancel(job_id)
        say(ended(ledger.job(job_id)))


@app.command()
def retry(job_id: JobId, detach: Annotated[bool, typer.Option(help="Do not wait for the new job.")] = False) -> None:
    """Make a new job of exactly the documents that failed, and wait for it."""
    with working() as connection:
        limits = CorporaSettings().limits()
        child = retry_job(connection.ledger, connection.blobs, connection.bell, job_id, limits=limits)
        out().print(child)
        if detach:
            return
        with JobProgress() as progress:
            job = wait(connection, child, progress)
    say(ended(job))
    if job.state in FINAL - {JobState.COMPLETED}:
        raise typer.Exit(1)


def _there(connection: Connection | None, job_id: str) -> Connection:
    if connection is None:
        raise UnknownJob(job_id)
    return connection
