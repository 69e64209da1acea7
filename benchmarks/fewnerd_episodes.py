"""Few-NERD inter episodes: five types that no training has shown, taught by one or by five entities of each.

    python benchmarks/fewnerd_episodes.py --data DIR --work runs/episodes [--budget full] [--bases source,shipped]
    python benchmarks/fewnerd_episodes.py ... --methods extension,contrastive,both --ways 5,10 --name fewnerd_contrast

Two taggers are taught and asked: one that learnt label interpretation from `inter_dev` alone (trained by this command,
--source-minutes), and the one that ships. Each is also asked without any example. A stopped run goes on where it was.
With --split dev the episodes are over four types of `inter_dev` that training leaves out; that is what settings are
chosen by, with a tagger that was trained without --everything: the one that ships learnt those types in its last
minutes. The test split is looked at once a release.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

from benchmarks import tables
from benchmarks.crossner import documents, judged
from benchmarks.episodes import EpisodeSampler
from benchmarks.journal import Journal
from benchmarks.methods import EXTENSION, METHODS
from benchmarks.peers import EPISODES
from benchmarks.setting import BUDGETS, circumstances, fingerprint, loaded, options_of
from benchmarks.source_base import SET, hidden_types, source_base
from models import artifact
from models.errors import BadTrainingData
from models.scores import Score
from models.training.extend import ExtendConfig, extend
from models.training.loop import LoopConfig
from models.training.sets import read_file
from models.types import Label
from models.verbalise import as_label, verbalisations

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from benchmarks.episodes import Episode
    from models.tagger import Tagger
    from models.types import Document

SHOTS = (1, 5)
#: Ways of asking, as the table names them; those of `benchmarks.methods`, and one without examples.
ZERO = "without examples"
TITLES = {
    ZERO: "zero-shot, types described",
    "extension": "taught by the support set",
    "contrastive": "taught by words contrasted",
    "both": "taught by the support set, spans contrasted, nearest spans asked",
    "with suffix": "as before, labels behind",
    "no contrast": "taught by the support set, nearest spans asked",
    "no nearest": "taught by the support set, spans contrasted",
    "no labels": "spans contrasted with each other alone, nearest spans asked",
}
SOURCES = {"source": "inter_dev alone, 13 types", "shipped": "the shipped mix, no sentence of inter_test"}
RESAMPLES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What episodes are drawn from, and how their types read, by the types' plain names."""

    pool: tuple[Document, ...]
    labels: dict[str, Label]
    #: Types that episodes ask for; those of `labels` that are not among them only reject sentences.
    types: tuple[str, ...]
    way: int


def main() -> None:
    """Measure and write the table."""
    options = parsed()
    rows: list[dict[str, Any]] = []
    for way in map(int, options.ways.split(",")):
        task = task_of(options, way)
        for name in options.bases.split(","):
            folder = base_named(name, options)
            found = {shots: episodes(task, folder, shots, options) for shots in SHOTS}
            rows += [row(task.way, SOURCES[name] + trained(folder), method, found) for method in found[SHOTS[0]]]
        # On other types than theirs, nothing stands beside what others report.
        rows += peer_rows(way) if options.split == "test" else []
    notes = [
        "; ".join(f"{count(options, shots)} episodes of {shots}-shot" for shots in SHOTS)
        + f" for each way, {options.steps} steps an episode",
        circumstances(options, loaded(options.tagger)),
        *NOTES,
    ]
    path = tables.write(f"{options.name}_{options.split}", "Few-NERD inter, episodes", rows, notes, options.out)
    print(path.read_text(encoding="utf-8"))


