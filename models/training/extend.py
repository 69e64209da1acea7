"""Phase 2 of LITSET, few-shot tagset extension, for the bi-encoder.

Golde et al. (EACL 2024, section 3.2): both encoders go on learning from the support set, with the user's own
labels as the label side. Owns the recipe and what "extended" means; checking examples and judging the outcome
are elsewhere.
"""

from __future__ import annotations

import copy
import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

from models.inside import InsideBiEncoder
from models.memory import Recall
from models.suffix import suffix
from models.tagger import Tagger
from models.tagging import grown
from models.training.contrasting import contrast
from models.training.loop import LoopConfig, train
from models.training.objectives import entropy
from models.training.phase1 import parameter_groups
from models.training.remembering import remembering, transitions
from models.training.support import SupportSampler, supported
from models.types import Label
from models.verbalise import label_text, shipped_labels

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from models.biencoder import Batch, BiEncoder
    from models.training.contrasts import ContrastConfig
    from models.types import Document


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtendConfig:
    """Everything that decides an extension but the examples."""

    #: Most minutes of one training.
    minutes: float = 20.0
    #: Steps: so many for every batch of the support set, within these bounds.
    passes: int = 20
    least_steps: int = 40
    most_steps: int = 1500
    #: Pieces in a batch, padding counted.
    budget: int = 1024
    encoder_rate: float = 1e-4
    head_rate: float = 5e-4
    weight_decay: float = 0.01
    dropout: float = 0.1
    warmup: float = 0.1
    #: How often a label is shown by its name alone, so that it is found by its name too.
    bare_names: float = 0.3
    #: Weight of staying with the base's answers about other labels, and how many are asked at a step; against
    #: forgetting, without any text but the examples' (Li and Hoiem, Learning without Forgetting, ECCV 2016).
    rehearsal: float = 0.0
    rehearsed_labels: int = 8
    #: Share of what was learnt in the weights that are kept, the rest being the base's: gives a little of the new
    #: for much of the old (Wortsman et al., Robust fine-tuning of zero-shot models, CVPR 2022).
    blend: float = 0.85
    #: How units are contrasted beside the cross-entropy (Zhang and Zhuang, arXiv 2404.17178); None for not at all.
    contrast: ContrastConfig | None = None
    #: What is learnt and tagged: "" for what the base does, "io" for words inside or outside of labels.
    scoring: str = ""
    #: Whether passages are read with the labels behind them.
    suffix: bool = False
    #: Whether units and labels have variances of their own.
    spread: bool = False
    #: Share of the nearest units of the examples in a score; with none nothing of the examples is kept but of words.
    neighbours: float = 0.0
    #: Whether words are tagged by the likeliest path through a sentence.
    path: bool = False
    #: As of `LoopConfig`.
    patience: int = 0
    #: Threshold of labels that name none, on the scores of a tagger that was extended.
    threshold: float = 0.3
    checkpoint_minutes: float = 0.5
    seed: int = 0


