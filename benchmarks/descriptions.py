"""Strict zero-shot F1 on CrossNER with labels described, and with their bare names.

    python benchmarks/descriptions.py --data DIR

The same tagger, the same sentences, `misc` left out. Nothing may be chosen by these figures: they are looked at once
a release.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from benchmarks import crossner, tables
from benchmarks.peers import GLINER_L
from benchmarks.setting import circumstances, loaded, options_of

if TYPE_CHECKING:
    import argparse

    from models.tagger import Tagger


def main() -> None:
    """Measure and write the table."""
    options = options_of(__doc__).parse_args()
    tagger = loaded(options.tagger)
    rows = [measure(tagger, name, options) for name in crossner.DOMAINS]
    notes = [
        circumstances(options, tagger),
        "strict span and type, micro-averaged, in per cent; `misc` left out; difference: described less bare",
        "LITSET (arXiv 2403.14222) finds on Few-NERD that more expressive labels help, most where short and long "
        "descriptions alternate in training; it publishes no such figures for CrossNER",
        GLINER_L.note(),
    ]
    title = "Labels with descriptions and by their bare names"
    path = tables.write(f"descriptions_{options.split}", title, [*rows, crossner.average(rows)], notes, options.out)
    print(path.read_text(encoding="utf-8"))


def measure(tagger: Tagger, name: str, options: argparse.Namespace) -> dict[str, Any]:
    """One domain's row."""
    domain = crossner.read(options.data, name, options.split, limit=options.limit)
    described = list(domain.labels.values())
    bare = [replace(label, description="") for label in described]
    with_them, without = (
        100 * crossner.judged(tagger, domain.documents, labels).total().f1 for labels in (described, bare)
    )
    return {
        "domain": name,
        "described F1": with_them,
        "bare F1": without,
        "difference": with_them - without,
        f"{GLINER_L.name}, bare": GLINER_L.f1[name],
    }


if __name__ == "__main__":
    main()
