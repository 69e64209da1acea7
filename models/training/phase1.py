"""Phase 1 of LITSET, label interpretation learning, for the bi-encoder.

    tagwerk train biencoder --data DIR --minutes 90 --out runs/biencoder --resume

Golde et al. (EACL 2024), section 3: cross-entropy over the labels of the batch, verbalisations re-sampled in
every batch. Owns the recipe; the loop, the batches and the network are shared.
"""

from __future__ import annotations

import copy
import shutil
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from models import artifact
from models.biencoder import BiEncoderConfig
from models.devices import best_device, working_dtype
from models.encoder import PACKAGED, load_encoder
from models.tagger import Calibration, Tagger
from models.tagging import grown
from models.training.contrasting import contrast
from models.training.contrasts import ContrastConfig
from models.training.course import Course
from models.training.heldout import calibrate, evaluate, load_familiar, load_groups
from models.training.loop import LoopConfig, train
from models.training.objectives import entropy
from models.training.sampling import Sampler, SamplingConfig
from models.training.sets import forbidden_sentences, load_mix, load_sentences

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from models.encoder import Encoder
    from models.training.heldout import Group
    from models.training.sets import Mix, Sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase1Config:
    """Everything that decides a run but the data folder."""

    loop: LoopConfig
    base: str = PACKAGED
    network: BiEncoderConfig = field(default_factory=BiEncoderConfig)
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    encoder_rate: float = 2e-4
    head_rate: float = 1e-3
    weight_decay: float = 0.01
    seed: int = 0
    #: How units are contrasted beside the cross-entropy; None for not at all.
    contrast: ContrastConfig | None = None
    #: A tagger to go on from, instead of the base with fresh heads, and the share of its weights that is kept in the
    #: end: what a longer training gains on types like those it shows, it loses on others, and a mean of the two has
    #: most of both (Wortsman et al., Robust fine-tuning of zero-shot models, CVPR 2022).
    start: Path | None = None
    kept: float = 0.0
    #: Whether the held-out groups are learnt too: the last part of a training, when all is chosen. Nothing is measured
    #: then, and scores are read as those of `start` are.
    everything: bool = False


def litset(loop: LoopConfig) -> Phase1Config:
    """The paper's own recipe (Golde et al., EACL 2024, section 3), the base encoder and the budget apart.

    Two encoders, words as begin and inside, a plain product with "outside" among the labels, negatives from the batch
    alone. The paper's rate of 1e-6 is for tens of thousands of steps; a run of minutes needs more.
    """
    network = BiEncoderConfig(
        scoring="bio",
        product="dot",
        outside="label",
        label_side="separate",
        pooling="first",
        projected=False,
        capitals=False,
    )
    sampling = SamplingConfig(negatives="batch", concatenated=0.0, dropped_labels=0.0, uncased=0.0)
    return Phase1Config(loop=loop, network=network, sampling=sampling, encoder_rate=5e-5)


def default(loop: LoopConfig) -> Phase1Config:
    """The recipe of the tagger that ships."""
    return Phase1Config(loop=loop)


def contrastive(loop: LoopConfig) -> Phase1Config:
    """The source stage of the contrastive framework (Zhang and Zhuang, arXiv 2404.17178), for spans.

    Passages are read with the labels of the batch behind them, and spans contrasted with each other.
    """
    sampling = SamplingConfig(suffix=True)
    return Phase1Config(
        loop=loop, network=BiEncoderConfig(suffix=True), sampling=sampling, contrast=ContrastConfig(alpha=0.2)
    )


#: Recipes by name.
RECIPES: dict[str, Callable[[LoopConfig], Phase1Config]] = {
    "default": default,
    "litset": litset,
    "contrastive": contrastive,
}


class Phase1:
    """The recipe: draws a batch a step and learns to tell its spans' labels apart."""

    def __init__(
        self,
        config: Phase1Config,
        encoder: Encoder,
        sampler: Sampler,
        groups: list[Group],
        familiar: Sequence[Group] = (),
    ) -> None:
        torch.manual_seed(config.seed)
        self.device = best_device()
        self.config = config
        self.tagger = _begun(config) if config.start else artifact.untrained(encoder, config.network)
        tuned = self.tagger.network.parameters() if config.kept else ()
        self._began = [parameter.detach().clone() for parameter in tuned]
        self.tagger.device, self.tagger.dtype = self.device, working_dtype(self.device)
        self.module = self.tagger.network.to(self.device)
        self.module.freeze_words()
        _without_dropout(self.module)
        self.optimizer = torch.optim.AdamW(
            parameter_groups(self.module, config.encoder_rate, config.head_rate), weight_decay=config.weight_decay
        )
        self._sampler, self.groups, self._familiar = sampler, groups, familiar

    def loss(self, step: int) -> Tensor:
        """Cross-entropy of every span over the offered labels and "outside", summed, per entity of the batch."""
        self.module.train()
        drawn = self._sampler.draw(step)
        batch, targets = drawn.batch.to(self.device), drawn.targets.to(self.device)
        with torch.autocast(self.device.type, self.tagger.dtype, enabled=self.tagger.dtype != torch.float32):
            labels = self.module.project_labels(self.module.encode_labels(*self._labels(drawn.label_texts)))
            pieces = self.module.encode_pieces(batch)
            ruled_out = drawn.ruled_out.to(self.device)
            if self.config.contrast is None:
                return entropy(self.module, pieces, batch, labels, targets, ruled_out)
            return contrast(self.module, pieces, batch, labels, targets, self.config.contrast, ruled_out)

    def measure(self) -> dict[str, Any]:
        """Mean strict F1 on the held-out groups, with the threshold that gives it; nothing where none are held out."""
        if not self.groups:
            return {}
        tagger = self.finished(Calibration())
        found = evaluate(tagger, self.groups)
        groups = {name: round(f1, 4) for name, f1 in found.groups.items()}
        return {"held_out_f1": round(found.f1, 4), "threshold": found.threshold, "groups": groups}

    def finished(self, calibration: Calibration) -> Tagger:
        """The module as it is, less what is kept of its start, as a tagger with empty caches."""
        old, kept = self.tagger, self.config.kept
        network = self.module
        if kept:
            network = copy.deepcopy(network)
            with torch.no_grad():
                for parameter, began in zip(network.parameters(), self._began, strict=True):
                    parameter.lerp_(began.to(parameter.device), kept)
        return Tagger(old.encoder, network, calibration, device=self.device, dtype=old.dtype)

    def calibrated(self) -> Tagger:
        """The finished tagger, its calibration chosen on the held-out and the familiar groups, if there are any."""
        if not self.groups:
            return self.finished(self.tagger.calibration)
        tagger = self.finished(Calibration())
        return tagger.recalibrated(calibrate(tagger, [*self.groups, *self._familiar]))

    def _labels(self, texts: tuple[str, ...]) -> tuple[Tensor, Tensor]:
        encoded = self.tagger.encoder.tokenizer(list(texts), padding=True, return_tensors="pt")
        return encoded["input_ids"].to(self.device), encoded["attention_mask"].to(self.device)


