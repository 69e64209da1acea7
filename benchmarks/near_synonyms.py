"""Zero-shot F1 of CrossNER's types that training had a near-synonym of, and of those that it had none of.

    python benchmarks/near_synonyms.py --data DIR

What counts as a near-synonym stands in near_synonyms.yaml, written by reading the wordings of both sides; what training
shows stands in models/training/mix.yaml. One pass over each domain, `misc` left out, labels with descriptions. Nothing
may be chosen by these figures: they are looked at once a release.
"""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from benchmarks import crossner, tables
from benchmarks.setting import circumstances, loaded, options_of
from models.errors import BadTrainingData
from models.training.sets import load_mix
from models.verbalise import verbalisations

if TYPE_CHECKING:
    import argparse

    from models.tagger import Tagger

NONE = "none"


def main() -> None:
    """Measure and write the table."""
    options = options_of(__doc__).parse_args()
    tagger = loaded(options.tagger)
    trained, written = trained_types(), near_synonyms()
    rows = [row for name in crossner.DOMAINS for row in measure(tagger, name, written[name], trained, options)]
    notes = [
        circumstances(options, tagger),
        "strict span and type, in per cent, from one pass over each domain with all its types; `misc` left out; labels "
        "with descriptions; means and their deviation are over types, whatever their number of entities",
        "near-synonyms by their set and type: those of benchmarks/near_synonyms.yaml that models/training/mix.yaml "
        "shows in training",
        "Familiarity (arXiv 2412.10121) splits by label shift between training and test instead: trained on NuNER, F1 "
        "is 45.8 at low, 33.6 at medium and 28.0 at high shift; on Pile-NER it falls by 17.8 from low to high",
    ]
    title = "Types with and without a near-synonym in training"
    path = tables.write(f"near_synonyms_{options.split}", title, [*rows, *means(rows)], notes, options.out)
    print(path.read_text(encoding="utf-8"))


def near_synonyms() -> dict[str, dict[str, list[str]]]:
    """For each domain and type the near-synonyms among the shipped wordings, as `set/type`."""
    found: dict[str, dict[str, list[str]]] = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text("utf-8"))
    return found


def trained_types() -> frozenset[str]:
    """The types that training shows, as `set/type`."""
    mix = load_mix(everything=True)
    return frozenset(
        f"{data_set}/{label}"
        for data_set, weight in mix.weights.items()
        if weight > 0
        for label in verbalisations(data_set).keys() - mix.hidden(data_set)
    )


def measure(
    tagger: Tagger, name: str, synonyms: dict[str, list[str]], trained: frozenset[str], options: argparse.Namespace
) -> list[dict[str, Any]]:
    """A row for each type of a domain."""
    domain = crossner.read(options.data, name, options.split, limit=options.limit)
    if odd := sorted(domain.labels.keys() ^ synonyms.keys()):
        raise BadTrainingData(f"near_synonyms.yaml and the types of {name} differ: {', '.join(odd)}")
    scores = crossner.judged(tagger, domain.documents, list(domain.labels.values())).by_label()
    rows = []
    for type_name, label in domain.labels.items():
        shown = [synonym for synonym in synonyms[type_name] if synonym in trained]
        score = scores.get(label.name)
        rows.append(
            {
                "domain": name,
                "type": label.name,
                "near-synonym in training": shown[0] if shown else NONE,
                "more of them": max(0, len(shown) - 1),
                "entities": score.gold if score else 0,
                "F1": 100 * score.f1 if score else 0.0,
                "deviation": None,
            }
        )
    return rows


def means(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A row for each of the two groups, types without any entity left out."""
    found = []
    for kind, wanted in (("with", False), ("without", True)):
        group = [row for row in rows if (row["near-synonym in training"] == NONE) is wanted and row["entities"]]
        figures = [row["F1"] for row in group]
        found.append(
            {
                "domain": "all",
                "type": f"mean of {len(group)} types",
                "near-synonym in training": kind,
                "more of them": None,
                "entities": sum(row["entities"] for row in group),
                "F1": statistics.mean(figures) if figures else None,
                "deviation": statistics.stdev(figures) if len(figures) > 1 else None,
            }
        )
    return found


if __name__ == "__main__":
    main()