class Extension:
    """The recipe: the support set's labels against its spans, and the base's answers kept elsewhere."""

    def __init__(
        self, config: ExtendConfig, base: Tagger, examples: Sequence[Document], labels: Sequence[Label]
    ) -> None:
        torch.manual_seed(config.seed)
        self.config, self.labels = config, list(labels)
        self.base = base
        self.module = pupil(base, config)
        if self.module.config.scoring == "bio":
            # Begin and inside are no units that could be contrasted or remembered.
            self.config = replace(config, contrast=None, neighbours=0.0)
        self.module.freeze_words()
        for part in self.module.modules():
            if isinstance(part, torch.nn.Dropout):
                part.p = config.dropout
        self.optimizer = torch.optim.AdamW(
            parameter_groups(self.module, config.encoder_rate, config.head_rate), weight_decay=config.weight_decay
        )
        tokenizer = base.encoder.tokenizer
        self.support = supported(examples, tokenizer)
        self._sampler = SupportSampler(
            self.support,
            [label.name for label in labels],
            tokenizer,
            budget=config.budget,
            max_width=base.network.config.max_width,
            seed=config.seed,
            suffix=suffix(self.labels, tokenizer) if self.module.config.suffix else (),
        )
        own = {label.name.casefold() for label in labels}
        self._others = [label for label in shipped_labels() if label.name.casefold() not in own]

    @property
    def steps(self) -> int:
        """How many steps this support set is given."""
        config = self.config
        return max(config.least_steps, min(config.most_steps, config.passes * self._sampler.batches))

    def loss(self, step: int) -> Tensor:
        """Cross-entropy over the user's labels and "outside", as in phase 1, and the rehearsal beside it."""
        self.module.train()
        rng = random.Random(f"{self.config.seed}:{step}:wording")
        batch, targets = self._sampler.draw(step)
        batch, targets = batch.to(self.base.device), targets.to(self.base.device)
        others = rng.sample(self._others, self.config.rehearsed_labels) if self.config.rehearsal else []
        texts = [self._worded(label, rng) for label in self.labels] + [label_text(label) for label in others]
        with self._autocast():
            pieces = self.module.encode_pieces(batch)
            vectors = self.module.project_labels(self._states(self.module, texts))
            own = len(self.labels)
            loss = self._learnt(pieces, batch, vectors[:own], targets)
            if others:
                scores = self.module.score_spans(pieces, batch, vectors[own:])
                loss = loss + self.config.rehearsal * self._rehearsal(batch, targets == 0, scores, texts[own:])
        return loss

    def measure(self) -> dict[str, Any]:
        """Nothing: what an extension is worth is estimated from outside, on examples it has not seen."""
        return {}

    def finished(self) -> Tagger:
        """The module as it is, as a tagger; the base's reading of scores is not its own any more."""
        base = self.base
        network = copy.deepcopy(self.module).eval()
        began = dict(base.network.named_parameters())
        with torch.no_grad():
            # Each parameter once: a shared encoder stands in the state twice. What the base has not is kept as learnt.
            for name, learnt in network.named_parameters():
                if name in began:
                    learnt.copy_(began[name].lerp(learnt, self.config.blend))
        # Examples are annotated whole, so scores need no shift to make up for what training offered.
        calibration = replace(base.calibration, shift=0.0, temperature=1.0, threshold=self.config.threshold)
        tagger = Tagger(base.encoder, network, calibration, device=base.device, dtype=base.dtype)
        if not self.config.neighbours and not isinstance(network, InsideBiEncoder):
            return tagger
        return remembering(tagger, self.support, self.labels, self._recall())

    def _recall(self) -> Recall:
        config = self.config
        return Recall(
            labels=tuple(label.name for label in self.labels),
            share=config.neighbours,
            distance=config.contrast.distance if config.contrast else "euclidean",
            transitions=transitions(self.support) if config.path else None,
        )

    def _learnt(self, pieces: Tensor, batch: Batch, vectors: Tensor, targets: Tensor) -> Tensor:
        if self.config.contrast is None:
            return entropy(self.module, pieces, batch, vectors, targets)
        return contrast(self.module, pieces, batch, vectors, targets, self.config.contrast)

    def _worded(self, label: Label, rng: random.Random) -> str:
        return label_text(Label(name=label.name) if rng.random() < self.config.bare_names else label)

    def _rehearsal(self, batch: Batch, outside: Tensor, scores: Tensor, texts: list[str]) -> Tensor:
        """Cross-entropy with the base's chances of the other labels, where the examples say nothing is."""
        with torch.no_grad():
            taught = self.base.network(batch, self._states(self.base.network, texts))
        chances = functional.pad(taught[outside].float(), (1, 0)).softmax(-1)
        told = functional.pad(scores[outside].float(), (1, 0)).log_softmax(-1)
        return -(chances * told).sum() / chances[:, 1:].sum().clamp_min(8)

    def _states(self, network: BiEncoder, texts: list[str]) -> Tensor:
        encoded = self.base.encoder.tokenizer(texts, padding=True, truncation=True, max_length=128, return_tensors="pt")
        device = self.base.device
        return network.encode_labels(encoded["input_ids"].to(device), encoded["attention_mask"].to(device))

    def _autocast(self) -> torch.autocast:
        base = self.base
        return torch.autocast(base.device.type, base.dtype, enabled=base.dtype != torch.float32)


def pupil(base: Tagger, config: ExtendConfig) -> BiEncoder:
    """A copy of the base's network with what the extension adds."""
    own = base.network.config
    wanted = replace(
        own,
        scoring=config.scoring or own.scoring,
        suffix=config.suffix or own.suffix,
        spread=config.spread or own.spread,
    )
    return grown(base.encoder, base.network, wanted).to(base.device)


def extend(
    config: ExtendConfig,
    base: Tagger,
    examples: Sequence[Document],
    labels: Sequence[Label],
    folder: Path,
    *,
    watch: Callable[[float], None] | None = None,
) -> Tagger:
    """Extend a tagger by labelled documents; `folder` keeps the checkpoint that a killed run goes on from.

    `watch` is told the share of the work that is done; what it raises ends the work.
    """
    recipe = Extension(config, base, examples, labels)
    loop = LoopConfig(
        minutes=config.minutes,
        steps=recipe.steps,
        warmup=config.warmup,
        checkpoint_minutes=config.checkpoint_minutes,
        measure_minutes=0,
        patience=config.patience,
    )
    train(recipe, loop, folder, resume=True, say=lambda _: None, watch=watch)
    return recipe.finished()
