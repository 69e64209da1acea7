"""What more labels cost: the same documents tagged with 5, 50 and 500 labels in one job.

    python benchmarks/many_labels.py [--documents 512] [--budget full]

Timed is the whole way from texts to predictions, without and with the encoding of the labels, which a worker does
once for each wording. Rounds alternate, so that all sizes see the same machine; ratios are within a round.
"""

from __future__ import annotations

import itertools
import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks import tables
from benchmarks.setting import BUDGETS, circumstances, loaded, options_of
from benchmarks.throughput import example_texts
from models.tagger import Tagger
from models.training.sets import load_mix
from models.types import Label
from models.verbalise import shipped_labels, verbalisations
from workers.settings import WorkerSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

SIZES = (5, 50, 500)
#: What 500 labels may cost, as a multiple of what 5 do.
BAR = 1.15
#: Milliseconds of GLiNER2 on a processor, by labels (arXiv 2507.18546).
GLINER2 = {5: 130, 10: 132, 20: 163, 50: 208}


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """One pass over the documents, in seconds."""

    encoding: float
    tagging: float
    #: What the tagging took of the processor, on all threads; other work on the machine does not count.
    processor: float
    entities: int

    @property
    def seconds(self) -> float:
        """All of it."""
        return self.encoding + self.tagging


def main() -> None:
    """Measure and write the table."""
    parser = options_of(__doc__, sets=False)
    parser.add_argument("--documents", type=int, default=512)
    options = parser.parse_args()
    texts = list(itertools.islice(itertools.cycle(example_texts()), options.documents))
    tagger = loaded(options.tagger)
    labels = many_labels(max(SIZES))
    chosen = {size: labels[:: len(labels) // size] for size in SIZES}
    timed(tagger, texts[:64], labels)
    rounds = [one_round(tagger, texts, chosen, number) for number in range(BUDGETS[options.budget].rounds)]
    notes = [
        circumstances(options, tagger),
        f"{len(texts)} documents of the examples, {sum(map(len, texts)) // len(texts)} characters each on average; "
        f"medians of {len(rounds)} rounds, ratios to {SIZES[0]} labels within each round; the bar is {BAR} for "
        f"{SIZES[-1]} labels",
        "labels are those of the shipped wordings with their descriptions, synonyms as labels of their own",
        "GLiNER2: ratio of the milliseconds that arXiv 2507.18546 reports on a processor, 205 million parameters, "
        "labels read with every text; no figure above 50 labels",
    ]
    rows = [row(size, len(texts), rounds) for size in SIZES]
    print(tables.write("many_labels", "5, 50 and 500 labels in one job", rows, notes, options.out).read_text("utf-8"))


def many_labels(count: int) -> list[Label]:
    """So many labels of different names: the shipped ones, then their synonyms."""
    synonyms = (
        Label(name=name, description=wording.short)
        for data_set in load_mix().files
        for wording in verbalisations(data_set).values()
        for name in wording.names
    )
    found: dict[str, Label] = {}
    for label in itertools.chain(shipped_labels(), synonyms):
        found.setdefault(label.name.casefold(), label)
    if len(found) < count:
        raise SystemExit(f"the shipped wordings have {len(found)} names, fewer than {count}")
    return list(found.values())[:count]


def one_round(tagger: Tagger, texts: Sequence[str], chosen: dict[int, list[Label]], number: int) -> dict[int, Timed]:
    """Each number of labels once, every other round from the largest down."""
    order = sorted(chosen, reverse=bool(number % 2))
    return {size: timed(tagger, texts, chosen[size]) for size in order}


def timed(tagger: Tagger, texts: Sequence[str], labels: Sequence[Label]) -> Timed:
    """Tag the texts with labels that were not encoded before."""
    fresh = Tagger(tagger.encoder, tagger.network, tagger.calibration, device=tagger.device, dtype=tagger.dtype)
    began = time.monotonic()
    fresh.label_vectors(labels)
    encoded, used = time.monotonic(), time.process_time()
    answers = fresh.predict(texts, labels, budget=WorkerSettings().batch_pieces)
    seconds, processor = time.monotonic() - encoded, time.process_time() - used
    found = sum(len(answer.spans) for answer in answers)
    return Timed(encoding=encoded - began, tagging=seconds, processor=processor, entities=found)


def row(size: int, documents: int, rounds: Sequence[dict[int, Timed]]) -> dict[str, Any]:
    """Medians of one number of labels, and its ratios to the smallest."""
    own, least = [times[size] for times in rounds], [times[SIZES[0]] for times in rounds]
    ratios = [mine.tagging / other.tagging for mine, other in zip(own, least, strict=True)]
    processor = [mine.processor / other.processor for mine, other in zip(own, least, strict=True)]
    whole = [mine.seconds / other.seconds for mine, other in zip(own, least, strict=True)]
    return {
        "labels": size,
        "documents/s": documents / statistics.median(mine.tagging for mine in own),
        "ratio": f"{statistics.median(ratios):.2f}",
        "lowest": f"{min(ratios):.2f}",
        "highest": f"{max(ratios):.2f}",
        "ratio of processor time": f"{statistics.median(processor):.2f}",
        "seconds to encode the labels": f"{statistics.median(mine.encoding for mine in own):.2f}",
        "ratio, encoding included": f"{statistics.median(whole):.2f}",
        "entities found": own[0].entities,
        "GLiNER2": f"{GLINER2[size] / GLINER2[SIZES[0]]:.2f}" if size in GLINER2 else None,
    }


if __name__ == "__main__":
    main()