NOTES = (
    "strict span and type, in per cent, correct, predicted and gold summed over all episodes; deviation: of the "
    "episodes that happened to be drawn, by bootstrap; gain: over plain extension on the same episodes",
    "K~2K sampling of support and query with the same K, as util/fewshotsampler.py of thunlp/Few-NERD does and as its "
    "released episodes are; a sentence with any other type of the split is rejected",
    "ours differ: the size of the encoder (others: 110 million parameters and more); 13 source types (others: the 36 "
    "of inter_train); episodes of our own draw by the same rule (others: the 5,000 released ones); types in plain "
    "words with a description (others: none, or the type's name); text cased as it is",
    "figures of others are on the data of the sixth arXiv version, as the papers and the repositories of "
    "DecomposedMetaNER and HEProto list them; MSDP and NuNER were trained further on other text before",
)


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = options_of(__doc__, work=True)
    parser.add_argument("--methods", default=EXTENSION, help=f"some of {', '.join(METHODS)}")
    parser.add_argument("--ways", default="5", help="types of an episode")
    parser.add_argument("--name", default="fewnerd_episodes", help="of the table, before the split's")
    parser.add_argument("--episodes", help="instead of the budget's; or one number for each K, as in 100,30")
    parser.add_argument("--steps", type=int, default=20, help="steps that an episode's support set is learnt in")
    parser.add_argument("--blend", type=float, default=1.0, help="share of what was learnt that is kept")
    parser.add_argument("--bases", default=",".join(SOURCES))
    parser.add_argument("--source-minutes", type=float, help="of the training on inter_dev, instead of the budget's")
    parser.add_argument("--source-steps", type=int, help="most steps of the training on inter_dev")
    return parser.parse_args()


def count(options: argparse.Namespace, shots: int) -> int:
    """Episodes for a K."""
    numbers = str(options.episodes or BUDGETS[options.budget].episodes).split(",")
    return int(numbers[SHOTS.index(shots) % len(numbers)])


def task_of(options: argparse.Namespace, way: int) -> Task:
    """The split's sentences and types."""
    if options.split == "test":
        return read_task(options.data / SET, "inter_test", labels_of_test_split(), None, options.limit, way)
    labels = {name: as_label(wording) for name, wording in verbalisations(SET).items()}
    return read_task(options.data / SET, "inter_dev", labels, hidden_types(), options.limit, way)


def labels_of_test_split() -> dict[str, Label]:
    """How the types of the test split read, by their name in the data."""
    entries = yaml.safe_load(Path(__file__).with_name("fewnerd.yaml").read_text(encoding="utf-8"))
    return {name: Label(name=entry["name"], description=entry["description"]) for name, entry in entries.items()}


def read_task(
    folder: Path, file: str, labels: dict[str, Label], types: frozenset[str] | None, limit: int | None, way: int = 5
) -> Task:
    """Episodes over `types`, or over all of the file's; raises BadTrainingData where a type has no wording."""
    seen = {entity["label"] for record in read_file(folder / f"{file}.jsonl.gz") for entity in record["entities"]}
    if unworded := sorted(seen - labels.keys()):
        raise BadTrainingData(f"{folder / file}: no wording for the types {unworded}")
    return Task(
        pool=tuple(documents(folder, file, labels)[:limit]),
        labels={label.name: label for label in labels.values()},
        types=tuple(sorted(labels[name].name for name in types or seen)),
        way=min(way, len(types or seen)),
    )


def base_named(name: str, options: argparse.Namespace) -> Path:
    """Folder of a tagger to teach."""
    if name == "shipped":
        return Path(options.tagger)
    minutes = options.source_minutes or BUDGETS[options.budget].source_minutes
    loop = LoopConfig(minutes=minutes, steps=options.source_steps, measure_minutes=0)
    folder = options.work / f"source-{minutes:g}-minutes-{options.source_steps or 'any'}-steps"
    return source_base(options.data, folder, loop, all_types=options.split == "test")


def episodes(task: Task, folder: Path, shots: int, options: argparse.Namespace) -> dict[str, list[dict[str, Any]]]:
    """What each way of asking made of each episode, for the tagger in a folder; what was measured before is kept."""
    base = loaded(folder)
    plain = ExtendConfig(least_steps=options.steps, most_steps=options.steps, blend=options.blend)
    configs = {ZERO: None} | {name: METHODS[name](plain) for name in options.methods.split(",")}
    settings = {"tagger": fingerprint(folder), "split": options.split, "limit": options.limit}
    settings |= {"way": task.way, "device": base.device.type}
    journals = {
        name: Journal(options.work / "episodes.jsonl", settings | {"config": config and asdict(config)})
        for name, config in configs.items()
    }
    sampler = EpisodeSampler(task.pool, task.types, way=task.way, shots=shots, seed=0)
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in configs}
    for number in range(count(options, shots)):
        for name, config in configs.items():
            measured = partial(measure, base, config, sampler, task, number)
            found[name].append(journals[name].once(f"{shots}/{number}", measured))
        if number % 10 == 9:
            progress = {name: round(100 * summed(results).f1, 1) for name, results in found.items()}
            print(f"{folder.name}, {task.way}-way, {shots} shots, {number + 1} episodes: {progress}", flush=True)
    return found


