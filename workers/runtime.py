"""The model runtime of one worker process: device, number format, loaded taggers.

The only module that speaks to the device. Models are loaded when first asked for and kept; a process serves
one device. A tagger is named here by the folder it lies in.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from jobs.errors import EngineMismatch, UnknownEngine
from jobs.taggers import DEFAULT, ENGINES
from models.shipped import SHIPPED
from retrieval.settings import RetrievalSettings
from workers.language import Languages
from workers.prompted import PromptedTaggers
from workers.typers import Typers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import torch

    from models.tagger import Outcome, Tagger
    from models.training.extend import ExtendConfig
    from models.training.finetype import FineTypeConfig
    from models.training.incontext_tuning import TuningConfig
    from models.typer import Typer
    from models.types import Label
    from workers.settings import WorkerSettings

#: Taggers kept loaded; the one used longest ago goes first.
LOADED = 3
#: Steps of a typer's training and most pieces of its prompts, as `benchmarks.typing_ontonotes` has them.
TYPING_STEPS, TYPING_PIECES = 60, 64


class Runtime:
    """Loads and runs taggers. Not thread-safe: one worker process runs one task at a time."""

    def __init__(self, settings: WorkerSettings, retrieval: RetrievalSettings | None = None) -> None:
        self._settings = settings
        self._loaded: dict[Path, Tagger] = {}
        self._default: Tagger | None = None
        self.languages = Languages(settings, self._reading)
        #: Taggers of the engine `llm`.
        self.prompted = PromptedTaggers(self.languages, retrieval or RetrievalSettings())
        #: Taggers of the engine `typer`.
        self.typers = Typers(self._typer, settings.batch_pieces)

    @cached_property
    def device(self) -> torch.device:
        """Where models run."""
        from models.devices import best_device

        return best_device(self._settings.device)

    @cached_property
    def dtype(self) -> torch.dtype:
        """The number format that models run in."""
        from models.devices import working_dtype

        return working_dtype(self.device, self._settings.dtype)

    def tagger(self, folder: Path) -> Tagger:
        """The tagger that lies in a folder; raises a ModelError where its files are not whole."""
        from models import artifact

        if folder not in self._loaded:
            self._loaded[folder] = artifact.load(
                folder, base=self._settings.encoder, device=self.device, dtype=self.dtype
            )
            if len(self._loaded) > LOADED:
                del self._loaded[next(iter(self._loaded))]
        self._loaded[folder] = self._loaded.pop(folder)
        return self._loaded[folder]

    def pupil(self, folder: Path) -> Tagger:
        """The same tagger as training may take it: in float16 it would learn nothing from small gradients."""
        import torch

        from models.tagger import Tagger

        tagger = self.tagger(folder)
        if tagger.dtype is not torch.float16:
            return tagger
        return Tagger(tagger.encoder, tagger.network, tagger.calibration, device=tagger.device, memory=tagger.memory)

    def extension(self) -> ExtendConfig:
        """How much an adaptation may train here."""
        from models.training.extend import ExtendConfig

        steps, least = self._settings.adapt_steps, ExtendConfig().least_steps
        minutes = self._settings.adapt_minutes
        return ExtendConfig(minutes=minutes, most_steps=steps, least_steps=min(least, steps))

    def typing_pupil(self, folder: Path) -> Typer:
        """A typer as training may take it; as `pupil`."""
        import torch

        from models.typer import Typer

        typer = self.typers.typer(folder)
        if typer.dtype is not torch.float16:
            return typer
        return Typer(typer.encoder, typer.network, typer.judgement, device=typer.device)

    def fine_typing(self) -> tuple[FineTypeConfig, float]:
        """How a typer is taught here, and most minutes of each training."""
        from models.training.finetype import FineTypeConfig

        steps = min(TYPING_STEPS, self._settings.adapt_steps)
        return FineTypeConfig(steps=steps, pieces=TYPING_PIECES), self._settings.adapt_minutes

    @property
    def budget(self) -> int:
        """Most padded pieces in a batch."""
        return self._settings.batch_pieces

    def tuning(self) -> TuningConfig:
        """How much the tuning of a language model may train here."""
        from models.training.incontext_tuning import TuningConfig

        steps, least = self._settings.adapt_steps, TuningConfig().least_steps
        return TuningConfig(minutes=self._settings.adapt_minutes, most_steps=steps, least_steps=min(least, steps))

    def tag(
        self, engine: str, folder: Path, texts: Sequence[str], labels: Sequence[Label], *, tenant: str = "local"
    ) -> Iterator[list[Outcome]]:
        """Tag texts, yielding after every batch what that batch finished (see `models.tagger.Tagger.tag`).

        Raises UnknownEngine, and EngineMismatch where the tagger is of another.
        """
        from models.manifests import read

        if engine not in ENGINES:
            raise UnknownEngine(engine)
        own = read(folder).engine
        if own != engine:
            raise EngineMismatch(folder.name, own, engine)
        tagger = self.prompted.tagger(folder, tenant) if engine == "llm" else self.tagger(folder)
        return tagger.tag(texts, labels, budget=self.budget)

    def margin(self, folder: Path) -> float:
        """How close to its threshold a score of this tagger is doubtful."""
        from models.manifests import read

        if read(folder).engine == "llm":
            return self.prompted.calibration(folder).margin
        return self.tagger(folder).calibration.margin

    def _typer(self, folder: Path) -> Typer:
        from models.typer_artifact import load_typer

        return load_typer(folder, device=self.device, dtype=self.dtype)

    def _reading(self) -> Tagger:
        """The tagger whose encoder reads words in context; kept whatever else is loaded."""
        if self._default is None:
            self._default = self.tagger(SHIPPED / DEFAULT)
        return self._default
