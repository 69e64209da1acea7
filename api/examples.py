"""Examples of an adaptation, looked at while who sent them still listens.

Owns which are looked at here: a file so large that this would keep others waiting is left to the worker, which looks
at every file and fails the job in the same words. What examples must be is not this room's to say.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from api.complaints import of_examples
from api.errors import UnusableExamples
from corpora.limits import Limits
from corpora.reading import documents_in

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from corpora.blobs import BlobStore
    from jobs.records import FileView
    from models.examples import Findings
    from models.types import Document

    #: What looks at documents, each with its line, and says what is wrong with them as examples.
    Checked = Callable[[Sequence[tuple[int, Document]]], Findings]

#: Largest file of examples that is looked at here, in bytes: thousands of sentences, a third of a second.
CHECKED_BYTES = 2**20


def check(file: FileView, blobs: BlobStore, checked: Checked, taught: str) -> tuple[str, ...]:
    """What may be worth changing in a file of examples, nothing where it is too large to be looked at here.

    `taught` is the field that says what is learnt from them. Raises `UnusableExamples`, and `UnknownBlob` or
    `DamagedBlob` where the file cannot be read.
    """
    if file.bytes > CHECKED_BYTES:
        return ()
    stored = io.BytesIO(blobs.open_range(file.blob, 0, file.bytes))
    # Whatever was accepted when it was stored is read, whatever the limits are now.
    limits = Limits(max_line_bytes=file.bytes, max_corpus_bytes=file.bytes)
    found = checked([(each.line, each.document) for each in documents_in(stored, limits)])
    if found.errors:
        raise UnusableExamples(of_examples(found.errors, taught), found.total)
    return tuple(warning.message for warning in found.warnings)
