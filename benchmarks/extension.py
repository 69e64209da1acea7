"""What an extension's settings are worth: phase 2 with one setting changed at a time, on sets that training never saw.

    python benchmarks/extension.py --data DIR --work FOLDER --tagger TAGGER [--sizes 5,100] [--draws 1]
    python benchmarks/extension.py ... --rows SCREENED --sizes 1,5 --steps 20 --others 0 --name contrast_screening

The second form screens the contrastive settings: distance, form of the loss, weights, what is remembered, the suffix.

TAGGER must not have learnt the held-out groups, as the one that ships has in the end; what a training without
`--everything` writes is one. Support sets come from the train split of the sets that the mix holds out whole (cyner,
litbank): K sentences for each type, or so many sentences in all from 50 on; their dev split judges. A third set are the
four types of Few-NERD's inter source that are held out, half of their sentences to learn from. Forgetting is the mean
F1 on the other held-out groups at the tagger's own threshold. FOLDER keeps what was measured: a run that was stopped
goes on. No test split is read.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import tables
from benchmarks.few_shot import drawn
from benchmarks.fewnerd_episodes import read_task
from benchmarks.school import School
from benchmarks.source_base import SET, hidden_types
from models import artifact
from models.decoding import overlaps
from models.devices import best_device, working_dtype
from models.scores import score
from models.training.contrasts import ContrastConfig
from models.training.extend import ExtendConfig
from models.training.heldout import load_groups
from models.training.sets import HeldOut, load_documents, load_mix
from models.verbalise import as_label, verbalisations

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.tagger import Tagger
    from models.training.heldout import Group
    from models.types import Document, Label

#: By name, and what the mix calls the group; of Few-NERD's held-out types forgetting is not measured.
SETS = {"cyner": "cyber security", "litbank": "novels", SET: ""}
#: From so many on, a size is sentences in all.
SENTENCES_FROM = 50
#: Sentences that judge.
JUDGES = 200
#: Sentences of each other group.
OTHERS = 60
#: What each row changes of the settings that ship.
ROWS: dict[str, dict[str, Any]] = {
    "default": {},
    "passes 10": {"passes": 10},
    "passes 40": {"passes": 40},
    "rate 2e-4": {"encoder_rate": 2e-4, "head_rate": 1e-3},
    "rate 5e-5": {"encoder_rate": 5e-5, "head_rate": 2.5e-4},
    "no dropout": {"dropout": 0.0},
    "all of it kept": {"blend": 1.0},
    "30 % of the base": {"blend": 0.7},
    "rehearsal": {"rehearsal": 1.0},
}


def contrasted(**changed: Any) -> dict[str, Any]:  # noqa: ANN401 -- fields of the configuration
    """Spans contrasted beside their cross-entropy."""
    return {"contrast": ContrastConfig(**changed)}


def words(share: float, **changed: Any) -> dict[str, Any]:  # noqa: ANN401 -- fields of the configuration
    """Words contrasted, as the papers have it; their nearest words of the examples have a share."""
    contrast = replace(ContrastConfig(distance="js", outside=True), **changed)
    return {"scoring": "io", "spread": contrast.distance != "euclidean", "neighbours": share, "contrast": contrast}


SHARES = (0.2, 0.4, 0.6, 0.8)


def nearest(name: str, changed: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """A row, and one more for each share of the nearest spans."""
    return {name: changed} | {f"{name}, nearest {share}": changed | {"neighbours": share} for share in SHARES}


#: What each row of a screening changes.
SCREENED: dict[str, dict[str, Any]] = {
    **nearest("default", {}),
    **nearest("spans, alpha 0.2", contrasted(alpha=0.2)),
    **nearest("spans, alpha 0.5", contrasted(alpha=0.5)),
    **nearest("suffix", {"suffix": True}),
    **nearest("suffix, spans, alpha 0.2", contrasted(alpha=0.2) | {"suffix": True}),
    "spans, alpha 0.5, L_in": contrasted(alpha=0.5, form="in"),
    "spans, alpha 0.5, outside a class": contrasted(alpha=0.5, outside=True),
    "spans, alpha 0.5, JS": contrasted(alpha=0.5, distance="js") | {"spread": True},
    "spans, alpha 0.5, KL": contrasted(alpha=0.5, distance="kl") | {"spread": True},
    "words, JS": words(0.5),
    "words, KL": words(0.5, distance="kl"),
    "words, squared Euclidean": words(0.5, distance="euclidean"),
    "words, JS, L_in": words(0.5, form="in"),
    "words, JS, by labels alone": words(0.0),
    "words, JS, by nearest alone": words(1.0),
    "words, JS, suffix": words(0.5) | {"suffix": True},
}
EVERY = ROWS | SCREENED


def main() -> None:
    """Measure what is missing and write the table."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", type=Path, required=True)
    arguments.add_argument("--work", type=Path, required=True, help="folder of what was measured")
    arguments.add_argument("--sizes", default="5,100")
    arguments.add_argument("--draws", type=int, default=1)
    arguments.add_argument("--rows", default=";".join(ROWS), help=f"SCREENED, or some of: {'; '.join(EVERY)}")
    arguments.add_argument("--steps", type=int, help="steps of each extension, to screen many settings")
    arguments.add_argument("--judges", type=int, default=JUDGES, help="sentences that judge")
    arguments.add_argument("--others", type=int, default=OTHERS, help="sentences of each other group, 0 for none")
    arguments.add_argument("--name", default="extension", help="of the table")
    arguments.add_argument("--sets", default=",".join(SETS))
    arguments.add_argument("--tagger", type=Path, required=True, help="folder of a tagger")
    options = arguments.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    device = best_device()
    base = artifact.load(options.tagger, device=device, dtype=working_dtype(device))
    trials = {data_set: Trial.read(options, data_set, base) for data_set in options.sets.split(",")}
    rows = [*SCREENED] if options.rows == "SCREENED" else options.rows.split(";")
    steps = {} if options.steps is None else {"least_steps": options.steps, "most_steps": options.steps}
    cells = [
        (name, size, data_set, draw)
        for size in options.sizes.split(",")
        for draw in range(options.draws)
        for data_set in trials
        for name in rows
    ]
    school = School()
    for name, size, data_set, draw in cells:
        kept = options.work / f"{name.replace(' ', '-').replace(',', '')}_{size}_{data_set}_{draw}.json"
        if not kept.exists():
            config = ExtendConfig(**EVERY[name], **steps, seed=draw)
            found = measure(base, config, int(size), trials[data_set], school)
            kept.write_text(json.dumps({"row": name, "size": size, "set": data_set, "draw": draw} | found))
            print(kept.read_text(), flush=True)
        write(options, base)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A set to extend to, what judges it, what may be forgotten, and the base's F1 on either."""

    labels: list[Label]
    pool: list[Document]
    judges: list[Document]
    others: list[Group]
    before: float
    others_before: float | None

    @classmethod
    def read(cls, options: argparse.Namespace, data_set: str, base: Tagger) -> Trial:
        """All of it, under the data folder."""
        data = options.data
        if data_set == SET:
            return cls._of_hidden_types(options, base)
        wording = verbalisations(data_set)
        names = {name: as_label(verbalisation).name for name, verbalisation in wording.items()}
        labels = [as_label(verbalisation) for verbalisation in wording.values()]

        def split(file: str, limit: int) -> list[Document]:
            held_out = HeldOut(name="", data_set=data_set, file=file, labels=None)
            return renamed(load_documents(data, held_out, limit), names)

        judges = split("dev", options.judges)
        groups = load_groups(data, load_mix(), options.others) if options.others else []
        others = [group for group in groups if group.name != SETS[data_set]]
        return cls(
            labels=labels,
            pool=split("train", 10**6),
            judges=judges,
            others=others,
            before=f1(base, judges, labels),
            others_before=mean_f1(base, others),
        )

    @classmethod
    def _of_hidden_types(cls, options: argparse.Namespace, base: Tagger) -> Trial:
        """Sentences of `inter_dev` that have hidden types alone: every other one is to learn from, the rest judge."""
        wording = {name: as_label(verbalisation) for name, verbalisation in verbalisations(SET).items()}
        task = read_task(options.data / SET, "inter_dev", wording, hidden_types(), None)
        own = [
            document
            for document in task.pool
            if document.entities and all(span.label in task.types for span in document.entities)
        ]
        labels = [task.labels[name] for name in task.types]
        judges = own[1::2][: options.judges]
        before = f1(base, judges, labels)
        return cls(labels=labels, pool=own[::2], judges=judges, others=[], before=before, others_before=None)