def measure(
    base: Tagger, config: ExtendConfig | None, sampler: EpisodeSampler, task: Task, number: int
) -> dict[str, Any]:
    """Correct, predicted and gold entities of one episode, without a configuration of the base itself."""
    episode = sampler.draw(number)
    labels = [task.labels[name] for name in episode.labels]
    began = time.monotonic()
    tagger = base
    if config is not None:
        with tempfile.TemporaryDirectory() as scratch:
            tagger = extend(config, base, episode.support, labels, Path(scratch))
    seconds = time.monotonic() - began
    counts = counted(tagger, episode, labels)
    return {"counts": counts, "support": len(episode.support), "seconds": round(seconds, 2)}


def counted(tagger: Tagger, episode: Episode, labels: Sequence[Label]) -> list[int]:
    """Correct, predicted and gold entities of the query."""
    total = judged(tagger, episode.query, labels).total()
    return [total.correct, total.predicted, total.gold]


def summed(found: Sequence[dict[str, Any]]) -> Score:
    """One score of all episodes together."""
    correct, predicted, gold = (sum(counts) for counts in zip(*(result["counts"] for result in found), strict=True))
    return Score(correct=correct, predicted=predicted, gold=gold)


def spread(found: Sequence[dict[str, Any]], plain: Sequence[dict[str, Any]] | None = None) -> float:
    """Standard deviation of the summed F1, in per cent, over episodes drawn again from those found.

    With `plain`, of the same episodes by another method, that of the difference.
    """
    drawn = [_drawn_again(each) for each in (found, plain) if each is not None]
    return float(np.std(drawn[0] - drawn[1] if plain is not None else drawn[0]))


def _drawn_again(found: Sequence[dict[str, Any]]) -> NDArray[np.float64]:
    counts = np.array([result["counts"] for result in found], dtype=np.int64)
    chosen = np.random.default_rng(0).integers(len(counts), size=(RESAMPLES, len(counts)))
    correct, predicted, gold = counts[chosen].sum(axis=1).T
    return np.asarray(100 * 2 * correct / np.maximum(1, predicted + gold), dtype=np.float64)


def trained(folder: Path) -> str:
    """How long the tagger in a folder was trained, where it says so."""
    steps = artifact.read_manifest(folder).receipt.get("steps")
    return "" if steps is None else f", {steps} steps"


def row(way: int, source: str, method: str, found: dict[int, dict[str, list[dict[str, Any]]]]) -> dict[str, Any]:
    """One tagger asked in one way."""
    figures: dict[str, Any] = {}
    for shots, results in found.items():
        own, plain = results[method], results.get(EXTENSION)
        compared = plain is not None and method not in (ZERO, EXTENSION)
        figures |= {
            f"{shots}-shot F1": 100 * summed(own).f1,
            f"{shots}-shot deviation": spread(own),
            f"{shots}-shot gain": 100 * (summed(own).f1 - summed(plain).f1) if plain and compared else None,
            f"{shots}-shot gain's deviation": spread(own, plain) if compared else None,
        }
    return {"system": f"ours, {TITLES[method]}", "way": way, "learnt from": source, **figures, "source": "this command"}


def peer_rows(way: int) -> list[dict[str, Any]]:
    """What others report."""
    columns = ("F1", "deviation", "gain", "gain's deviation")
    return [
        {
            "system": peer.name,
            "way": way,
            "learnt from": "inter_train, 36 types",
            **{
                f"{shots}-shot {column}": peer.of(way)[shots] if column == "F1" else None
                for shots in SHOTS
                for column in columns
            },
            "source": peer.source,
        }
        for peer in EPISODES
    ]


if __name__ == "__main__":
    main()
