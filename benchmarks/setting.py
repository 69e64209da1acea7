"""What the measuring commands share: their options, how much is measured, the tagger, and the notes that say so.

Owns no figure. A small budget fits two processor cores, the full one is what papers report and wants an accelerator.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from benchmarks import tables
from models import artifact
from models.devices import best_device, working_dtype
from models.encoder import file_sha256
from models.shipped import MANIFEST

if TYPE_CHECKING:
    from models.tagger import Tagger


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How much is measured."""

    name: str
    #: Support sets for each K, and ways of joining sentences.
    draws: int
    #: Trainings, each from another seed, where the whole train split is learnt.
    whole: int
    #: Few-shot episodes.
    episodes: int
    #: Minutes of a training on a source set, at most.
    source_minutes: float
    #: Rounds of what is timed.
    rounds: int


BUDGETS = {
    "small": Budget(name="small", draws=2, whole=1, episodes=100, source_minutes=10.0, rounds=5),
    "full": Budget(name="full", draws=5, whole=3, episodes=5000, source_minutes=30.0, rounds=11),
}


def options_of(doc: str | None, *, sets: bool = True, work: bool = False) -> argparse.ArgumentParser:
    """A parser that knows what these commands have in common.

    `sets` for those that read public sets, `work` for those that a stop must not undo.
    """
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--budget", default="small", choices=sorted(BUDGETS))
    parser.add_argument("--tagger", type=Path, default=artifact.shipped_folder(), help="folder of a tagger")
    parser.add_argument("--out", type=Path, default=tables.RESULTS, help="folder for the table")
    if sets:
        parser.add_argument("--data", type=Path, required=True, help="folder with one folder a set")
        parser.add_argument("--split", default="test", choices=("dev", "test"))
        parser.add_argument("--limit", type=int, help="most sentences of a set that are measured on, to try a command")
    if work:
        parser.add_argument("--work", type=Path, required=True, help="folder for what a stopped run goes on from")
    return parser


def loaded(folder: Path) -> Tagger:
    """A tagger where and as this machine computes best."""
    device = best_device()
    return artifact.load(folder, device=device, dtype=working_dtype(device))


def fingerprint(folder: Path) -> str:
    """Tells taggers apart; the manifest has the hashes of all the weights."""
    return file_sha256(folder / MANIFEST)[:12]


def circumstances(options: argparse.Namespace, tagger: Tagger) -> str:
    """What was measured with what, for the notes below a table."""
    found = [f"budget {options.budget}"]
    if "split" in options:
        found.append(f"split {options.split}" + (f", at most {options.limit} sentences a set" if options.limit else ""))
    found.append(f"tagger {options.tagger.name} ({fingerprint(options.tagger)}), {size(tagger):.1f} million parameters")
    return "; ".join([*found, machine(tagger)])


def size(tagger: Tagger) -> float:
    """Millions of parameters, a shared encoder counted once."""
    return sum(parameter.numel() for parameter in tagger.network.parameters()) / 1e6


def machine(tagger: Tagger) -> str:
    """Number format and device."""
    dtype = str(tagger.dtype).removeprefix("torch.")
    if tagger.device.type == "cuda":
        return f"{dtype} on {torch.cuda.get_device_name(tagger.device)}"
    return f"{dtype} on {tagger.device.type}, {torch.get_num_threads()} threads"