def measure(base: Tagger, config: ExtendConfig, size: int, trial: Trial, school: School) -> dict[str, float | None]:
    """One extension, before and after."""
    support = some(trial.pool, size, config.seed)
    known = {span.label for document in support for span in document.entities or ()}
    wanted = [label for label in trial.labels if label.name in known]
    tagger, seconds = school.teach(config, base, support, wanted)
    return {
        "sentences": len(support),
        "before": trial.before,
        "after": f1(tagger, trial.judges, trial.labels),
        "nested": nested(tagger, trial.judges, trial.labels),
        "others before": trial.others_before,
        "others after": mean_f1(tagger, trial.others),
        "seconds": seconds,
    }


def mean_f1(tagger: Tagger, groups: list[Group]) -> float | None:
    """Mean over groups, nothing without any."""
    if not groups:
        return None
    return statistics.mean(f1(tagger, group.documents, group.labels) for group in groups)


def some(pool: list[Document], size: int, seed: int) -> list[Document]:
    """A support set."""
    return random.Random(seed).sample(pool, size) if size >= SENTENCES_FROM else drawn(pool, size, seed)


def renamed(documents: list[Document], names: dict[str, str]) -> list[Document]:
    """The documents with their types in plain words."""
    return [
        replace(document, entities=tuple(replace(span, label=names[span.label]) for span in document.entities or ()))
        for document in documents
    ]


