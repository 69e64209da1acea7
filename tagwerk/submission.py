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
from jobs.tagger_names import shipped
from tagwerk.connection import server_of, taggers_folder, taggers_made_here
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


def resolved_tagger(tagger: str, engine: str, server: str | None = None) -> str:
    """The full name that a job keeps of a tagger; ask before a stack is started. A server resolves its own.

    Raises `UnknownEngine`, `UnknownTagger` or `DamagedTagger`.
    """
    if server_of(server):
        return tagger
    if tagger in shipped():
        return taggers.resolve(tagger, engine, None)
    with taggers_made_here() as made_here:
        return taggers.resolve(tagger, engine, taggers_folder(), made_here)


@contextmanager
def opened(path: Path, what: str = "corpus") -> Iterator[BinaryIO]:
    """A file, or standard input for `-`, as bytes; `what` it is called where it cannot be read (`UnusableInput`)."""
    if str(path) == "-":
        yield sys.stdin.buffer
        return
    try:
        stream = path.open("rb")
    except OSError as error:
        raise UnusableInput(f"the {what} {path} cannot be read: {error.strerror}") from error
    with stream:
        yield stream
