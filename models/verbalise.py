"""Labels as the text that the label encoder reads.

Owns the one wording used in training and in service, and the project's verbalisation files: what the types of
public NER sets are in plain English. LITSET re-samples a label's wording in every batch (section 3.1), so
that the encoder learns to interpret a label rather than to recognise its name.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

import yaml

from models.errors import BadTrainingData
from models.types import Label

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping

#: How often each wording is drawn: name alone, with the short, with the long description, a description alone.
_WORDINGS = {"name": 0.25, "name_short": 0.3, "name_long": 0.25, "short": 0.1, "long": 0.1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verbalisation:
    """Wordings of one type of one set; `names[0]` is the usual one."""

    names: tuple[str, ...]
    short: str
    long: str


def label_text(label: Label) -> str:
    """What the label encoder reads: `name: description`, or the name alone."""
    name = label.name.replace("_", " ").strip()
    return f"{name}: {label.description.strip()}" if label.description.strip() else name


def draw(verbalisation: Verbalisation, rng: random.Random) -> str:
    """One wording, drawn anew for every batch."""
    name = rng.choice(verbalisation.names)
    kind = rng.choices(list(_WORDINGS), list(_WORDINGS.values()))[0]
    if kind == "name":
        return label_text(Label(name=name))
    description = verbalisation.short if kind.endswith("short") else verbalisation.long
    return label_text(Label(name=name, description=description)) if kind.startswith("name") else description


def as_label(verbalisation: Verbalisation) -> Label:
    """The type as a user would give it: usual name and short description."""
    return Label(name=verbalisation.names[0], description=verbalisation.short)


@cache
def verbalisations(data_set: str) -> Mapping[str, Verbalisation]:
    """The wordings of a set's types; types that say nothing (`misc`) are left out.

    Raises BadTrainingData where no file is shipped for the set.
    """
    file = resources.files("models") / "verbalisations" / f"{data_set}.yaml"
    if not file.is_file():
        raise BadTrainingData(f"no verbalisations for the set {data_set!r}: add models/verbalisations/{data_set}.yaml")
    entries = yaml.safe_load(file.read_text(encoding="utf-8"))
    return {
        name: Verbalisation(names=tuple(entry["names"]), short=entry["short"], long=entry["long"])
        for name, entry in entries.items()
        if not entry.get("drop")
    }


@cache
def shipped_labels() -> tuple[Label, ...]:
    """Every type of the shipped wordings as a user would give it, one for each usual name, sorted."""
    folder = resources.files("models") / "verbalisations"
    sets = sorted(file.name.removesuffix(".yaml") for file in folder.iterdir() if file.name.endswith(".yaml"))
    found = [as_label(verbalisation) for data_set in sets for verbalisation in verbalisations(data_set).values()]
    return tuple(sorted({label.name.casefold(): label for label in found}.values(), key=lambda label: label.name))
