"""Reading a corpus file in place, without storing it: for gold documents and examples."""

from __future__ import annotations

from typing import TYPE_CHECKING

from corpora.documents import NumberedDocument
from corpora.errors import InvalidCorpus
from corpora.expanding import expanded_blocks
from corpora.limits import DEFAULT_LIMITS, Limits
from corpora.problems import Problems
from corpora.scanning import scan

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO


def read_documents(path: Path, limits: Limits = DEFAULT_LIMITS) -> Iterator[NumberedDocument]:
    """The documents of a JSON Lines file, plain or gzip, checked as `ingest` checks them.

    From the first problem on nothing more is given; the rest of the file is still read, and `InvalidCorpus`
    names its problems too. Ids used twice are known only at the end. Raises `OSError` as opening does.
    """
    with path.open("rb") as file:
        yield from documents_in(file, limits)


def documents_in(stream: BinaryIO, limits: Limits = DEFAULT_LIMITS) -> Iterator[NumberedDocument]:
    """The same of a file that is open."""
    problems = Problems()
    for placed in scan(expanded_blocks(stream, limits.max_corpus_bytes), limits, problems):
        if not problems:
            yield NumberedDocument(line=placed.place.number, document=placed.document)
    if problems:
        raise InvalidCorpus(problems.kept, problems.total)
