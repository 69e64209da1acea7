"""LoRA on the compact language model by a user's examples, each with its nearest others beside it.

Owns the recipe's figures and how much is trained; drawing episodes, the loop and the loss are those that the model
itself was trained with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from models.compact import CompactGenerator
from models.incontext_lora import save_adapter, with_adapter
from models.training.episodes import EpisodeConfig, EpisodeSampler, Stored
from models.training.incontext import InContextLearning, InContextTraining
from models.training.llm_adapting import Tuned
from models.training.loop import LoopConfig, train
from models.training.support import supported
from models.types import Label

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from torch import Tensor

    from models.compact import Reading
    from models.encoder import Encoder
    from models.incontext import InContextModel
    from models.states import StateReader
    from models.types import Document

#: The one set of episodes.
_OWN = "examples"


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningConfig:
    """How much is trained, and how."""

    #: Most minutes of one training.
    minutes: float = 20.0
    #: Steps: each example so often, within these bounds.
    passes: int = 20
    least_steps: int = 40
    most_steps: int = 1500
    #: Units in a batch, padding counted.
    budget: int = 2048
    rate: float = 1e-3
    warmup: float = 0.1
    #: Share of episodes that show no examples, and of those some of whose labels are removed.
    bare: float = 0.1
    removed: float = 0.2
    checkpoint_minutes: float = 0.5
    seed: int = 0


class Tuning(InContextLearning):
    """The recipe: the adapter alone learns, and what it is worth is estimated from outside."""

    def __init__(
        self,
        config: InContextTraining,
        reader: StateReader,
        sampler: EpisodeSampler,
        network: InContextModel,
        dtype: torch.dtype,
    ) -> None:
        device = next(network.parameters()).device
        super().__init__(config, reader, sampler, (), network)
        # The model learns where it runs, which need not be the best device that there is.
        self.device = device
        self.module.to(device)
        # Small gradients vanish in float16.
        self.dtype = torch.float32 if dtype is torch.float16 else dtype

    def loss(self, step: int) -> Tensor:
        """As the model was trained; what is dropped out depends on the step alone, so that a stop changes nothing."""
        torch.manual_seed(1_000_003 * self.config.seed + step)
        return super().loss(step)


class CompactTuner:
    """Tunes copies of the compact model; see `models.training.llm_adapting.Tuner`."""

    def __init__(
        self,
        config: TuningConfig,
        network: InContextModel,
        reading: Reading,
        reader: StateReader,
        encoder: Encoder,
        labels: Sequence[Label],
        *,
        dtype: torch.dtype = torch.float32,
        start: Path | None = None,
    ) -> None:
        """`start` is the folder of an adapter to go on from."""
        self._dtype, self._start = dtype, start
        self._config, self._network, self._reading, self._reader = config, network, reading, reader
        self._tokenizer = encoder.tokenizer
        self._wordings = {label.name: reader.labels(_ways(label)) for label in labels}

    def __call__(self, documents: Sequence[Document], folder: Path, watch: Callable[[float], None]) -> Tuned:
        """Tune by documents, or go on from the checkpoint in a folder."""
        config = self._config
        stored = self._stored(documents)
        episodes = EpisodeConfig(budget=config.budget, bare=config.bare, removed=config.removed, renamed=0.0)
        sampler = EpisodeSampler({_OWN: stored}, {_OWN: self._wordings}, {_OWN: 1.0}, episodes, seed=config.seed)
        loop = LoopConfig(
            minutes=config.minutes,
            steps=_steps(config, stored),
            warmup=config.warmup,
            checkpoint_minutes=config.checkpoint_minutes,
            measure_minutes=0,
        )
        torch.manual_seed(config.seed)
        training = InContextTraining(loop=loop, rate=config.rate, weight_decay=0.0, seed=config.seed)
        recipe = Tuning(training, self._reader, sampler, with_adapter(self._network, self._start), self._dtype)
        train(recipe, loop, folder, resume=True, say=lambda _: None, watch=watch)
        tuned = recipe.module.eval()
        generator = CompactGenerator(
            self._reader, tuned, reading=self._reading, device=recipe.device, dtype=recipe.dtype
        )
        return Tuned(generator=generator, write=lambda place: save_adapter(place, tuned))

    def _stored(self, documents: Sequence[Document]) -> list[Stored]:
        passages = supported(documents, self._tokenizer)
        states = self._reader.read_passages([each.passage for each in passages])
        return [
            Stored(states=found.half(), spans=_flat(each.spans)) for each, found in zip(passages, states, strict=True)
        ]


def _steps(config: TuningConfig, stored: Sequence[Stored]) -> int:
    words = sum(len(each.states) for each in stored)
    # A batch holds its texts twice, as prompt and as answer, and the words of their examples: some six times as much.
    batches = max(1, round(6 * words / config.budget))
    return max(config.least_steps, min(config.most_steps, config.passes * batches))


def _ways(label: Label) -> list[Label]:
    """A label by its name alone, so that it is found by that too, and with what it means."""
    bare = Label(name=label.name)
    return [bare, Label(name=label.name, description=label.description)] if label.description else [bare]


def _flat(spans: Sequence[tuple[int, int, str]]) -> tuple[tuple[int, int, str], ...]:
    """Of spans that overlap the longest."""
    kept: list[tuple[int, int, str]] = []
    for span in sorted(spans, key=lambda span: (span[0] - span[1], span)):
        if all(span[1] < other[0] or other[1] < span[0] for other in kept):
            kept.append(span)
    return tuple(sorted(kept))
