"""Few-shot strict F1 on the five CrossNER domains: a tagger taught K examples a label, or the whole train split.

    python benchmarks/few_shot.py --data DIR --work runs/few-shot [--budget full] [--shots 1,5,all] [--misc both]
    python benchmarks/few_shot.py ... --methods extension,contrastive,both --draws 5 --name few_shot_contrast

Examples come from the train split: for K shots sentences are drawn at random and kept while a label of theirs has
fewer than K examples, until every label has K (K~2K sampling, as Few-NERD's). The whole split without `misc` goes
through a complete adaptation, so that its receipt's own estimate stands beside the test figure. A stopped run goes on
where it was.
Nothing may be chosen by these figures: they are looked at once a release.
"""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import crossner, tables
from benchmarks.journal import Journal
from benchmarks.methods import EXTENSION, METHODS, NAMED
from benchmarks.peers import WHOLE_TRAIN_SPLIT
from benchmarks.school import School
from benchmarks.setting import BUDGETS, circumstances, fingerprint, loaded, options_of
from models.training.adapting import adapt
from models.training.extend import ExtendConfig

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from models.tagger import Tagger
    from models.types import Document, Label

ALL = "all"
MISC = {"without": (False,), "with": (True,), "both": (False, True)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One support set, and what is done with it."""

    domain: str
    shots: str
    misc: bool
    draw: int
    method: str = EXTENSION

    @property
    def key(self) -> str:
        """Its name in the journal."""
        return f"{self.domain}/{self.shots}/{'misc' if self.misc else 'plain'}/{self.draw}"

    @property
    def drawn(self) -> tuple[str, str, bool, int]:
        """The support set, whatever is done with it."""
        return self.domain, self.shots, self.misc, self.draw


def main() -> None:
    """Measure and write the table."""
    parser = options_of(__doc__, work=True)
    parser.add_argument("--shots", default=f"1,5,{ALL}")
    parser.add_argument("--domains", default=",".join(crossner.DOMAINS))
    parser.add_argument("--misc", default="both", choices=MISC, help="whether the type `misc` is learnt and counted")
    parser.add_argument("--methods", default=EXTENSION, help=f"some of {', '.join(METHODS)}")
    parser.add_argument(
        "--draws", help="support sets for each K, instead of the budget's; or a number for each, as 5,2"
    )
    parser.add_argument("--name", default="few_shot", help="of the table, before the split's")
    parser.add_argument("--steps", type=int, help="most steps of one training, to try the command")
    options = parser.parse_args()
    base = loaded(options.tagger)
    config = ExtendConfig() if options.steps is None else ExtendConfig(least_steps=0, most_steps=options.steps)
    settings = {
        "tagger": fingerprint(options.tagger),
        "split": options.split,
        "limit": options.limit,
        "device": base.device.type,
    }
    configs = {name: METHODS[name](config) for name in options.methods.split(",")}
    journals = {
        name: Journal(options.work / "few_shot.jsonl", settings | {"config": asdict(own)})
        for name, own in configs.items()
    }
    found = []
    school = School()
    for cell in cells(options):
        config = configs[cell.method]
        measured = partial(measure, base, cell, config, options, school)
        result = journals[cell.method].once(cell.key, measured)
        print(
            cell.method,
            cell.key,
            {name: round(value, 1) for name, value in result.items() if value is not None},
            flush=True,
        )
        found.append((cell, result))
    notes = [circumstances(options, base), *NOTES, *(peer.note() for peer in WHOLE_TRAIN_SPLIT)]
    notes += [NAMED] if len(configs) > 1 else []
    path = tables.write(f"{options.name}_{options.split}", "Few-shot CrossNER", table(found), notes, options.out)
    print(path.read_text(encoding="utf-8"))


NOTES = (
    "strict span and type, micro-averaged, in per cent; labels with descriptions; mean and deviation over support "
    "sets for K shots, over seeds for the whole train split; the average's deviation is that of the averages",
    "held out: the F1 that the adaptation's receipt claims without the test split; apart: how far the test figure is "
    "from it, and in the average the mean of these distances",
    "seconds: of an extension; of a whole adaptation, estimate and receipt included, where something was held out",
    "gain: over plain extension from the same examples, for as many steps, and its deviation over these pairs",
    "of others with K shots of these domains nothing is published under this protocol; figures of the whole train "
    "split stand beside ours with `misc`, as theirs count it",
)


def cells(options: argparse.Namespace) -> list[Cell]:
    """Everything that is measured, in order."""
    kinds = options.shots.split(",")
    return [
        Cell(domain=domain, shots=shots, misc=misc, draw=draw, method=method)
        for shots in kinds
        for misc in MISC[options.misc]
        for domain in options.domains.split(",")
        for draw in range(draws(options, kinds.index(shots)))
        for method in options.methods.split(",")
    ]


def draws(options: argparse.Namespace, position: int) -> int:
    """How many support sets the K at some position of --shots has."""
    budget = BUDGETS[options.budget]
    if options.shots.split(",")[position] == ALL:
        return budget.whole
    numbers = str(options.draws or budget.draws).split(",")
    return int(numbers[position % len(numbers)])


def measure(
    base: Tagger, cell: Cell, config: ExtendConfig, options: argparse.Namespace, school: School
) -> dict[str, float | None]:
    """Teach a tagger and test it."""
    learnt = crossner.read(options.data, cell.domain, "train", misc=cell.misc)
    unseen = crossner.read(options.data, cell.domain, options.split, misc=cell.misc, limit=options.limit)
    pool = learnt.documents
    support = pool if cell.shots == ALL else drawn(pool, int(cell.shots), cell.draw)
    known = {span.label for document in support for span in document.entities or ()}
    labels = list(learnt.labels.values())
    wanted = [label for label in labels if label.name in known]
    own = replace(config, seed=cell.draw)
    held_out = None
    if cell.shots == ALL and not cell.misc:
        tagger, held_out, seconds = adapted(own, base, support, wanted)
    else:
        tagger, seconds = school.teach(own, base, support, wanted)
    f1 = 100 * crossner.judged(tagger, unseen.documents, labels).total().f1
    return {"F1": f1, "held out": held_out, "sentences": float(len(support)), "seconds": seconds}


def adapted(
    config: ExtendConfig, base: Tagger, support: Sequence[Document], labels: Sequence[Label]
) -> tuple[Tagger, float, float]:
    """The tagger of a whole adaptation, its receipt's estimate, and the seconds that it took."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        found = adapt(config, base, support, labels, Path(scratch), lambda _stage, _share: None)
    return found.tagger, 100 * found.receipt["after"]["f1"], time.monotonic() - began


def drawn(pool: Sequence[Document], shots: int, seed: int) -> list[Document]:
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


def table(found: Sequence[tuple[Cell, dict[str, Any]]]) -> list[dict[str, Any]]:
    """A row for each kind of support set and domain, and for the average over domains."""
    plain = {cell.drawn: result["F1"] for cell, result in found if cell.method == EXTENSION}
    # Beside each figure that of plain extension from the same examples, so that what is compared is paired.
    pairs = [(cell, result | {"plain": plain.get(cell.drawn)}) for cell, result in found]
    rows = []
    for kind in dict.fromkeys((cell.shots, cell.misc, cell.method) for cell, _ in pairs):
        of_kind = [(cell, result) for cell, result in pairs if (cell.shots, cell.misc, cell.method) == kind]
        by_domain = [row(kind, name, own) for name, own in grouped(of_kind, "domain").items()]
        rows += by_domain
        if averaged := [each for each in by_domain if each["domain"] in crossner.DOMAINS]:
            inside = [(cell, result) for cell, result in of_kind if cell.domain in crossner.DOMAINS]
            rows.append(average(averaged, [means(own) for own in grouped(inside, "draw").values()]))
        if len(averaged) < len(by_domain):
            of_draws = [means(own) for own in grouped(of_kind, "draw").values()]
            rows.append(average(by_domain, of_draws) | {"domain": "average of all sets"})
    return rows


def grouped(found: Sequence[tuple[Cell, dict[str, Any]]], by: str) -> dict[str, list[dict[str, Any]]]:
    """Results by what their cells have in common."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for cell, result in found:
        groups.setdefault(getattr(cell, by), []).append(result)
    return groups


def means(results: list[dict[str, Any]]) -> dict[str, float | None]:
    """What a draw of all domains has on average."""
    return {"F1": mean(results, "F1"), "plain": None if results[0]["plain"] is None else mean(results, "plain")}


def gains(results: Sequence[dict[str, Any]]) -> list[float]:
    """What each has more than plain extension."""
    return [result["F1"] - result["plain"] for result in results if result["plain"] is not None]


def row(kind: tuple[str, bool, str], domain: str, results: list[dict[str, Any]]) -> dict[str, Any]:
    """One domain's row over its draws."""
    shots, misc, method = kind
    held_out = None if results[0]["held out"] is None else mean(results, "held out")
    f1 = mean(results, "F1")
    own = {
        "shots": shots,
        "misc": "with" if misc else "without",
        "method": method,
        "domain": domain,
        "sentences": mean(results, "sentences"),
        "draws": len(results),
        "F1": f1,
        "deviation": deviation([result["F1"] for result in results]),
        **gained(results),
        "held out": held_out,
        "apart": None if held_out is None else abs(f1 - held_out),
        "seconds": mean(results, "seconds"),
    }
    return own | {peer.name: peer.f1.get(domain) if shots == ALL and misc else None for peer in WHOLE_TRAIN_SPLIT}


def gained(results: Sequence[dict[str, Any]]) -> dict[str, float | None]:
    """Mean gain over plain extension and its deviation."""
    found = gains(results)
    return {"gain": statistics.mean(found) if found else None, "gain's deviation": deviation(found)}


def average(rows: list[dict[str, Any]], of_draws: list[dict[str, float | None]]) -> dict[str, Any]:
    """The mean over domains; `of_draws` are such means of one draw each."""
    figures = ("sentences", "F1", "held out", "apart", "seconds", *(peer.name for peer in WHOLE_TRAIN_SPLIT))
    over = {name: None if rows[0][name] is None else mean(rows, name) for name in figures}
    spread = {"deviation": deviation([float(each["F1"] or 0) for each in of_draws])}
    return rows[0] | {"domain": "average"} | over | spread | gained(of_draws)


def mean(results: Sequence[dict[str, Any]], name: str) -> float:
    """The mean of one figure."""
    return float(statistics.mean(result[name] for result in results))


def deviation(values: Sequence[float]) -> float | None:
    """Standard deviation, or nothing where there is one value."""
    return statistics.stdev(values) if len(values) > 1 else None


if __name__ == "__main__":
    main()
