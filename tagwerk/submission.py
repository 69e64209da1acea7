"""Tagging jobs as the face submits them: label files checked, names resolved, warnings said."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from corpora.labels import load_labels
from corpora.settings import CorporaSettings
from jobs import taggers
from jobs.settings import JobsSettings
from jobs.states import JobKind
from jobs.submitting import submit_corpus
from tagwerk.console import say
from tagwerk.errors import UnusableInput

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

    from tagwerk.connection import Connection


def read_labels(path: Path) -> list[dict[str, Any]]:
    """The labels of a file as the ledger stores them; warnings are said, errors raised."""
    try:
        found = load_labels(path)
    except OSError as error:
        raise UnusableInput(f"the label file {path} cannot be read: {error.strerror}") from error
    for warning in found.warnings:
        say(f"warning: {warning}")
    return [asdict(label) for label in found.labels]


def check_tagger(tagger: str, engine: str) -> None:
    """Raise `UnknownEngine` or `UnknownTagger`; ask before a stack is started for it."""
    taggers.check(tagger, engine, JobsSettings().taggers)


def submit(
    connection: Connection,
    corpus: BinaryIO,
    labels: list[dict[str, Any]],
    *,
    tagger: str,
    engine: str,
    name: str,
) -> str:
    """Submit a corpus for tagging and return the job's id."""
    return submit_corpus(
        connection.ledger,
        connection.blobs,
        connection.bell,
        corpus,
        kind=JobKind.TAG,
        tagger=tagger,
        engine=engine,
        labels=labels,
        options={},
        hours=JobsSettings().job_hours,
        limits=CorporaSettings().limits(),
        name=name,
    )


@contextmanager
def opened(corpus: Path) -> Iterator[BinaryIO]:
    """A corpus file, or standard input for `-`, as bytes. Raises `UnusableInput`."""
    if str(corpus) == "-":
        yield sys.stdin.buffer
        return
    try:
        stream = corpus.open("rb")
    except OSError as error:
        raise UnusableInput(f"the corpus {corpus} cannot be read: {error.strerror}") from error
    with stream:
        yield stream
