"""What more types cost: the same mentions typed against 10 and against 10,000 types.

    python -m benchmarks.many_types [--mentions 10000] [--rounds 3] [--typer FOLDER]

Timed is what a worker does with the mentions of a job, batch by batch: prompts, vectors, scores, and what is told of
them. The vectors of the types are made once a worker and timed beside it. Rounds alternate, so that both sizes see the
same machine; ratios are within a round.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import tables
from benchmarks.many_labels import many_labels
from benchmarks.setting import fingerprint
from benchmarks.typing_setting import machine
from models.devices import best_device, working_dtype
from models.mentions import Mention
from models.shipped import SHIPPED
from models.typer_artifact import load_typer
from models.typing_hierarchy import tree_of
from workers.settings import WorkerSettings
from workers.typers import FULL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.typer import Typer
    from models.typing_hierarchy import TypeTree

SIZES = (10, 10_000)
#: What 10,000 types may cost, as a multiple of what 10 do.
BAR = 1.3
EXAMPLES = Path(__file__).parents[1] / "examples"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """One pass over the mentions, in seconds."""

    #: Of making the types' vectors.
    vectors: float
    typing: float
    #: What the typing took of the processor, on all threads; other work on the machine does not count.
    processor: float
    #: Types told, over all mentions.
    told: int


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mentions", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--typer", type=Path, default=SHIPPED / "typer", help="folder of a typer")
    parser.add_argument("--out", type=Path, default=tables.RESULTS, help="folder for the table")
    options = parser.parse_args()
    mentions = list(itertools.islice(itertools.cycle(example_mentions()), options.mentions))
    device = best_device()
    typer = load_typer(options.typer, device=device, dtype=working_dtype(device))
    trees = {size: many_types(size) for size in SIZES}
    timed(typer, mentions[:FULL], trees[max(SIZES)])
    rounds = [one_round(typer, mentions, trees, number) for number in range(options.rounds)]
    notes = [
        f"typer {options.typer.name} ({fingerprint(options.typer)}); {machine(typer)}",
        f"{len(mentions)} mentions of the examples, {FULL} at a time; medians of {len(rounds)} rounds, ratios to "
        f"{SIZES[0]} types within each round; the bar is {BAR} for {SIZES[-1]} types",
        "types are pairs of names of the shipped wordings, none a kind of another",
    ]
    rows = [row(size, len(mentions), rounds) for size in SIZES]
    print(tables.write("many_types", "10 and 10,000 types in one job", rows, notes, options.out).read_text("utf-8"))


def example_mentions() -> list[Mention]:
    """The mentions that the example corpora carry."""
    paths = sorted(EXAMPLES.glob("*/corpus.jsonl"))
    documents = [json.loads(line) for path in paths for line in path.read_text(encoding="utf-8").splitlines()]
    return [
        Mention(text=document["text"], start=entity["start"], end=entity["end"])
        for document in documents
        for entity in document["entities"]
    ]


def many_types(count: int) -> TypeTree:
    """So many types of different words: names of the shipped wordings, two by two."""
    names = [label.name for label in many_labels(120)]
    pairs = itertools.permutations(names, 2)
    found = dict.fromkeys(f"{one} {other}".lower() for one, other in pairs)
    if len(found) < count:
        raise SystemExit(f"there are {len(found)} pairs of names, fewer than {count}")
    return tree_of(list(itertools.islice(found, count)))


def one_round(typer: Typer, mentions: Sequence[Mention], trees: dict[int, TypeTree], number: int) -> dict[int, Timed]:
    """Each number of types once, every other round from the largest down."""
    return {size: timed(typer, mentions, trees[size]) for size in sorted(trees, reverse=bool(number % 2))}


def timed(typer: Typer, mentions: Sequence[Mention], tree: TypeTree) -> Timed:
    """Type the mentions by types whose vectors were not made before."""
    typer.forget()
    began = time.monotonic()
    typer.vectors(tree.words)
    made, used = time.monotonic(), time.process_time()
    told = 0
    for first in range(0, len(mentions), FULL):
        found = typer.tell(mentions[first : first + FULL], tree, budget=WorkerSettings().batch_pieces)
        told += sum(map(len, found))
    seconds, processor = time.monotonic() - made, time.process_time() - used
    return Timed(vectors=made - began, typing=seconds, processor=processor, told=told)


def row(size: int, mentions: int, rounds: Sequence[dict[int, Timed]]) -> dict[str, Any]:
    """Medians of one number of types, and its ratios to the smallest."""
    own, least = [times[size] for times in rounds], [times[SIZES[0]] for times in rounds]
    ratios = [mine.typing / other.typing for mine, other in zip(own, least, strict=True)]
    processor = [mine.processor / other.processor for mine, other in zip(own, least, strict=True)]
    return {
        "types": size,
        "mentions/s": mentions / statistics.median(mine.typing for mine in own),
        "ratio": f"{statistics.median(ratios):.2f}",
        "lowest": f"{min(ratios):.2f}",
        "highest": f"{max(ratios):.2f}",
        "ratio of processor time": f"{statistics.median(processor):.2f}",
        "seconds to make the types' vectors": f"{statistics.median(mine.vectors for mine in own):.2f}",
        "types told of a mention": own[0].told / mentions,
    }


if __name__ == "__main__":
    main()
