"""What a command is given to tag, checked before anything is started or sent for it.

Owns label files with their warnings, names of taggers, and opening a corpus.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from corpora.labels import load_labels
from jobs import taggers
from jobs.settings import JobsSettings
from tagwerk.connection import server_of
from tagwerk.console import say
from tagwerk.errors import UnusableInput

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO


def read_labels(path: Path) -> list[dict[str, Any]]:
    """The labels of a file as the ledger stores them; warnings are said, errors raised."""
    try:
        found = load_labels(path)
    except OSError as error:
        raise UnusableInput(f"the label file {path} cannot be read: {error.strerror}") from error
    for warning in found.warnings:
        say(f"warning: {warning}")
    return [asdict(label) for label in found.labels]


def check_tagger(tagger: str, engine: str, server: str | None = None) -> None:
    """Raise `UnknownEngine` or `UnknownTagger`; ask before a stack is started. A server checks its own."""
    if not server_of(server):
        taggers.check(tagger, engine, JobsSettings().taggers)


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
