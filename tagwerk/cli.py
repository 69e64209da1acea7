"""The command line: every command by name, and what an error becomes."""

from __future__ import annotations

import sys
from typing import NoReturn

import typer
from pydantic import ValidationError

from corpora.errors import CorpusError
from jobs.errors import (
    BadLedgerUrl,
    BadName,
    BadTaggerName,
    BadTenant,
    DamagedTagger,
    EngineMismatch,
    KindMismatch,
    LedgerError,
    MethodMismatch,
    NothingToRollBack,
    UnknownEngine,
    UnknownJob,
    UnknownKey,
    UnknownMethod,
    UnknownTagger,
)
from models.errors import BadTrainingData, EncoderNotFound, InvalidExamples, InvalidTypes, ModelError
from tagwerk import logs
from tagwerk.commands import adapting, demo, doctor, jobs, keys, operating, serving, taggers, tagging, training
from tagwerk.console import say, write_utf8
from tagwerk.errors import BadSettings, FaceError

USAGE = 2
FAILED = 1
INTERRUPTED = 130
#: Errors of the rooms below that only another command or another input can help.
ASKED_WRONGLY = (
    CorpusError,
    UnknownJob,
    UnknownKey,
    UnknownTagger,
    UnknownEngine,
    UnknownMethod,
    EngineMismatch,
    KindMismatch,
    MethodMismatch,
    BadTenant,
    BadName,
    BadTaggerName,
    NothingToRollBack,
    DamagedTagger,
    BadLedgerUrl,
    BadTrainingData,
    EncoderNotFound,
    InvalidExamples,
    InvalidTypes,
)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Few-shot entity tagging as a batch service.",
)
app.command()(demo.demo)
app.command()(tagging.tag)
app.command(name="type")(tagging.type_mentions)
app.command()(tagging.evaluate)
app.command()(adapting.adapt)
app.add_typer(jobs.app, name="jobs")
app.add_typer(taggers.app, name="taggers")
app.add_typer(training.app, name="train")
app.command()(operating.worker)
app.command()(operating.reaper)
app.command()(operating.migrate)
app.command()(serving.serve)
app.command()(serving.flower)
app.add_typer(keys.app, name="keys")
app.command()(doctor.doctor)


def main() -> None:
    """Run a command; what went wrong is one message on standard error and an exit code."""
    logs.route()
    write_utf8()
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except ValidationError as error:
        _fail(BadSettings(error))
    except (FaceError, CorpusError, LedgerError, ModelError) as error:
        _fail(error)


def exit_code(error: Exception) -> int:
    """2 where the command was asked wrongly, 1 where it was tried and failed."""
    if isinstance(error, FaceError):
        return error.exit_code
    return USAGE if isinstance(error, ASKED_WRONGLY) else FAILED


def _fail(error: Exception) -> NoReturn:
    say(f"error: {error}")
    sys.exit(exit_code(error))
