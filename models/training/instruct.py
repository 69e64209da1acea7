"""Instruction tuning with LoRA for causal language models, after IF-WRANER.

    tagwerk train llm --data DIR --base MODEL --minutes 120 --out runs/llm --resume

Nandi and Agrawal (EMNLP 2024 Industry): source-domain sentences with retrieved examples already in the prompt, the
loss on the answer alone, labels removed and shuffled so that the prompt's list is obeyed. What is learnt is to read
a prompt and to keep to its format; a new domain comes in by its examples. Owns the recipe; the loop is shared.
"""

from __future__ import annotations

import inspect
import random
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.causal import CausalGenerator
from models.devices import best_device
from models.errors import BadTrainingData, WindowTooLong
from models.language import attached, load_language_model
from models.llm import LLMTagger
from models.prompting import fit
from models.scores import score
from models.training.heldout import load_groups
from models.training.instructions import EpisodeConfig, EpisodeSource, Pool, source_wording
from models.training.loop import LoopConfig, train
from models.training.objectives import IGNORED
from models.training.sets import forbidden_sentences, load_mix, training_documents

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from transformers import PreTrainedModel

    from models.asking import Retriever
    from models.language import LanguageModel
    from models.training.heldout import Group
    from models.training.instructions import Episode
    from models.training.sets import Mix
    from models.types import Document

    #: Makes a search over labelled documents.
    Index = Callable[[Sequence[Document]], Retriever]

#: Documents whose examples are searched for together.
_TOGETHER = 4
#: Draws of a step that may bring nothing that fits.
_PATIENCE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class InstructConfig:
    """Everything that decides a tuning but the data."""

    loop: LoopConfig
    base: str
    episodes: EpisodeConfig = field(default_factory=EpisodeConfig)
    #: LoRA: size, scale, dropout, and the layers that get it, as peft names them.
    rank: int = 16
    alpha: int = 32
    dropout: float = 0.05
    targets: str = "all-linear"
    rate: float = 2e-4
    weight_decay: float = 0.0
    #: Most pieces of one episode, and of a batch, padding counted.
    context: int = 2048
    budget: int = 8192
    #: Whether activations are computed twice to save memory.
    checkpointing: bool = False
    #: Most documents of a set that are searched for examples, and of a held-out group.
    documents: int = 3000
    measured: int = 40
    seed: int = 0


class AdapterWeights(nn.Module):
    """The weights of a model that are trained, and nothing of its base; shared with it, not copied."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        trained = {name.replace(".", "/"): p for name, p in model.named_parameters() if p.requires_grad}
        self.weights = nn.ParameterDict(trained)


class Instruction:
    """The recipe: episodes into prompts and answers, and the loss of the answers' pieces."""

    def __init__(
        self,
        config: InstructConfig,
        language: LanguageModel,
        source: EpisodeSource,
        held_out: Sequence[tuple[Group, Retriever | None]] = (),
    ) -> None:
        """`language` is changed for good and must wear no adapter; load another one to tag with."""
        from peft import LoraConfig

        torch.manual_seed(config.seed)
        self.config, self.language, self._source, self._held_out = config, language, source, held_out
        lora = LoraConfig(
            r=config.rank, lora_alpha=config.alpha, lora_dropout=config.dropout, target_modules=config.targets
        )
        self._adapted = attached(language.model, lora, "default")
        self._dtype = language.model.dtype
        if config.checkpointing:
            model: Any = language.model
            # transformers gave it a new name on the way.
            enable = getattr(model, "activation_checkpointing_enable", None) or model.gradient_checkpointing_enable
            enable()
            model.enable_input_require_grads()
        self.module = AdapterWeights(self._adapted)
        self.optimizer = torch.optim.AdamW(self.module.parameters(), lr=config.rate, weight_decay=config.weight_decay)

    def loss(self, step: int) -> Tensor:
        """Cross-entropy of the answers' pieces, each piece alike."""
        self._adapted.train()
        device = self.language.device
        with torch.autocast(device.type, self._dtype, enabled=self._dtype != torch.float32):
            return answer_loss(self.language.model, self.draw(step))

    def draw(self, step: int) -> list[tuple[list[int], list[int]]]:
        """Prompts and answers of a step, as pieces; the seed and the step decide them."""
        rng = random.Random(f"{self.config.seed}:{step}")
        found: list[tuple[list[int], list[int]]] = []
        for _ in range(_PATIENCE):
            for episode in self._source.draw(rng, _TOGETHER):
                spelled = self.spelled(episode)
                if spelled is None:
                    continue
                longest = max(len(prompt) + len(answer) for prompt, answer in [*found, spelled])
                if found and longest * (len(found) + 1) > self.config.budget:
                    return found
                found.append(spelled)
        if not found:
            raise BadTrainingData(f"no episode fits {self.config.context:,} pieces: give fewer labels or more context")
        return found

    def spelled(self, episode: Episode) -> tuple[list[int], list[int]] | None:
        """An episode's prompt and answer as pieces; None where they do not fit."""
        language, ask = self.language, episode.ask
        context = min(self.config.context, language.context)
        answer = language.speller.answer(ask.text, ask.labels, episode.spans)
        try:
            prompt = fit(ask, lambda text: len(language.framed(text)), context)
        except WindowTooLong:
            return None
        # The room that is kept free is an estimate.
        return (language.framed(prompt.text), answer) if prompt.pieces + len(answer) <= context else None

    def measure(self) -> dict[str, Any]:
        """Mean strict F1 on the held-out groups, with examples from each group's own; nothing where there are none."""
        if not self._held_out:
            return {}
        self._adapted.eval()
        generator = CausalGenerator(self.language)
        found: dict[str, float] = {}
        for group, retriever in self._held_out:
            tagger = LLMTagger(generator, retriever, window=generator.window)
            texts = [document.text for document in group.documents]
            predicted = tagger.predict(texts, group.labels, budget=self.config.budget)
            gold = [document.entities or () for document in group.documents]
            found[group.name] = round(score(gold, [prediction.spans for prediction in predicted]).f1, 4)
        return {"held_out_f1": round(sum(found.values()) / len(found), 4), "groups": found}

    def save(self, folder: Path) -> None:
        """Write the adapter as peft does, for `LanguageModel.adopt`."""
        self._adapted.save_pretrained(str(folder))


