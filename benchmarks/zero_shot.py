"""Zero-shot strict F1 of a tagger on the five CrossNER domains, `misc` left out, labels with descriptions.

    python benchmarks/zero_shot.py --data DIR [--split test] [--tagger FOLDER]

Nothing may be chosen by these figures: they are looked at once a release.
"""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING, Any

from benchmarks import crossner, tables
from benchmarks.peers import ZERO_SHOT
from benchmarks.setting import circumstances, loaded, options_of

if TYPE_CHECKING:
    import argparse

    from models.tagger import Tagger

FIGURES = ("precision", "recall", "F1", "sentences/s")


def main() -> None:
    """Measure and write the table."""
    options = options_of(__doc__).parse_args()
    tagger = loaded(options.tagger)
    rows = [measure(tagger, name, options) for name in crossner.DOMAINS]
    notes = [
        circumstances(options, tagger),
        "strict span and type, micro-averaged, in per cent; `misc` left out; labels with descriptions",
        f"one threshold for all: {tagger.calibration.threshold}, chosen on held-out training sets",
        *(peer.note() for peer in ZERO_SHOT),
    ]
    path = tables.write(f"zero_shot_{options.split}", "Zero-shot CrossNER", [*rows, average(rows)], notes, options.out)
    print(path.read_text(encoding="utf-8"))


def measure(tagger: Tagger, name: str, options: argparse.Namespace) -> dict[str, Any]:
    """One domain's row."""
    domain = crossner.read(options.data, name, options.split, limit=options.limit)
    began = time.monotonic()
    score = crossner.judged(tagger, domain.documents, list(domain.labels.values())).total()
    seconds = time.monotonic() - began
    return {
        "domain": name,
        "precision": 100 * score.precision,
        "recall": 100 * score.recall,
        "F1": 100 * score.f1,
        "entities": score.gold,
        "sentences/s": len(domain.documents) / seconds,
        **{peer.name: peer.f1.get(name) for peer in ZERO_SHOT},
    }


def average(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The mean over domains."""
    figures = {name: statistics.mean(row[name] for row in rows) for name in FIGURES}
    peers = {peer.name: peer.f1["average"] for peer in ZERO_SHOT}
    return rows[0] | {"domain": "average", "entities": sum(row["entities"] for row in rows)} | figures | peers


if __name__ == "__main__":
    main()
