"""Few-shot strict F1 on the five CrossNER domains: the shipped tagger extended by K examples a label, or by all.

    python benchmarks/few_shot.py --data DIR [--split test] [--shots 1,5,all] [--draws 2] [--misc] [--tagger default]

Examples come from the train split: for K shots sentences are drawn at random and kept while a label of theirs has
fewer than K examples, until every label has K (K~2K sampling, as Few-NERD's). The whole train split is one draw.
Nothing may be chosen by these figures: they are looked at once a release.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import tables
from benchmarks.zero_shot import DOMAINS, plain_labels
from models import artifact
from models.devices import best_device, working_dtype
from models.scores import score
from models.training.extend import ExtendConfig, extend
from models.training.sets import join, read_file
from models.types import Document, Label, Span

if TYPE_CHECKING:
    from models.tagger import Tagger

ALL = "all"
#: What the domain calls what fits none of its types.
MISC = Label(name="miscellaneous", description="a named entity of the domain that is none of the other types")


def main() -> None:
    """Measure and write the table."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", type=Path, required=True)
    arguments.add_argument("--split", default="test", choices=("dev", "test"))
    arguments.add_argument("--shots", default=f"1,5,{ALL}")
    arguments.add_argument("--draws", type=int, default=2, help="support sets for each K")
    arguments.add_argument("--domains", default=",".join(DOMAINS))
    arguments.add_argument("--misc", action="store_true", help="learn and count the type `misc` too")
    arguments.add_argument("--tagger", type=Path, default=artifact.shipped_folder(), help="folder of a tagger")
    options = arguments.parse_args()
    device = best_device()
    base = artifact.load(options.tagger, device=device, dtype=working_dtype(device))
    rows = [measure(base, domain, shots, options) for shots in options.shots.split(",") for domain in domains(options)]
    notes = [
        f"strict span and type, micro-averaged, in per cent; split {options.split}; "
        f"`misc` {'learnt and counted' if options.misc else 'left out'}",
        f"{options.draws} support sets for each K, mean and deviation; {base.dtype} on {device.type}",
    ]
    name = f"few_shot_{options.split}{'_misc' if options.misc else ''}"
    print(tables.write(name, "Few-shot CrossNER", [*rows, *averages(rows)], notes).read_text(encoding="utf-8"))


def domains(options: argparse.Namespace) -> list[str]:
    """The domains asked for."""
    return [name for name in options.domains.split(",") if name in DOMAINS]


def measure(base: Tagger, domain: str, shots: str, options: argparse.Namespace) -> dict[str, Any]:
    """A domain's row for one number of examples a label."""
    folder = options.data / f"crossner_{domain}"
    labels = plain_labels(folder, bare=False) | ({"misc": MISC} if options.misc else {})
    pool, unseen = documents(folder, "train", labels), documents(folder, options.split, labels)
    found: list[float] = []
    sizes: list[int] = []
    began = time.monotonic()
    for draw in range(1 if shots == ALL else options.draws):
        support = pool if shots == ALL else drawn(pool, int(shots), draw)
        known = {span.label for document in support for span in document.entities or ()}
        wanted = [label for label in labels.values() if label.name in known]
        with tempfile.TemporaryDirectory() as scratch:
            tagger = extend(ExtendConfig(seed=draw), base, support, wanted, Path(scratch))
        answers = tagger.predict([document.text for document in unseen], list(labels.values()))
        gold = [document.entities or () for document in unseen]
        found.append(100 * score(gold, [answer.spans for answer in answers]).f1)
        sizes.append(len(support))
    deviation = statistics.stdev(found) if len(found) > 1 else 0.0
    return {
        "shots": shots,
        "domain": domain,
        "sentences": statistics.mean(sizes),
        "F1": statistics.mean(found),
        "deviation": deviation,
        "seconds a draw": (time.monotonic() - began) / len(found),
    }


def drawn(pool: list[Document], shots: int, seed: int) -> list[Document]:
    """Documents with at least `shots` entities of every label, and hardly more than twice as many."""
    order = list(pool)
    random.Random(seed).shuffle(order)
    counts: Counter[str] = Counter()
    kept = []
    for document in order:
        own = Counter(span.label for span in document.entities or ())
        if any(counts[label] < shots for label in own):
            kept.append(document)
            counts += own
    return kept


def documents(folder: Path, split: str, labels: dict[str, Label]) -> list[Document]:
    """A split's sentences with the entities of the labels that are asked for."""
    found = []
    for number, record in enumerate(read_file(folder / f"{split}.jsonl.gz")):
        text, offsets = join(record["tokens"])
        spans = tuple(
            Span(start=offsets[e["start"]][0], end=offsets[e["end"] - 1][1], label=labels[e["label"]].name)
            for e in record["entities"]
            if e["label"] in labels
        )
        found.append(Document(id=str(number), text=text, entities=spans))
    return found


def averages(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The mean over domains for each number of shots."""
    kinds = list(dict.fromkeys(row["shots"] for row in rows))
    figures = ("sentences", "F1", "deviation", "seconds a draw")
    return [
        {"shots": kind, "domain": "average"}
        | {name: statistics.mean(row[name] for row in rows if row["shots"] == kind) for name in figures}
        for kind in kinds
    ]


if __name__ == "__main__":
    main()
