"""Results on their way out of the ledger: to a file, to a pipe, or shown on a terminal.

Owns writing a file whole or not at all.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from itertools import islice
from typing import IO, TYPE_CHECKING

from jobs.states import JobKind
from tagwerk.console import out
from tagwerk.errors import UnusableOutput
from tagwerk.highlight import Palette
from tagwerk.pairing import paired

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from jobs.records import JobView
    from tagwerk.service import Service


def deliver(service: Service, job: JobView, target: Path | None, *, utf16: bool, as_json: bool) -> None:
    """Write all result lines to `target`, or to standard output; people at a terminal see tagged text instead."""
    if target is None and not as_json and sys.stdout.isatty() and job.kind is not JobKind.ADAPT:
        show(service, job)
        return
    with _opened(target) as stream:
        stream.writelines(line + "\n" for line in service.lines(job, utf16=utf16))


def show(service: Service, job: JobView, limit: int | None = None) -> None:
    """Show documents with their entities coloured, at most `limit`."""
    broadest = (each["name"] for each in job.options.get("types", ()) if "parent" not in each)
    palette = Palette([*(label["name"] for label in job.labels), *broadest])
    console = out()
    for document, line in islice(paired(service.documents(job), service.lines(job)), limit):
        console.print(palette.shown(document.text, line))


def check_target(target: Path | None) -> None:
    """Raise `UnusableOutput` for a file that could not be written; ask before work is done for it."""
    if target is None:
        return
    try:
        if _is_device(target):
            return
        if target.is_dir():
            raise UnusableOutput(target, "it is a folder; name a file in it")
        partial = _partial(target)
        partial.touch()
        partial.unlink()
    except OSError as error:
        raise UnusableOutput(target, error.strerror) from error


@contextmanager
def _opened(target: Path | None) -> Iterator[IO[str]]:
    if target is None:
        yield sys.stdout
        sys.stdout.flush()
    elif _is_device(target):
        with target.open("w", encoding="utf-8") as stream:
            yield stream
    else:
        with _whole(target) as stream:
            yield stream


@contextmanager
def _whole(target: Path) -> Iterator[IO[str]]:
    partial = _partial(target)
    try:
        with partial.open("w", encoding="utf-8") as stream:
            yield stream
        partial.replace(target.resolve())
    except OSError as error:
        raise UnusableOutput(target, error.strerror) from error
    finally:
        partial.unlink(missing_ok=True)


def _partial(target: Path) -> Path:
    place = target.resolve()
    return place.with_name(f".{place.name}.{os.getpid()}.partial")


def _is_device(target: Path) -> bool:
    """Whether it is there and no regular file: a pipe or `/dev/null`, which nothing may be put in place of."""
    return target.exists() and not target.is_file() and not target.is_dir()
