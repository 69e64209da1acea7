"""What a command is given to tag, checked before anything is started or sent for it.

Owns label files with their warnings, type files, names of taggers, and opening a corpus.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from corpora.labels import load_labels
from jobs import taggers
from jobs.tagger_names import shipped
from models.typing_hierarchy import load_types, stored
from tagwerk.connection import server_of, taggers_folder, taggers_made_here
from tagwerk.console import say
from tagwerk.errors import UnusableInput

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

    from jobs.store import TenantLedger


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Tagger and engine of a job; None is left to the server."""

    tagger: str | None
    engine: str | None


def read_labels(path: Path) -> list[dict[str, Any]]:
    """The labels of a file as the ledger stores them; warnings are said, errors raised."""
    try:
        found = load_labels(path)
    except OSError as error:
        raise UnusableInput(f"the label file {path} cannot be read: {error.strerror}") from error
    for warning in found.warnings:
        say(f"warning: {warning}")
    return [asdict(label) for label in found.labels]


def read_types(path: Path) -> list[dict[str, str]]:
    """The types of a file as the ledger stores them; errors are raised."""
    try:
        return stored(load_types(path))
    except OSError as error:
        raise UnusableInput(f"the type file {path} cannot be read: {error.strerror}") from error


def chosen_for_tagging(tagger: str | None, engine: str | None, server: str | None = None) -> Wanted:
    """What a job runs; ask before a stack is started. A server resolves what it is asked for itself.

    Raises `UnknownEngine`, `UnknownTagger`, `DamagedTagger`, `EngineMismatch` or `KindMismatch`.
    """
    if server_of(server):
        return Wanted(tagger=tagger, engine=engine)
    with _registry(tagger) as (folder, made_here):
        found = taggers.resolve(tagger, engine, folder, made_here)
    return Wanted(tagger=found.tagger, engine=found.engine)


def chosen_for_typing(typer: str | None, server: str | None = None) -> Wanted:
    """What gives types to mentions; as `chosen_for_tagging`."""
    if server_of(server):
        return Wanted(tagger=typer, engine=None)
    with _registry(typer) as (folder, made_here):
        found = taggers.resolve_typer(typer, folder, made_here)
    return Wanted(tagger=found.tagger, engine=found.engine)


def chosen_for_adapting(tagger: str | None, method: str, server: str | None = None) -> Wanted:
    """What an adaptation starts from; as `chosen_for_tagging`. Raises also `UnknownMethod` and `MethodMismatch`."""
    if server_of(server):
        return Wanted(tagger=tagger, engine=None)
    with _registry(tagger) as (folder, made_here):
        found = taggers.resolve_base(tagger, method, folder, made_here)
    return Wanted(tagger=found.tagger, engine=found.engine)


@contextmanager
def _registry(tagger: str | None) -> Iterator[tuple[Path | None, TenantLedger | None]]:
    if tagger is None or tagger in shipped():
        yield None, None
        return
    with taggers_made_here() as made_here:
        yield taggers_folder(), made_here


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
