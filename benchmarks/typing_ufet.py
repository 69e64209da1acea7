"""Ultra-fine entity typing on the crowd-labelled test set of UFET: macro precision, recall and F1.

    python -m benchmarks.typing_ufet --data DIR --work runs/typing --typers pretrained=FOLDER

Each typer is trained on the crowd's train split, as a measurement only, and its threshold is chosen on the dev split;
all 10,331 types of the vocabulary are told apart by their words (Choi et al., ACL 2018). What the pre-trained ones say
without the train split stands beside them. A stopped run goes on where it was. Nothing may be chosen by these figures:
they are looked at once a release.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import tables
from benchmarks.journal import Journal
from benchmarks.setting import BUDGETS
from benchmarks.typing_setting import DIRECT, TypingPeer, examples_of, machine, read_rows, typers, typing_options
from models.training.finetype import FineTypeConfig, evaluate, finetype
from models.typing_hierarchy import FineType, TypeTree, words_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.typer import Typer

SET = "ufet"
CONFIG = FineTypeConfig(steps=700, batch=32, rate=3e-4, types=1500, look=140, pieces=64, blend=1.0)
FIGURES = ("precision", "recall", "F1")
PEERS = (
    TypingPeer(name="BERT-Direct (BERT-base)", figures=dict(zip(FIGURES, (51.0, 33.8, 40.7), strict=True))),
    TypingPeer(name="MLMET (BERT-base)", figures=dict(zip(FIGURES, (53.6, 45.3, 49.1), strict=True))),
    TypingPeer(name="LITE (RoBERTa-large)", figures=dict(zip(FIGURES, (52.4, 48.9, 50.6), strict=True))),
    TypingPeer(name="FiveFine, no MLM (BERT-base)", figures=dict(zip(FIGURES, (49.3, 48.5, 48.9), strict=True))),
    TypingPeer(name="FiveFine, no NWP (BERT-base)", figures=dict(zip(FIGURES, (53.7, 46.3, 49.8), strict=True))),
    TypingPeer(name="FiveFine (BERT-base)", figures=dict(zip(FIGURES, (53.7, 47.3, 50.3), strict=True))),
)
NOTES = (
    "macro-averaged over mentions, in per cent; the mention is given; at least one type is told of each",
    "trained on the crowd's 1,998 train mentions alone; the others stand on models four times the size or more, all "
    "but BERT-Direct on millions of weakly labelled mentions (FiveFine: 20 million, and 3.7 million pronouns)",
)


def main() -> None:
    """Measure and write the table."""
    options = typing_options(__doc__).parse_args()
    compared = typers(options)
    config = CONFIG if options.steps is None else replace(CONFIG, steps=options.steps)
    rows = []
    for name, (typer, told) in compared.items():
        settings = {"typer": told, "config": asdict(config), "limit": options.limit, "device": typer.device.type}
        journal = Journal(options.work / "typing_ufet.jsonl", settings)
        found = []
        for seed in range(BUDGETS[options.budget].whole):
            own = replace(config, seed=seed)
            result = journal.once(
                f"crowd/{seed}",
                lambda t=typer, c=own: measure(t, c, options.data, options.limit),  # type: ignore[misc]
            )
            print(name, seed, {key: round(value, 1) for key, value in result.items()}, flush=True)
            found.append(result)
        rows.append(row(name, found))
        if name not in DIRECT:
            result = journal.once("unseen", lambda t=typer: measure(t, None, options.data, options.limit))  # type: ignore[misc]
            rows.append(row(f"{name}, without the train split", [result]))
    typer, _ = next(iter(compared.values()))
    circumstances = f"budget {options.budget}; {machine(typer)}; " + "; ".join(
        f"{name}: {told}" for name, (_, told) in compared.items()
    )
    path = tables.write(
        options.name or "typing_ufet", "Ultra-fine typing", [*rows, *theirs()], [circumstances, *NOTES], options.out
    )
    print(path.read_text(encoding="utf-8"))


def measure(base: Typer, config: FineTypeConfig | None, data: Path, limit: int | None) -> dict[str, float]:
    """Teach the train split, or nothing, and test; figures in per cent."""
    tree = vocabulary(data / SET / "types.txt")
    asked = examples_of(read_rows(data / SET / "test.jsonl.gz"))[:limit]
    began = time.monotonic()
    learnt = base
    if config is not None:
        train, dev = (examples_of(read_rows(data / SET / f"{split}.jsonl.gz"))[:limit] for split in ("train", "dev"))
        with tempfile.TemporaryDirectory() as scratch:
            learnt = finetype(config, base, train, tree, Path(scratch), choose_by=dev)
    seconds = time.monotonic() - began
    score = evaluate(learnt, asked, tree).macro
    found = dict(zip(FIGURES, (100 * score.precision, 100 * score.recall, 100 * score.f1), strict=True))
    return found | {"threshold": learnt.judgement.threshold, "seconds": seconds}


def vocabulary(path: Path) -> TypeTree:
    """All types, without a hierarchy; some differ by marks alone and have the same words."""
    names = dict.fromkeys(line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
    types = tuple(FineType(name=name, words=words_of(name) or name) for name in names)
    return TypeTree(types=types, ancestors=((),) * len(types))


def row(name: str, found: Sequence[dict[str, float]]) -> dict[str, Any]:
    """One typer's line over its seeds."""
    means = {figure: statistics.mean(result[figure] for result in found) for figure in (*FIGURES, "seconds")}
    return {"typer": name, "trainings": len(found)} | means


def theirs() -> list[dict[str, Any]]:
    """What others report."""
    return [{"typer": peer.name, "trainings": None, **peer.figures, "seconds": None} for peer in PEERS]


if __name__ == "__main__":
    main()
