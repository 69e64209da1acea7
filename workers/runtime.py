"""The model runtime of one worker process: device, number format, loaded taggers.

The only module that speaks to the device. Models are loaded when first asked for and kept; a process serves
one device.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from jobs import taggers
from jobs.errors import UnknownEngine

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import torch

    from models.tagger import Outcome, Tagger
    from models.types import Label
    from workers.settings import WorkerSettings

#: Taggers kept loaded; the one used longest ago goes first.
LOADED = 3


class Runtime:
    """Loads and runs taggers, the shipped ones and those in the folder `made_here`.

    Not thread-safe: one worker process runs one task at a time.
    """

    def __init__(self, settings: WorkerSettings, made_here: Path | None = None) -> None:
        self._settings = settings
        self._made_here = made_here
        self._loaded: dict[str, Tagger] = {}

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

    def tagger(self, name: str) -> Tagger:
        """The tagger of this name; raises UnknownTagger, or a ModelError where its files are not whole."""
        from models import artifact

        if name not in self._loaded:
            folder = taggers.find(name, self._made_here).folder
            self._loaded[name] = artifact.load(
                folder, base=self._settings.encoder, device=self.device, dtype=self.dtype
            )
            if len(self._loaded) > LOADED:
                del self._loaded[next(iter(self._loaded))]
        self._loaded[name] = self._loaded.pop(name)
        return self._loaded[name]

    def tag(self, engine: str, name: str, texts: Sequence[str], labels: Sequence[Label]) -> Iterator[list[Outcome]]:
        """Tag texts, yielding after every batch what that batch finished (see `models.tagger.Tagger.tag`)."""
        if engine != "biencoder":
            raise UnknownEngine(engine)
        return self.tagger(name).tag(texts, labels, budget=self._settings.batch_pieces)

    def margin(self, name: str) -> float:
        """How close to its threshold a score of this tagger is doubtful."""
        return self.tagger(name).calibration.margin
