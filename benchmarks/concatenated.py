"""Strict zero-shot F1 on CrossNER sentences one by one, and on the same sentences joined into longer documents.

    python benchmarks/concatenated.py --data DIR [--budget full]

Documents are 2 to 10 sentences of the split in their order, joined by spaces; how many is drawn anew for each. Long
documents are read in windows, so this shows what windows and foreign sentences around one cost. `misc` is left out,
labels have their descriptions. Nothing may be chosen by these figures: they are looked at once a release.
"""

from __future__ import annotations

import random
import statistics
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from benchmarks import crossner, tables
from benchmarks.setting import BUDGETS, circumstances, loaded, options_of
from models.types import Document

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from models.tagger import Tagger
    from models.types import Span

FEWEST, MOST = 2, 10


def main() -> None:
    """Measure and write the table."""
    options = options_of(__doc__).parse_args()
    tagger = loaded(options.tagger)
    rows = [measure(tagger, name, options) for name in crossner.DOMAINS]
    notes = [
        circumstances(options, tagger),
        "strict span and type, micro-averaged, in per cent; `misc` left out; labels with descriptions",
        f"joined: {FEWEST} to {MOST} sentences a document, mean and deviation over {BUDGETS[options.budget].draws} "
        "ways of joining; difference: joined less single, to be within 2 points",
        "of others nothing of the kind is published: they are measured on single sentences, and GLiNER reads the first "
        "384 words of a text and no more (urchade/GLiNER, issue 378)",
    ]
    title = "Sentences one by one and joined"
    path = tables.write(f"concatenated_{options.split}", title, [*rows, average(rows)], notes, options.out)
    print(path.read_text(encoding="utf-8"))


def measure(tagger: Tagger, name: str, options: argparse.Namespace) -> dict[str, Any]:
    """One domain's row."""
    domain = crossner.read(options.data, name, options.split, limit=options.limit)
    labels = list(domain.labels.values())
    ways = [joined(domain.documents, seed) for seed in range(BUDGETS[options.budget].draws)]
    single, *together = (
        100 * crossner.judged(tagger, documents, labels).total().f1 for documents in (domain.documents, *ways)
    )
    return {
        "domain": name,
        "sentences": len(domain.documents),
        "documents": statistics.mean(len(way) for way in ways),
        "single F1": single,
        "joined F1": statistics.mean(together),
        "deviation": statistics.stdev(together),
        "difference": statistics.mean(together) - single,
    }


def joined(documents: Sequence[Document], seed: int) -> list[Document]:
    """The documents in their order, 2 to 10 at a time as one; the last one may be what is left over."""
    rng = random.Random(seed)
    found: list[Document] = []
    position = 0
    while position < len(documents):
        size = rng.randint(FEWEST, MOST)
        found.append(together(documents[position : position + size]))
        position += size
    return found


def together(documents: Sequence[Document]) -> Document:
    """One document of several, separated by spaces, every entity where it is now."""
    spans: list[Span] = []
    start = 0
    for document in documents:
        spans += [replace(span, start=span.start + start, end=span.end + start) for span in document.entities or ()]
        start += len(document.text) + 1
    text = " ".join(document.text for document in documents)
    return Document(id="+".join(document.id for document in documents), text=text, entities=tuple(spans))


def average(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The mean over domains."""
    return crossner.average(rows) | {"sentences": sum(row["sentences"] for row in rows)}


if __name__ == "__main__":
    main()