def _begun(config: Phase1Config) -> Tagger:
    """The tagger that a run goes on from, in the run's own configuration."""
    assert config.start is not None
    tagger = artifact.load(config.start)
    network = grown(tagger.encoder, tagger.network, config.network)
    return Tagger(tagger.encoder, network, tagger.calibration)


def _without_dropout(module: torch.nn.Module) -> None:
    # Runs of minutes see most sentences once: there is nothing to regularise, and dropout costs a quarter of a step.
    for part in module.modules():
        if isinstance(part, torch.nn.Dropout):
            part.p = 0.0


def parameter_groups(module: torch.nn.Module, encoder_rate: float, head_rate: float) -> list[dict[str, Any]]:
    """What the optimizer steps: the encoder at one peak rate, the heads at another, what is frozen not at all."""
    sides = ("encoder.", "label_encoder.")
    tuned = [(name, p) for name, p in module.named_parameters() if p.requires_grad]
    encoder = [p for name, p in tuned if name.startswith(sides)]
    head = [p for name, p in tuned if not name.startswith(sides)]
    return [{"params": encoder, "lr": encoder_rate}, {"params": head, "lr": head_rate}]


def read_sentences(data: Path, mix: Mix, encoder: Encoder) -> dict[str, list[Sentence]]:
    """Every set of the mix that is under `data`, ready to draw from."""
    forbidden = forbidden_sentences(data, mix)
    names = [name for name, weight in mix.weights.items() if weight > 0]
    return {name: load_sentences(data, name, mix, encoder.tokenizer, forbidden) for name in names}


def make_sampler(config: Phase1Config, sentences: dict[str, list[Sentence]], mix: Mix, encoder: Encoder) -> Sampler:
    """The source of batches from sentences that were read."""
    return Sampler(
        sentences,
        mix.weights,
        encoder.tokenizer,
        config.sampling,
        max_width=config.network.max_width,
        seed=config.seed,
        hidden={name: mix.hidden(name) for name in sentences},
    )


def run(config: Phase1Config, data: Path, folder: Path, *, resume: bool, say: Callable[[str], None]) -> Path:
    """Train, calibrate and write the tagger to `folder/tagger`; returns that folder."""
    mix = load_mix(everything=config.everything)
    if config.start:
        manifest = artifact.read_manifest(config.start)
        own, wanted = manifest.config, config.network
        own = replace(own, suffix=own.suffix or wanted.suffix, spread=own.spread or wanted.spread)
        config = replace(config, base=manifest.base, network=own)
    encoder = load_encoder(config.base)
    say(f"reading the sets under {data}")
    sampler = make_sampler(config, read_sentences(data, mix, encoder), mix, encoder)
    recipe = Phase1(config, encoder, sampler, load_groups(data, mix), load_familiar(data, mix))
    say("training")
    train(recipe, config.loop, folder, resume=resume, say=say)
    tagger = recipe.calibrated()
    target = folder / "tagger"
    shutil.rmtree(target, ignore_errors=True)
    receipt = _receipt(config, tagger, recipe) | {"course": Course.of(folder).told()}
    artifact.save(target, tagger, name="default", receipt=receipt)
    return target


def _receipt(config: Phase1Config, tagger: Tagger, recipe: Phase1) -> dict[str, Any]:
    receipt: dict[str, Any] = {
        "method": "phase 1: label interpretation learning",
        "sets": sorted(name for name, weight in load_mix(everything=config.everything).weights.items() if weight > 0),
        "config": asdict(config) | {"start": config.start and config.start.name},
        "device": str(recipe.device),
    }
    if recipe.groups:
        found = evaluate(tagger, recipe.groups)
        receipt["held_out_f1"] = round(found.f1, 4)
        receipt["held_out_groups"] = {name: round(f1, 4) for name, f1 in found.groups.items()}
    return receipt
