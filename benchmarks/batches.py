"""Whether answers depend on the company: the same documents alone, in batches, in other orders, with labels in another.

    python benchmarks/batches.py

On the documents of the examples. Full precision answers the same but for what lies within a hair of a threshold; half
precision rounds, and this says how often that is seen.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import torch

from benchmarks import tables
from benchmarks.setting import circumstances, options_of
from benchmarks.throughput import EXAMPLES
from corpora.labels import load_labels
from corpora.reading import read_documents
from models import artifact
from models.devices import best_device, working_dtype
from models.tagger import Tagger

if TYPE_CHECKING:
    from collections.abc import Sequence


#: What a case does: most pieces of a batch, documents in a chunk, whether documents and labels come in another order.
CASES: dict[str, tuple[int, int, bool, bool]] = {
    "one by one": (4096, 1, False, False),
    "batches of 512 pieces": (512, 10**6, False, False),
    "batches of 16,384 pieces": (16384, 10**6, False, False),
    "chunks of 7": (4096, 7, False, False),
    "documents in another order": (4096, 10**6, True, False),
    "labels in another order": (4096, 10**6, False, True),
}
DOMAINS = ("music", "clinical", "support", "long")


def main() -> None:
    """Measure and write the table."""
    parser = options_of(__doc__, sets=False)
    options = parser.parse_args()
    device = best_device()
    rows = []
    for dtype in dict.fromkeys((torch.float32, working_dtype(device))):
        tagger = artifact.load(options.tagger, device=device, dtype=dtype)
        usual = found(tagger, 4096, 10**6, shuffled=False, relabelled=False)
        for case, (budget, chunk, shuffled, relabelled) in CASES.items():
            other = found(tagger, budget, chunk, shuffled=shuffled, relabelled=relabelled)
            rows.append(row(str(dtype).removeprefix("torch."), case, usual, other))
    notes = [
        "documents of the examples, against batches of 4,096 pieces",
        "spans: start, end and label; those that differ are in one of the two answers and not in the other",
        circumstances(options, tagger),
    ]
    print(tables.write("batches", "Answers in other company", rows, notes, options.out).read_text(encoding="utf-8"))


def found(
    tagger: Tagger, budget: int, chunk: int, *, shuffled: bool, relabelled: bool
) -> set[tuple[str, int, int, str]]:
    """All spans of the examples, each with its document's id."""
    spans = set()
    fresh = Tagger(tagger.encoder, tagger.network, tagger.calibration, device=tagger.device, dtype=tagger.dtype)
    for domain in DOMAINS:
        [corpus] = (EXAMPLES / domain).glob("*.jsonl")
        documents = mixed([each.document for each in read_documents(corpus)], shuffled)
        labels = mixed(load_labels(EXAMPLES / domain / "labels.yaml").labels, relabelled)
        for start in range(0, len(documents), chunk):
            part = documents[start : start + chunk]
            answers = fresh.predict([document.text for document in part], labels, budget=budget)
            spans |= {
                (document.id, span.start, span.end, span.label)
                for document, answer in zip(part, answers, strict=True)
                for span in answer.spans
            }
    return spans


def mixed(items: Sequence[Any], otherwise: bool) -> list[Any]:
    """The items, in another order where that is asked for."""
    return random.Random(0).sample(list(items), len(items)) if otherwise else list(items)


def row(dtype: str, case: str, usual: set[Any], other: set[Any]) -> dict[str, Any]:
    """How many spans are the same."""
    differing = len(usual ^ other)
    return {
        "number format": dtype,
        "case": case,
        "spans": len(usual),
        "differ": differing,
        "the same": f"{100 * len(usual & other) / max(1, len(usual | other)):.2f} %",
    }


if __name__ == "__main__":
    main()
