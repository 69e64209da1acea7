"""What a memory of examples costs when texts are tagged: `--method contrastive` against the same tagger without it.

    python benchmarks/memory_cost.py --data DIR [--budget full]

Examples and texts are CrossNER politics; how much is remembered does not depend on what was learnt, so one step of
learning is enough. Both tag the same texts in turn, in one process.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import crossner, tables
from benchmarks.few_shot import ALL, drawn
from benchmarks.school import reading
from benchmarks.setting import BUDGETS, circumstances, loaded, options_of
from models.training.contrastive import contrastive
from models.training.extend import ExtendConfig, extend

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.tagger import Tagger
    from models.types import Label

DOMAIN = "politics"
TEXTS = 120
SHOTS = ("1", "5", ALL)


def main() -> None:
    """Measure and write the table."""
    options = options_of(__doc__).parse_args()
    base = loaded(options.tagger)
    learnt = crossner.read(options.data, DOMAIN, "train", misc=False)
    asked = crossner.read(options.data, DOMAIN, options.split, misc=False, limit=options.limit or TEXTS).documents
    labels = list(learnt.labels.values())
    rows = []
    for shots in SHOTS:
        support = learnt.documents if shots == ALL else drawn(learnt.documents, int(shots), 0)
        known = {span.label for document in support for span in document.entities or ()}
        config = contrastive(ExtendConfig(least_steps=1, most_steps=1))
        with tempfile.TemporaryDirectory() as scratch:
            wanted = [label for label in labels if label.name in known]
            tagger = extend(config, base, support, wanted, Path(scratch))
        texts = [document.text for document in asked]
        rows.append(
            {"examples of a type": shots, "sentences": len(support)}
            | row(tagger, texts, labels, BUDGETS[options.budget].rounds)
        )
        print(rows[-1], flush=True)
    notes = [
        circumstances(options, base),
        f"processor seconds for {len(asked)} sentences of {DOMAIN}, median over rounds; of plain: the median of ratios",
    ]
    path = tables.write("memory_cost", "What a memory of examples costs", rows, notes, options.out)
    print(path.read_text(encoding="utf-8"))


def row(tagger: Tagger, texts: Sequence[str], labels: Sequence[Label], rounds: int) -> dict[str, Any]:
    """Seconds without the memory and with it."""
    assert tagger.memory is not None
    plain = reading(tagger, 0.0)
    took = [(seconds(plain, texts, labels), seconds(tagger, texts, labels)) for _ in range(1 + rounds)][1:]
    return {
        "remembered": len(tagger.memory.owners),
        "plain": statistics.median(without for without, _ in took),
        "with memory": statistics.median(each for _, each in took),
        "of plain": f"{statistics.median(each / without for without, each in took):.2f}",
    }


def seconds(tagger: Tagger, texts: Sequence[str], labels: Sequence[Label]) -> float:
    """Processor seconds of tagging."""
    began = time.process_time()
    tagger.predict(list(texts), list(labels))
    return time.process_time() - began


if __name__ == "__main__":
    main()
