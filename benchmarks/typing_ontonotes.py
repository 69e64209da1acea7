"""Few-shot entity typing on OntoNotes: five draws of five examples a type, with and without ultra-fine pre-training.

    python -m benchmarks.typing_ontonotes --data DIR --work runs/typing --typers pretrained=FOLDER [--shots 0,1,2,5,10]

Every draw brings its own mentions to choose weights by, as many a type. One narrowest type is told of each mention, and
what it is a kind of. The draws and the test mentions are those of FiveFine (Dai and Zeng, ACL 2023); they are measured
on and never shipped. A stopped run goes on where it was. Nothing may be chosen by these figures: they are looked at
once a release.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import tables
from benchmarks.journal import Journal
from benchmarks.setting import BUDGETS
from benchmarks.typing_setting import (
    DIRECT,
    TypingPeer,
    examples_of,
    machine,
    read_rows,
    typers,
    typing_options,
    words_for,
)
from models.training.finetype import FineTypeConfig, evaluate, finetype
from models.typer import Judgement, Typer
from models.typing_hierarchy import tree_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.typing_setting import Row
    from models.training.finetype import Example

SET = "ontonotes_fet"
#: Draws there are, and examples a type that each of them has.
DRAWS, SHOTS = 5, 5
CONFIG = FineTypeConfig(steps=60, single=True, look=15, pieces=64)
FIGURES = ("accuracy", "micro F1", "macro F1")
PEERS = (
    TypingPeer(name="BERT-Direct (BERT-base)", figures=dict(zip(FIGURES, (17.15, 37.38, 41.50), strict=True))),
    TypingPeer(name="ALIGNIE (BERT-base)", figures=dict(zip(FIGURES, (60.74, 75.08, 76.38), strict=True))),
    TypingPeer(name="FiveFine (BERT-base)", figures=dict(zip(FIGURES, (65.59, 83.66, 85.42), strict=True))),
)
NOTES = (
    "strict accuracy, micro- and macro-F1 in per cent, mean and deviation over the draws; the mention is given",
    "the others stand on BERT-base (110 million parameters, cased), FiveFine after 20 million weakly labelled mentions",
    "types never seen: a third of the narrowest types, another for the next draw, has no example; its mentions alone "
    "are asked, all types being on offer",
    "direct: nothing of what an untrained typer began with is kept in its weights",
    "ten examples a type are those of two draws, each seen once",
    "seconds: of one training, with the looks at the mentions it chooses by",
)


def main() -> None:
    """Measure and write the table."""
    parser = typing_options(__doc__)
    parser.add_argument("--shots", default="5", help="most examples a type, several numbers with commas; 0 for none")
    parser.add_argument("--unseen", action="store_true", help="also types of which no example is shown")
    options = parser.parse_args()
    compared = typers(options)
    config = CONFIG if options.steps is None else replace(CONFIG, steps=options.steps)
    draws = min(DRAWS, BUDGETS[options.budget].draws)
    asked = [(shots, False) for shots in map(int, options.shots.split(","))]
    rows = []
    for shots, unseen in [*asked, *([(SHOTS, True)] if options.unseen else [])]:
        for name, (typer, told) in compared.items():
            own = replace(config, blend=1.0) if name in DIRECT else config
            settings = {"typer": told, "config": asdict(own), "limit": options.limit, "device": typer.device.type}
            journal = Journal(options.work / "typing_ontonotes.jsonl", settings)
            found = []
            for draw in range(draws if shots else 1):
                task = Task(draw=draw, shots=shots, unseen=unseen)
                result = journal.once(
                    f"{shots}/{draw}{'/unseen' if unseen else ''}",
                    lambda t=typer, k=task, c=own: measure(t, k, c, options.data, options.limit),  # type: ignore[misc]
                )
                print(name, task, {key: round(value, 1) for key, value in result.items()}, flush=True)
                found.append(result)
            rows.append(row(f"{name}; types never seen" if unseen else name, shots, found))
    typer, _ = next(iter(compared.values()))
    circumstances = f"budget {options.budget}, {draws} draws; {machine(typer)}; " + "; ".join(
        f"{name}: {told}" for name, (_, told) in compared.items()
    )
    path = tables.write(
        options.name or "typing_ontonotes",
        "Few-shot typing on OntoNotes",
        [*rows, *theirs()],
        [circumstances, *NOTES],
        options.out,
    )
    print(path.read_text(encoding="utf-8"))


def measure(base: Typer, task: Task, config: FineTypeConfig, data: Path, limit: int | None) -> dict[str, float]:
    """Teach one draw, or nothing, and test it; figures in per cent."""
    support = task.examples(read_rows(data / SET / "fewshot_train.jsonl.gz"), "train")
    choose_by = task.examples(read_rows(data / SET / "fewshot_dev.jsonl.gz"), "dev")
    asked = examples_of(read_rows(data / SET / "test_ali.jsonl.gz"))
    names = sorted({name for each in [*support, *choose_by, *asked] for name in each.types})
    tree = tree_of(names, words_for(SET))
    if task.unseen:
        hidden = task.hidden(asked)
        support, choose_by = ([each for each in part if narrowest(each) not in hidden] for part in (support, choose_by))
        asked = [each for each in asked if narrowest(each) in hidden]
    began = time.monotonic()
    if support:
        with tempfile.TemporaryDirectory() as scratch:
            learnt = finetype(replace(config, seed=task.draw), base, support, tree, Path(scratch), choose_by=choose_by)
    else:
        learnt = Typer(base.encoder, base.network, Judgement(single=True), device=base.device, dtype=base.dtype)
    seconds = time.monotonic() - began
    score = evaluate(learnt, asked[:limit], tree)
    found = (score.accuracy, score.micro.f1, score.macro.f1)
    return dict(zip(FIGURES, (100 * each for each in found), strict=True)) | {"seconds": seconds}


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What is shown of which draw, and whether the types asked for are among it."""

    draw: int
    shots: int
    unseen: bool = False

    def examples(self, rows: Sequence[Row], prefix: str) -> list[Example]:
        """The first `shots` examples of each combination of types; more than a draw has come from the next one, too."""
        draws = range(self.draw, self.draw + -(-self.shots // SHOTS))
        prefixes = tuple(f"{prefix}{draw % DRAWS}-" for draw in draws)
        counts: Counter[frozenset[str]] = Counter()
        kept: list[Example] = []
        for row in rows:
            types = frozenset(row.example.types)
            if row.id.startswith(prefixes) and counts[types] < self.shots and row.example not in kept:
                counts[types] += 1
                kept.append(row.example)
        return kept

    def hidden(self, asked: Sequence[Example]) -> set[str]:
        """A third of the narrowest types, another third for the next draw."""
        return set(sorted({narrowest(each) for each in asked})[self.draw % 3 :: 3])


def narrowest(example: Example) -> str:
    """The type that the others are broader than."""
    return max(example.types, key=lambda name: (name.count("/"), name))


def row(name: str, shots: int, found: Sequence[dict[str, float]]) -> dict[str, Any]:
    """One typer's line over its draws."""
    own: dict[str, Any] = {"typer": name, "examples a type": shots, "draws": len(found)}
    for figure in FIGURES:
        values = [result[figure] for result in found]
        own[figure] = statistics.mean(values)
        own[f"{figure} ±"] = statistics.stdev(values) if len(values) > 1 else None
    return own | {"seconds": statistics.mean(result["seconds"] for result in found)}


def theirs() -> list[dict[str, Any]]:
    """What others report with five examples a type."""
    blank: dict[str, Any] = dict.fromkeys(("seconds", "draws", *(f"{figure} ±" for figure in FIGURES)))
    return [{"typer": peer.name, "examples a type": SHOTS, **blank, **peer.figures} for peer in PEERS]


if __name__ == "__main__":
    main()
