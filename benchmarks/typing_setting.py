"""What the commands on entity typing share: their options, reading typing sets, and the typers they compare.

Owns no figure. A set is a folder of gzipped JSON lines, `{"id", "tokens", "mention": {"start", "end"}, "labels"}`.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import yaml

from benchmarks import tables
from benchmarks.setting import BUDGETS
from models.devices import best_device, working_dtype
from models.encoder import PACKAGED, file_sha256
from models.mentions import Mention
from models.shipped import MANIFEST
from models.training.finetype import Example
from models.training.sets import join, read_file
from models.typer import Typer
from models.typer_artifact import load_typer, untrained_typer
from models.typing_base import load_base
from models.typing_network import TyperConfig

if TYPE_CHECKING:
    from collections.abc import Sequence

WORDS = Path(__file__).with_name("typing_words.yaml")
#: Bases of the typers that have learnt no types yet: the packaged encoder, and the tagger's that goes on from it.
DIRECT = {"direct": PACKAGED, "direct, from the tagger": "default"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a typing set."""

    id: str
    example: Example


@dataclass(frozen=True, slots=True, kw_only=True)
class TypingPeer:
    """What a paper reports, in per cent."""

    name: str
    figures: dict[str, float]


def typing_options(doc: str | None) -> argparse.ArgumentParser:
    """A parser that knows what these commands have in common."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with one folder a set")
    parser.add_argument("--work", type=Path, required=True, help="folder for what a stopped run goes on from")
    parser.add_argument("--budget", default="small", choices=sorted(BUDGETS))
    parser.add_argument(
        "--typers", nargs="*", default=[], metavar="NAME=FOLDER", help="pre-trained typers, beside some that are not"
    )
    parser.add_argument(
        "--direct", nargs="*", default=list(DIRECT), choices=list(DIRECT), help="which of those that are not"
    )
    parser.add_argument("--layers", type=int, default=TyperConfig().layers, help="layers that the untrained ones tune")
    parser.add_argument("--limit", type=int, help="most mentions that are measured on, to try a command")
    parser.add_argument("--steps", type=int, help="steps of one training, to try a command")
    parser.add_argument("--out", type=Path, default=tables.RESULTS, help="folder for the table")
    parser.add_argument("--name", help="name of the table, where it is not the command's own")
    return parser


def read_rows(path: Path) -> list[Row]:
    """The mentions of a file, in its order; those without a type are left out."""
    return [_row(record) for record in read_file(path) if record["labels"]]


def _row(record: dict[str, Any]) -> Row:
    text, offsets = join(record["tokens"])
    place = record["mention"]
    mention = Mention(text=text, start=offsets[place["start"]][0], end=offsets[place["end"] - 1][1])
    return Row(id=record["id"], example=Example(mention=mention, types=tuple(record["labels"])))


def words_for(data_set: str) -> dict[str, str]:
    """What a set's types are known by where their own words mislead (typing_words.yaml)."""
    found: dict[str, str] = yaml.safe_load(WORDS.read_text(encoding="utf-8")).get(data_set, {})
    return found


def typers(options: argparse.Namespace) -> dict[str, tuple[Typer, str]]:
    """The typers that are compared, each with what tells it apart: the untrained ones, then those that were named."""
    device = best_device()
    dtype = working_dtype(device)
    found: dict[str, tuple[Typer, str]] = {}
    for name in options.direct:
        base = DIRECT[name]
        fresh = untrained_typer(load_base(base), TyperConfig(layers=options.layers))
        typer = Typer(fresh.encoder, fresh.network, fresh.judgement, device=device, dtype=dtype)
        found[name] = (typer, f"untrained, on {base}, {options.layers} layers tuned")
    for name, _, folder in (each.partition("=") for each in options.typers):
        typer = load_typer(Path(folder), device=device, dtype=dtype)
        found[name] = (typer, file_sha256(Path(folder) / MANIFEST)[:12])
    return found


def machine(typer: Typer) -> str:
    """Number format and device."""
    dtype = str(typer.dtype).removeprefix("torch.")
    if typer.device.type == "cuda":
        return f"{dtype} on {torch.cuda.get_device_name(typer.device)}"
    return f"{dtype} on {typer.device.type}, {torch.get_num_threads()} threads"


def examples_of(rows: Sequence[Row]) -> list[Example]:
    """The examples alone."""
    return [row.example for row in rows]
