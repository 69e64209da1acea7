"""What contrast costs: time and memory of a training step of 32 sentences of 128 pieces, by method.

    python benchmarks/contrast_cost.py [--rounds 7]

Each method steps in a process of its own, which takes the batch as often as there are rounds; the methods take turns,
so that what else the machine does falls on all of them. All read the labels behind each sentence. Sentences are joined
from those of examples/music, whose labels they have.
"""

from __future__ import annotations

import multiprocessing
import resource
import statistics
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import tables
from benchmarks.concatenated import together
from benchmarks.methods import EXTENSION, METHODS, NAMED
from benchmarks.setting import BUDGETS, circumstances, loaded, options_of
from benchmarks.throughput import EXAMPLES
from corpora.labels import load_labels
from corpora.reading import read_documents
from models.passages import WINDOW
from models.suffix import MOST
from models.training.extend import ExtendConfig, Extension

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from pathlib import Path

    from models.types import Document

SENTENCES, PIECES = 32, 128
COMPARED = (EXTENSION, "contrastive", "both")
#: So often a method steps before it is timed.
WARM = 2


def main() -> None:
    """Measure and write the table."""
    parser = options_of(__doc__, sets=False)
    parser.add_argument("--rounds", type=int, help="instead of the budget's")
    options = parser.parse_args()
    rounds = options.rounds or BUDGETS[options.budget].rounds
    context = multiprocessing.get_context("spawn")
    workers: dict[str, Connection] = {}
    for name in COMPARED:
        ours, theirs = context.Pipe()
        context.Process(target=step, args=(name, options.tagger, theirs), daemon=True).start()
        workers[name] = ours
    seconds: dict[str, list[float]] = {name: [] for name in COMPARED}
    peaks: dict[str, float] = {}
    for number in range(WARM + rounds):
        for name, worker in workers.items():
            worker.send("step")
            took, peaks[name] = worker.recv()
            if number >= WARM:
                seconds[name].append(took)
    for worker in workers.values():
        worker.send(None)
    plain = statistics.median(seconds[EXTENSION])
    rows = [row(name, seconds[name], plain, peaks[name]) for name in COMPARED]
    notes = [circumstances(options, loaded(options.tagger)), f"median of {rounds} steps", *NOTES]
    print(tables.write("contrast_cost", "What contrast costs", rows, notes, options.out).read_text(encoding="utf-8"))


NOTES = (
    f"a step: loss, gradient and update over {SENTENCES} sentences of about {PIECES} pieces, the labels behind each",
    "memory: the most that a process held at any time, with python, torch and the weights, in 10^9 bytes",
    NAMED,
)


def row(name: str, seconds: list[float], plain: float, peak: float) -> dict[str, Any]:
    """One method's row."""
    took = statistics.median(seconds)
    return {
        "method": name,
        "seconds a step": f"{took:.2f}",
        "of plain": f"{took / plain:.2f}",
        "peak GB": f"{peak:.2f}",
    }


def shown() -> list[Document]:
    """The examples two at a time, which are about as many pieces as are wanted."""
    found = [each.document for each in read_documents(EXAMPLES / "music" / "corpus.jsonl")]
    return [together([found[i % len(found)], found[(i + 1) % len(found)]]) for i in range(SENTENCES)]


def step(name: str, folder: Path, told: Connection) -> None:
    """Take a step whenever it is told to; answers seconds, and the most memory held so far in 10^9 bytes."""
    base = loaded(folder)
    labels = load_labels(EXAMPLES / "music" / "labels.yaml").labels
    config = replace(METHODS[name](ExtendConfig(budget=SENTENCES * (WINDOW + MOST))), suffix=True)
    recipe = Extension(config, base, shown(), labels)
    number = 0
    while told.recv():
        began = time.monotonic()
        recipe.loss(number).backward()  # type: ignore[no-untyped-call]
        recipe.optimizer.step()
        recipe.optimizer.zero_grad(set_to_none=True)
        number += 1
        told.send((time.monotonic() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9))


if __name__ == "__main__":
    main()