def f1(tagger: Tagger, documents: Any, labels: Any) -> float:  # noqa: ANN401 -- sequences of either kind
    """Strict F1 in per cent at the tagger's own threshold."""
    found = tagger.predict([document.text for document in documents], list(labels))
    return 100 * score([d.entities or () for d in documents], [prediction.spans for prediction in found]).f1


def nested(tagger: Tagger, documents: Sequence[Document], labels: Sequence[Label]) -> float | None:
    """How many of the entities that overlap with another are found, in per cent; nothing where none do."""
    found = tagger.predict([document.text for document in documents], list(labels))
    there = caught = 0
    for document, prediction in zip(documents, found, strict=True):
        spans = document.entities or ()
        overlapping = [s for s in spans if overlaps(s, [other for other in spans if other is not s])]
        kept = {(span.start, span.end, span.label) for span in prediction.spans}
        there += len(overlapping)
        caught += sum((span.start, span.end, span.label) in kept for span in overlapping)
    return 100 * caught / there if there else None


def write(options: argparse.Namespace, base: Tagger) -> None:
    """The table of all that was measured, whatever this call did."""
    cells = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(options.work.glob("*.json"))]
    sizes = sorted({cell["size"] for cell in cells}, key=int)
    rows = [row(size, name, cells) for size in sizes for name in EVERY]
    notes = [
        "means over the sets and their draws; strict F1, in per cent, at the tagger's own threshold",
        f"size: examples of each type, 0 for none, or sentences from {SENTENCES_FROM} on",
        f"{base.dtype} on {base.device.type}",
        "nested: of the entities of litbank that overlap with another, how many are found",
        "others: mean F1 on the held-out groups of other sets, which the examples say nothing of",
        f"{options.judges} sentences judge; steps of an extension: {options.steps or 'as it has them'}",
    ]
    tables.write(options.name, "Settings of few-shot extension", [each for each in rows if each], notes)


def row(size: str, name: str, cells: list[dict[str, Any]]) -> dict[str, Any]:
    """A row of the table, empty where nothing of it was measured; gains are over the same draws of the default."""
    own = [cell for cell in cells if (cell["row"], cell["size"]) == (name, size)]
    if not own:
        return {}
    columns = ("before", "after", "nested", "others before", "others after", "sentences", "seconds")
    known = {c: [cell[c] for cell in own if cell.get(c) is not None] for c in columns}
    means = {c: statistics.mean(values) if values else None for c, values in known.items()}
    plain = {(c["set"], c["draw"]): c["after"] for c in cells if (c["row"], c["size"]) == ("default", size)}
    gains = [c["after"] - plain[c["set"], c["draw"]] for c in own if (c["set"], c["draw"]) in plain]
    gained = {"gain": statistics.mean(gains) if gains else None}
    deviation = {"deviation of the gain": statistics.stdev(gains) if len(gains) > 1 else None}
    return {"size": size, "row": name, "extensions": len(own)} | means | gained | deviation


if __name__ == "__main__":
    main()
