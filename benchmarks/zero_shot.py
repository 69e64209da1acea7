"""Zero-shot strict F1 of a tagger on the five CrossNER domains, `misc` left out, labels with descriptions.

    python benchmarks/zero_shot.py --data DIR [--split test] [--tagger default]

DIR holds crossner_ai, crossner_literature and so on, each with its split as gzipped JSON Lines and labels.json.
Nothing may be chosen by these figures: they are looked at once a release.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from benchmarks import tables
from models import artifact
from models.devices import best_device, working_dtype
from models.scores import Score, Scorer
from models.training.sets import join, read_file
from models.types import Label, Span

if TYPE_CHECKING:
    from models.tagger import Tagger

DOMAINS = ("ai", "literature", "music", "politics", "science")


def main() -> None:
    """Measure and write the table."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", type=Path, required=True)
    arguments.add_argument("--split", default="test", choices=("train", "dev", "test"))
    arguments.add_argument("--tagger", type=Path, default=artifact.shipped_folder(), help="folder of a tagger")
    arguments.add_argument("--bare-names", action="store_true", help="leave the descriptions out")
    options = arguments.parse_args()
    device = best_device()
    tagger = artifact.load(options.tagger, device=device, dtype=working_dtype(device))
    rows = [measure(tagger, options.data / f"crossner_{domain}", options) for domain in DOMAINS]
    rows.append(average(rows))
    notes = [
        f"strict span and type, micro-averaged, in per cent; split {options.split}; `misc` left out",
        f"one threshold for all: {tagger.calibration.threshold}, chosen on held-out training sets",
        f"{'bare label names' if options.bare_names else 'labels with descriptions'}; {tagger.dtype} on {device.type}",
    ]
    name = f"zero_shot_{options.split}{'_bare' if options.bare_names else ''}"
    print(tables.write(name, "Zero-shot CrossNER", rows, notes).read_text(encoding="utf-8"))


def measure(tagger: Tagger, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """One domain's row."""
    labels = plain_labels(folder, bare=options.bare_names)
    gold, texts = [], []
    for record in read_file(folder / f"{options.split}.jsonl.gz"):
        text, offsets = join(record["tokens"])
        texts.append(text)
        gold.append(
            [
                Span(start=offsets[e["start"]][0], end=offsets[e["end"] - 1][1], label=labels[e["label"]].name)
                for e in record["entities"]
                if e["label"] in labels
            ]
        )
    began = time.monotonic()
    found = tagger.predict(texts, list(labels.values()))
    seconds = time.monotonic() - began
    scorer = Scorer()
    for expected, prediction in zip(gold, found, strict=True):
        scorer.add(expected, prediction.spans)
    return row(folder.name.removeprefix("crossner_"), scorer.total()) | {"sentences/s": len(texts) / seconds}


def plain_labels(folder: Path, *, bare: bool) -> dict[str, Label]:
    """The domain's labels by their name in the data, in plain words."""
    descriptions = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
    names = yaml.safe_load((Path(__file__).parent / "crossner.yaml").read_text(encoding="utf-8"))
    return {
        name: Label(name=names.get(name, name), description="" if bare else description)
        for name, description in descriptions.items()
        if name != "misc"
    }


def row(domain: str, score: Score) -> dict[str, Any]:
    """A domain's scores in per cent."""
    return {
        "domain": domain,
        "precision": 100 * score.precision,
        "recall": 100 * score.recall,
        "F1": 100 * score.f1,
        "entities": score.gold,
    }


def average(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The mean over domains."""
    figures = {name: sum(r[name] for r in rows) / len(rows) for name in ("precision", "recall", "F1", "sentences/s")}
    return {"domain": "average", **figures, "entities": sum(r["entities"] for r in rows)}


if __name__ == "__main__":
    main()
