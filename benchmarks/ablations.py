"""What each choice of the bi-encoder is worth: phase 1 with one choice changed at a time, a row each.

    python benchmarks/ablations.py --data DIR --work FOLDER [--steps 800] [--seeds 1] [--rows default,bio]

Every row trains for the same number of steps on the same batches and is measured on the six groups of types that the
mix holds out; no test split is read. FOLDER keeps each row's log and checkpoint: a run that was stopped goes on, and
rows that are there are not trained again.
"""

from __future__ import annotations

import argparse
import json
import statistics
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import tables
from models.artifact import shipped_weights
from models.biencoder import BiEncoderConfig
from models.encoder import load_encoder
from models.training.heldout import load_groups
from models.training.loop import LoopConfig, train
from models.training.phase1 import Phase1, Phase1Config, default, litset, make_sampler, read_sentences
from models.training.sets import load_mix

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.training.heldout import Group
    from models.training.sets import Sentence

#: Pieces in a batch: half of what shipped weights were trained with, so that a row takes minutes.
BUDGET = 1024


def network(**changed: Any) -> Callable[[Phase1Config], Phase1Config]:  # noqa: ANN401 -- fields of the configuration
    """A change of the network."""
    return lambda config: replace(config, network=BiEncoderConfig(**changed))


def negatives(kind: str) -> Callable[[Phase1Config], Phase1Config]:
    """A change of what labels stand against."""
    return lambda config: replace(config, sampling=replace(config.sampling, negatives=kind))


#: Each row: which axis it is about, what it is, and how its configuration comes from the shipped one.
ROWS: dict[str, tuple[str, str, Callable[[Phase1Config], Phase1Config]]] = {
    "default": (
        "",
        "spans, own outside, the set's absent types, one encoder, cosine",
        lambda config: config,
    ),
    "bio": ("scoring", "words as begin and inside", network(scoring="bio")),
    "sentence": ("threshold", "learned for each sentence and label (BINDER)", network(outside="sentence")),
    "batch": ("negatives", "labels of the batch alone (LITSET)", negatives("batch")),
    "disjoint": ("negatives", "and types of other sets written down as disjoint", negatives("disjoint")),
    "separate": ("encoders", "two, both tuned", network(label_side="separate")),
    "frozen": ("encoders", "two, the label side as it came", network(label_side="frozen")),
    "dot": ("product", "plain dot product", network(product="dot")),
    "uncased": ("capitals", "no signal of capitalisation", network(capitals=False)),
    "litset": ("all", "the paper's recipe (config `litset`)", lambda config: litset(config.loop)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What every row learns from and is measured on."""

    sentences: dict[str, list[Sentence]]
    groups: list[Group]

    @classmethod
    def read(cls, data: Path) -> Shown:
        """All of it, under the data folder."""
        mix = load_mix()
        return cls(sentences=read_sentences(data, mix, load_encoder()), groups=load_groups(data, mix))


def main() -> None:
    """Train what is missing and write the table after every row."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", type=Path, required=True)
    arguments.add_argument("--work", type=Path, required=True, help="folder of logs and checkpoints")
    arguments.add_argument("--steps", type=int, default=800)
    arguments.add_argument("--seeds", type=int, default=1)
    arguments.add_argument("--rows", default=",".join(ROWS), help=f"some of {', '.join(ROWS)}")
    options = arguments.parse_args()
    shown = Shown.read(options.data)
    for seed in range(options.seeds):
        for name in options.rows.split(","):
            folder = options.work / f"{name}-{options.steps}-{seed}"
            if not (folder / "row.json").exists():
                measured = row(name, seed, options, folder, shown)
                (folder / "row.json").write_text(json.dumps(measured), encoding="utf-8")
            write(options)


def row(name: str, seed: int, options: argparse.Namespace, folder: Path, shown: Shown) -> dict[str, Any]:
    """Train one row and measure it."""
    loop = LoopConfig(minutes=1e6, steps=options.steps, measure_minutes=0)
    config = ROWS[name][2](default(loop))
    config = replace(config, seed=seed, sampling=replace(config.sampling, budget=BUDGET))
    encoder = load_encoder()
    sampler = make_sampler(config, shown.sentences, load_mix(), encoder)
    recipe = Phase1(config, encoder, sampler, shown.groups)
    train(recipe, config.loop, folder, resume=True, say=lambda line: print(name, seed, line, flush=True))
    last = json.loads((folder / "log.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    halves = sum(2 * tensor.numel() for tensor in shipped_weights(recipe.module).values())
    return {"f1": 100 * last["held_out_f1"], "megabytes": halves / 1e6, "minutes": last["minutes"]}


def write(options: argparse.Namespace) -> None:
    """The table of all rows that are there, whatever this call trained."""
    found = {
        name: [
            json.loads(path.read_text(encoding="utf-8"))
            for path in sorted(options.work.glob(f"{name}-{options.steps}-*/row.json"))
        ]
        for name in ROWS
    }
    base = [each["f1"] for each in found["default"]] or [0.0]
    rows = [
        {
            "row": name,
            "axis": ROWS[name][0],
            "choice": ROWS[name][1],
            "held-out F1": statistics.mean(each["f1"] for each in measured),
            "deviation": statistics.stdev([each["f1"] for each in measured]) if len(measured) > 1 else 0.0,
            "against default": statistics.mean(each["f1"] for each in measured) - statistics.mean(base),
            "weights MB": measured[0]["megabytes"],
        }
        for name, measured in found.items()
        if measured
    ]
    notes = [
        f"phase 1 from the base encoder, {options.steps} steps of {BUDGET} pieces, {len(base)} seed(s)",
        "one choice changed at a time; the last row changes all of them, as the paper has them",
        "mean strict F1, in per cent, on six held-out groups of types, each row at the threshold that is best for it",
        "weights in half precision, word embeddings left out",
    ]
    tables.write("ablations", "Choices of the bi-encoder", rows, notes)


if __name__ == "__main__":
    main()
