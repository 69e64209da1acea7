"""Result lines beside the documents that they speak of."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from models.types import Document


def paired(documents: Iterator[Document], lines: Iterable[str]) -> Iterator[tuple[Document, dict[str, Any]]]:
    """Each result line with its document, both in the order of the corpus.

    Documents without a line yet are passed over.
    """
    for text in lines:
        line = json.loads(text)
        for document in documents:
            if document.id == line["id"]:
                yield document, line
                break
