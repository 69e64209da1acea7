"""What each method makes of examples: the artifact of a tagger, written whole, with its receipt.

Owns which method does what with which models; teaching itself is the models' business, the work around it (claims,
checkpoints, commits) that of `workers.adapting`.
"""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from models.errors import NotTunable
from workers.settings import COMPACT, REMOTE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from models.asking import Retriever
    from models.llm_artifact import LanguageManifest, SearchPlan
    from models.training.llm_adapting import Prompted, Tuner
    from models.types import Document, Label
    from models.typing_hierarchy import TypeTree
    from workers.language import Worn
    from workers.runtime import Runtime

#: Methods that make a bi-encoder of a bi-encoder.
EXTENDING = ("extend", "contrastive")
#: A language model that does better than the compact one, on an accelerator of 24 GB.
RECOMMENDED = "Qwen/Qwen2.5-7B-Instruct"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be learnt, checked."""

    #: Name of the tagger to make, and full name of the one that it starts from.
    name: str
    base: str
    method: str
    examples: Sequence[Document]
    labels: Sequence[Label]
    warnings: tuple[str, ...]
    #: What a typer is taught instead of labels.
    tree: TypeTree

    def about(self) -> dict[str, Any]:
        """What a receipt says of it."""
        return {"method": self.method, "base": self.base, "warnings": list(self.warnings)}


def teach(
    runtime: Runtime, order: Order, base: Path, work: Path, made: Path, watch: Callable[[str, float], None]
) -> None:
    """Make a tagger of the one in the folder `base`, in the folder `made`; `work` keeps what a killed run goes on from.

    `watch` is told stage and share, and may raise what ends the work.
    """
    if order.method in EXTENDING:
        _extend(runtime, order, base, work, made, watch)
    elif order.method == "finetype":
        _finetype(runtime, order, base, work, made, watch)
    else:
        _prompt(runtime, order, base, work, made, watch)
    _draw(work, made)


def advice(llm: str) -> str | None:
    """What is to be said of a language model that is small; None of others."""
    if llm != COMPACT:
        return None
    return f"the compact language model is small; a larger one does much better: TAGWERK_LLM={RECOMMENDED}"


def _extend(
    runtime: Runtime, order: Order, base: Path, work: Path, made: Path, watch: Callable[[str, float], None]
) -> None:
    from models import artifact
    from models.training import adapting
    from models.training.contrastive import contrastive

    pupil = runtime.pupil(base)
    config = runtime.extension()
    if order.method == "contrastive":
        config = contrastive(config)
    taught = adapting.adapt(config, pupil, order.examples, order.labels, work, watch)
    artifact.save(made, taught.tagger, name=order.name, receipt=order.about() | taught.receipt)


def _finetype(
    runtime: Runtime, order: Order, base: Path, work: Path, made: Path, watch: Callable[[str, float], None]
) -> None:
    from models.training.typing_adapting import adapt_typer
    from models.typer_artifact import save_typer

    config, minutes = runtime.fine_typing()
    pupil = runtime.typing_pupil(base)
    taught = adapt_typer(config, pupil, order.examples, order.tree, work, watch, minutes=minutes)
    save_typer(made, taught.typer, name=order.name, receipt=order.about() | taught.receipt)


def _draw(work: Path, made: Path) -> None:
    """Lay the picture of the training beside the artifact, where something was trained and could be drawn."""
    from models.training.adapting import PICTURE

    drawn = work / "learning" / PICTURE
    if drawn.is_file():
        shutil.copyfile(drawn, made / PICTURE)


def _prompt(
    runtime: Runtime, order: Order, base: Path, work: Path, made: Path, watch: Callable[[str, float], None]
) -> None:
    from models import llm_artifact
    from models.llm_artifact import SearchPlan
    from models.training.llm_adapting import Lesson, adapt
    from retrieval import stored

    prompted, plan = runtime.prompted, SearchPlan()
    worn = prompted.base(base)
    examples = prompted.examples(order.examples)
    retriever = prompted.rehearsal(examples, plan)
    lesson = Lesson(
        generator=worn.generator,
        retriever=retriever,
        examples=order.examples,
        labels=order.labels,
        budget=runtime.budget,
        window=worn.window,
    )
    tuner = _tuner(runtime, order, worn, retriever) if order.method == "lora" else None
    found = adapt(lesson, tuner, work, watch)
    said = {} if tuner is None else {"config": asdict(runtime.tuning())}

    def write(folder: Path) -> None:
        stored.save(folder / llm_artifact.EXAMPLES, examples)
        if found.tuned is not None:
            found.tuned.write(folder / llm_artifact.ADAPTER)
        elif worn.adapter is not None:
            shutil.copytree(worn.adapter, folder / llm_artifact.ADAPTER)

    llm_artifact.save(made, _manifest(order, worn, plan, found, said), write)


def _manifest(order: Order, worn: Worn, plan: SearchPlan, found: Prompted, said: dict[str, Any]) -> LanguageManifest:
    """What the artifact says of itself; `said` is what its receipt says besides."""
    from models.llm_artifact import LanguageManifest
    from models.prompting import VERSION

    if (text := advice(worn.base)) is not None:
        said = said | {"advice": text}
    about = {"llm": worn.base, "search": asdict(plan), "prompt": VERSION}
    return LanguageManifest(
        name=order.name,
        base=worn.base,
        base_fingerprint=worn.fingerprint,
        prompt=VERSION,
        search=plan,
        calibration=found.calibration,
        receipt=order.about() | found.receipt | about | said,
    )


def _tuner(runtime: Runtime, order: Order, worn: Worn, retriever: Retriever) -> Tuner:
    """What tunes the language model. Raises NotTunable."""
    config, languages = runtime.tuning(), runtime.languages
    if worn.base == COMPACT:
        from models.training.incontext_tuning import CompactTuner

        network, manifest = languages.compact
        below = (manifest.reading, languages.reader, languages.encoder)
        return CompactTuner(config, network, *below, order.labels, dtype=runtime.dtype, start=worn.adapter)
    if worn.base.startswith(REMOTE):
        raise NotTunable(f"{worn.base} is taught where it is served; choose the method 'retrieve'")
    if worn.adapter is not None:
        raise NotTunable(
            f"{order.base} has an adapter of {worn.base} already; name no tagger, and give all of its examples again"
        )
    from models.training.instruct_tuning import InstructTuner

    return InstructTuner(config, lambda: languages.fresh(worn), order.labels, retriever)
