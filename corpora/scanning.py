"""One pass over a corpus: every good document with its place, every complaint gathered.

Shared by storing and by plain reading, so that both accept exactly the same files.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from corpora.documents import parse_document
from corpora.errors import InvalidCorpus, Problem
from corpora.identifiers import SeenIds
from corpora.lines import RawLine, split_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from corpora.limits import Limits
    from corpora.problems import Problems
    from models.types import Document

_BLANK = b" \t\r"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedDocument:
    """A document that passed every check by itself, and where in the file it stands."""

    place: RawLine
    document: Document


def scan(blocks: Iterable[bytes], limits: Limits, problems: Problems) -> Iterator[PlacedDocument]:
    """Good documents as they come; `problems` is complete when the iterator ends.

    Blank lines are skipped. Ids used twice are known, and added, only at the end.
    """
    accepted = 0
    with SeenIds() as seen:
        for place in _lines(blocks, limits, problems):
            document = _document(place, limits, problems)
            if document is not None:
                accepted += 1
                seen.add(document.id, place.number)
                yield PlacedDocument(place=place, document=document)
        seen.report(problems)
    if not accepted and not problems:
        sentence = 'the file has no document; write one {"id": ..., "text": ...} a line'
        problems.add(Problem.at(None, "empty_corpus", sentence))


def is_blank(line: bytes) -> bool:
    """Whether a line holds white space only and so no document."""
    return not line.strip(_BLANK)


def _lines(blocks: Iterable[bytes], limits: Limits, problems: Problems) -> Iterator[RawLine]:
    try:
        yield from split_lines(blocks, limits.max_line_bytes)
    except InvalidCorpus as damage:
        problems.extend(damage.problems, total=damage.total)


def _document(place: RawLine, limits: Limits, problems: Problems) -> Document | None:
    if place.data is None:
        problems.add(_too_long(place, limits.max_line_bytes))
        return None
    if is_blank(place.data):
        return None
    try:
        return parse_document(place.data, place.number)
    except InvalidCorpus as error:
        problems.extend(error.problems, total=error.total)
        return None


def _too_long(place: RawLine, limit: int) -> Problem:
    sentence = (
        f"the line has {place.size:,} bytes, over the limit of {limit:,}; "
        "split the document, or raise TAGWERK_MAX_LINE_BYTES"
    )
    return Problem.at(place.number, "line_too_long", sentence)
