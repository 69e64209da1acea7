"""LoRA on a causal language model by a user's examples, each with its nearest others in the prompt.

Owns how much is trained on so few documents; episodes, loss and loop are those of `models.training.instruct`. Trained
is a copy that is loaded for it, since a base must stay what it is for every other tagger.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.asking import Retrieved
from models.causal import CausalGenerator
from models.training.instruct import InstructConfig, Instruction
from models.training.instructions import EpisodeConfig, EpisodeSource, Pool, own_wording
from models.training.llm_adapting import Tuned
from models.training.loop import LoopConfig, train

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from models.asking import Retriever
    from models.language import LanguageModel
    from models.training.incontext_tuning import TuningConfig
    from models.types import Document, Label

#: Examples in a step, by and large.
_TOGETHER = 8


class InstructTuner:
    """Tunes copies of a causal language model; see `models.training.llm_adapting.Tuner`."""

    def __init__(
        self,
        config: TuningConfig,
        load: Callable[[], LanguageModel],
        labels: Sequence[Label],
        retriever: Retriever,
    ) -> None:
        """`load` gives a base that nobody else uses, with an adapter to go on from where there is one."""
        self._config, self._load, self._labels, self._retriever = config, load, labels, retriever

    def __call__(self, documents: Sequence[Document], folder: Path, watch: Callable[[float], None]) -> Tuned:
        """Tune by documents, or go on from the checkpoint in a folder."""
        config, language = self._config, self._load()
        steps = config.passes * -(-len(documents) // _TOGETHER)
        loop = LoopConfig(
            minutes=config.minutes,
            steps=max(config.least_steps, min(config.most_steps, steps)),
            warmup=config.warmup,
            checkpoint_minutes=config.checkpoint_minutes,
            measure_minutes=0,
        )
        pool = Pool(
            documents=tuple(documents),
            wording=own_wording(self._labels),
            retriever=_Among(self._retriever, documents),
        )
        source = EpisodeSource([pool], EpisodeConfig(removed=config.removed))
        recipe = Instruction(InstructConfig(loop=loop, base=language.name, seed=config.seed), language, source)
        train(recipe, loop, folder, resume=True, say=lambda _: None, watch=watch)
        language.model.eval()  # type: ignore[no-untyped-call]
        return Tuned(generator=CausalGenerator(language), write=recipe.save)


@dataclass(frozen=True, slots=True)
class _Among:
    """A search that finds some of its documents alone: what is held out is not shown either."""

    whole: Retriever
    documents: Sequence[Document]

    def near(self, texts: Sequence[str]) -> list[Retrieved]:
        """See `Retriever`."""
        texts_seen = {document.text for document in self.documents}
        return [
            Retrieved(
                examples=tuple(each for each in found.examples if each.text in texts_seen), degraded=found.degraded
            )
            for found in self.whole.near(texts)
        ]