def answer_loss(model: PreTrainedModel, items: Sequence[tuple[Sequence[int], Sequence[int]]]) -> Tensor:
    """Mean cross-entropy of the answers' pieces after their prompts.

    Answers end together on the right, so that logits are computed for the last places alone.
    """
    device = model.device
    longest = max(len(prompt) + len(answer) for prompt, answer in items)
    last = max(len(answer) for _, answer in items)
    pads = [longest - len(prompt) - len(answer) for prompt, answer in items]
    ids = torch.tensor(
        [[0] * pad + [*prompt, *answer] for pad, (prompt, answer) in zip(pads, items, strict=True)], device=device
    )  # (b, t)
    mask = (torch.arange(longest, device=device) >= torch.tensor(pads, device=device).unsqueeze(1)).long()
    targets = torch.tensor(
        [[IGNORED] * (last - len(answer)) + [*answer] for _, answer in items], device=device
    )  # (b, last)
    known = inspect.signature(model.forward).parameters
    more: dict[str, Any] = {"logits_to_keep": last + 1} if "logits_to_keep" in known else {}
    if "position_ids" in known:
        more["position_ids"] = (mask.cumsum(1) - 1).clamp_min(0)
    logits = model(input_ids=ids, attention_mask=mask, use_cache=False, **more).logits
    wanted = logits[:, -last - 1 : -1].float()  # (b, last, vocabulary): each place says the next
    return functional.cross_entropy(wanted.flatten(0, 1), targets.flatten(), ignore_index=IGNORED)


def source_pools(config: InstructConfig, data: Path, mix: Mix, index: Index | None) -> list[Pool]:
    """The sets of the mix that are under `data`, each with a search of its own, or without."""
    forbidden = forbidden_sentences(data, mix)
    pools = []
    for name, weight in mix.weights.items():
        if weight > 0:
            documents = _some(training_documents(data, name, mix, forbidden), config.documents, config.seed)
            pools.append(
                Pool(
                    documents=documents,
                    wording=source_wording(name, mix.hidden(name)),
                    retriever=index(documents) if index else None,
                    weight=weight,
                )
            )
    return pools


def held_out_groups(
    config: InstructConfig, data: Path, mix: Mix, index: Index | None
) -> list[tuple[Group, Retriever | None]]:
    """The mix's held-out groups: of each, every other document is measured and the rest are searched for examples."""
    return [
        (replace(group, documents=group.documents[::2]), index(group.documents[1::2]) if index else None)
        for group in load_groups(data, mix, 2 * config.measured)
    ]


def run(
    config: InstructConfig,
    data: Path,
    folder: Path,
    index: Index | None,
    *,
    resume: bool,
    say: Callable[[str], None],
) -> Path:
    """Tune a base on the sets under `data` and write the adapter to `folder/adapter`; returns that folder.

    `index` makes the search for examples; without it examples are drawn at random. Raises GeneratorNotFound and
    BadTrainingData.
    """
    mix = load_mix()
    say(f"loading {config.base}")
    language = load_language_model(config.base, device=best_device())
    say(f"reading the sets under {data}")
    source = EpisodeSource(source_pools(config, data, mix, index), config.episodes)
    recipe = Instruction(config, language, source, held_out_groups(config, data, mix, index))
    say("training")
    train(recipe, config.loop, folder, resume=resume, say=say)
    target = folder / "adapter"
    recipe.save(target)
    return target


def _some(documents: Sequence[Document], most: int, seed: int) -> tuple[Document, ...]:
    if len(documents) <= most:
        return tuple(documents)
    return tuple(random.Random(seed).sample(documents, most))
