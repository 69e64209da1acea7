"""`tagwerk train ...`: train the weights that taggers stand on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tagwerk.console import say
from tagwerk.errors import UnusableInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.types import Document
    from retrieval.search import ExampleSearch

#: The language model of our own.
COMPACT = "compact"

app = typer.Typer(no_args_is_help=True, help="Train the weights that taggers stand on.")


@app.command()
def biencoder(
    data: Annotated[Path, typer.Option(help="Folder of NER sets, one folder a set, as gzipped JSON Lines.")],
    minutes: Annotated[float, typer.Option(help="Minutes of training, over all resumed runs.", min=0.0)],
    out: Annotated[Path, typer.Option(help="Folder for the log, the checkpoint and the tagger.")] = Path(
        "runs/biencoder"
    ),
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint, if there is one.")] = False,
    base: Annotated[str | None, typer.Option(help="Encoder to start from: a folder or a Hugging Face name.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the batches and the fresh weights.")] = 0,
    start: Annotated[Path | None, typer.Option(help="Folder of a tagger to go on from.")] = None,
    keep: Annotated[
        float, typer.Option(help="Share of the weights it started from that is kept in the end.", min=0.0, max=1.0)
    ] = 0.0,
    everything: Annotated[
        bool, typer.Option("--everything", help="Learn the held-out types too; goes on from --start, measures nothing.")
    ] = False,
    config: Annotated[
        str,
        typer.Option(
            help="Recipe: `default`, which ships, `litset`, the paper's own, or `contrastive`, labels behind."
        ),
    ] = "default",
) -> None:
    """Train the bi-encoder to interpret labels (LITSET, phase 1)."""
    if not data.is_dir():
        raise UnusableInput(f"there is no folder {data}; --data must name a folder with one folder a set")
    from models.encoder import PACKAGED
    from models.training.loop import LoopConfig
    from models.training.phase1 import RECIPES, run
    from models.training.plotting import can_draw

    if keep and start is None:
        raise UnusableInput(f"--keep {keep} says how much of a tagger is kept; name it by --start")
    if everything and start is None:
        raise UnusableInput(
            "--everything leaves nothing to choose a calibration by; name a tagger that has one by --start"
        )
    if config not in RECIPES:
        raise UnusableInput(f"there is no recipe {config!r}; --config is one of {', '.join(RECIPES)}")
    if not can_draw():
        say("no picture of the course will be drawn: matplotlib is not there (pip install 'tagwerk[train]')")
    recipe = RECIPES[config](LoopConfig(minutes=minutes))
    recipe = replace(recipe, base=base or PACKAGED, seed=seed, start=start, kept=keep, everything=everything)
    folder = run(recipe, data, out, resume=resume, say=say)
    say(f"wrote {folder}")


@app.command()
def llm(
    data: Annotated[Path, typer.Option(help="Folder of NER sets, one folder a set, as gzipped JSON Lines.")],
    minutes: Annotated[float, typer.Option(help="Minutes of training, over all resumed runs.", min=0.0)],
    out: Annotated[Path, typer.Option(help="Folder for the log, the checkpoint and the weights.")] = Path("runs/llm"),
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint, if there is one.")] = False,
    base: Annotated[
        str,
        typer.Option(help="`compact`, or a causal language model to tune with LoRA: a folder or a Hugging Face name."),
    ] = COMPACT,
    seed: Annotated[int, typer.Option(help="Seed of the batches and the fresh weights.")] = 0,
    removed: Annotated[
        float, typer.Option(help="Share of prompts some of whose labels are removed.", min=0.0, max=1.0)
    ] = 0.5,
    tagger: Annotated[Path | None, typer.Option(help="Folder of the tagger whose encoder finds examples.")] = None,
    start: Annotated[Path | None, typer.Option(help="Folder of a compact model to go on from.")] = None,
    rate: Annotated[float | None, typer.Option(help="Highest learning rate; the recipe's own if left out.")] = None,
) -> None:
    """Train a language model to tag as the examples in its prompt do (IF-WRANER)."""
    if not data.is_dir():
        raise UnusableInput(f"there is no folder {data}; --data must name a folder with one folder a set")
    if base != COMPACT and start is not None:
        raise UnusableInput(f"--start names a compact model to go on from; {base} starts from itself")
    if base == COMPACT:
        folder = _compact(data, out, minutes, tagger, start, removed=removed, rate=rate, seed=seed, resume=resume)
    else:
        folder = _tuned(base, data, out, minutes, tagger, removed=removed, rate=rate, seed=seed, resume=resume)
    say(f"wrote {folder}")


def _compact(
    data: Path,
    out: Path,
    minutes: float,
    tagger: Path | None,
    start: Path | None,
    *,
    removed: float,
    rate: float | None,
    seed: int,
    resume: bool,
) -> Path:
    from models.artifact import shipped_folder
    from models.training.episodes import EpisodeConfig
    from models.training.incontext import InContextTraining, run
    from models.training.loop import LoopConfig

    config = InContextTraining(
        loop=LoopConfig(minutes=minutes),
        tagger=tagger or shipped_folder(),
        start=start,
        episodes=EpisodeConfig(removed=removed),
        seed=seed,
    )
    return run(replace(config, rate=rate or config.rate), data, out, resume=resume, say=say)


def _tuned(
    base: str,
    data: Path,
    out: Path,
    minutes: float,
    tagger: Path | None,
    *,
    removed: float,
    rate: float | None,
    seed: int,
    resume: bool,
) -> Path:
    from models import artifact
    from models.devices import best_device, working_dtype
    from models.states import StateReader
    from models.training.instruct import InstructConfig, run
    from models.training.instructions import EpisodeConfig
    from models.training.loop import LoopConfig
    from retrieval.examples import build
    from retrieval.index import ExampleIndex
    from retrieval.search import ExampleSearch
    from retrieval.settings import RetrievalSettings

    device = best_device()
    folder = tagger or artifact.shipped_folder()
    reader = StateReader(artifact.load(folder, device=device, dtype=working_dtype(device)))
    settings = RetrievalSettings()
    index = ExampleIndex(settings)

    def searched(documents: Sequence[Document]) -> ExampleSearch:
        return ExampleSearch(index, build(documents, reader), reader, tenant="training", settings=settings)

    config = InstructConfig(
        loop=LoopConfig(minutes=minutes), base=base, episodes=EpisodeConfig(removed=removed), seed=seed
    )
    return run(replace(config, rate=rate or config.rate), data, out, searched, resume=resume, say=say)


@app.command(name="typer")
def typing(
    data: Annotated[Path, typer.Option(help="Folder of NER sets, one folder a set, as gzipped JSON Lines.")],
    minutes: Annotated[float, typer.Option(help="Minutes of training, over all resumed runs.", min=0.0)],
    out: Annotated[Path, typer.Option(help="Folder for the logs, the checkpoints and the weights.")] = Path(
        "runs/typer"
    ),
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoints, if there are any.")] = False,
    base: Annotated[
        str, typer.Option(help="Shipped tagger whose encoder is gone on from, or an encoder: a folder or a name.")
    ] = "default",
    seed: Annotated[int, typer.Option(help="Seed of the batches and the fresh weights.")] = 0,
    layers: Annotated[int, typer.Option(help="Layers of the encoder that are tuned, from the last.", min=0)] = 2,
    mlm: Annotated[float, typer.Option(help="Weight of the masked words; 0 leaves them out.", min=0.0)] = 0.1,
    nwp: Annotated[float, typer.Option(help="Weight of the words beside mentions; 0 leaves them out.", min=0.0)] = 0.1,
) -> None:
    """Train the typer on broad types (FiveFine, ultra-fine pre-training)."""
    if not data.is_dir():
        raise UnusableInput(f"there is no folder {data}; --data must name a folder with one folder a set")
    from models.training.loop import LoopConfig
    from models.training.typer import TyperTraining, run
    from models.typing_network import TyperConfig

    config = TyperTraining(
        loop=LoopConfig(minutes=minutes),
        base=base,
        network=TyperConfig(layers=layers),
        mlm=mlm,
        nwp=nwp,
        seed=seed,
    )
    say(f"wrote {run(config, data, out, resume=resume, say=say)}")
