"""The recipe of the in-context model: public sets as episodes, loss on the answers alone.

    tagwerk train llm --data DIR --minutes 60 --out runs/llm --resume

Owns what is stored and learnt; drawing episodes is `models.training.episodes`', what the result is worth is
`models.training.incontext_judging`'s, the loop is shared.
"""

from __future__ import annotations

import random
import shutil
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from models import artifact
from models.compact import CompactGenerator
from models.devices import best_device, working_dtype
from models.incontext import BEGIN, InContextConfig, InContextModel
from models.incontext_artifact import load_model, read_model_manifest, save_model
from models.passages import Passage
from models.states import StateReader
from models.training.episodes import EpisodeConfig, EpisodeSampler, Stored
from models.training.heldout import load_familiar, load_groups
from models.training.incontext_judging import HeldOut, chosen, judged, mean
from models.training.loop import train
from models.training.objectives import IGNORED
from models.training.sets import forbidden_sentences, load_mix, load_sentences
from models.types import Label
from models.verbalise import Verbalisation, verbalisations

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from models.compact import Reading
    from models.tagger import Tagger
    from models.training.heldout import Group
    from models.training.loop import LoopConfig
    from models.training.sets import Mix, Sentence


#: Sentences of a held-out group that are looked at; every other one is an example for the rest.
GROUP_SENTENCES = 120
#: What BERT calls the parts of a layer.
_NAMES = {
    "attention.self.query": "query",
    "attention.self.key": "key",
    "attention.self.value": "value",
    "attention.output.dense": "mixed",
    "attention.output.LayerNorm": "first_norm",
    "intermediate.dense": "inner",
    "output.dense": "outer",
    "output.LayerNorm": "second_norm",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class InContextTraining:
    """Everything that decides a run but the data folder."""

    loop: LoopConfig
    #: Folder of the tagger whose encoder reads the words; it stays as it is.
    tagger: Path = field(default_factory=artifact.shipped_folder)
    #: Folder of an in-context model to go on from, which also says the network's shape; None for fresh weights.
    start: Path | None = None
    network: InContextConfig = field(default_factory=InContextConfig)
    episodes: EpisodeConfig = field(default_factory=EpisodeConfig)
    #: Weight of what the layers say alone: what can be copied from examples would leave them little to learn from.
    unmixed: float = 0.5
    #: Most sentences of a set that are stored.
    stored: int = 4000
    rate: float = 5e-4
    weight_decay: float = 0.01
    seed: int = 0


class InContextLearning:
    """The recipe: every word's tag, given the prompt and the right tags before it."""

    def __init__(
        self,
        config: InContextTraining,
        reader: StateReader,
        sampler: EpisodeSampler,
        groups: Sequence[Group],
        network: InContextModel | None = None,
        familiar: Sequence[Group] = (),
    ) -> None:
        """Trains what of `network` asks for gradients, or all of a fresh one.

        It is measured on `groups`; how it is read is chosen on these and the `familiar` ones.
        """
        torch.manual_seed(config.seed)
        self.config, self.reader, self.groups, self._familiar = config, reader, groups, familiar
        self.device = best_device()
        self.dtype = working_dtype(self.device)
        self.module = (network or InContextModel(config.network)).to(self.device)
        trained = [parameter for parameter in self.module.parameters() if parameter.requires_grad]
        self.optimizer = torch.optim.AdamW(trained, lr=config.rate, weight_decay=config.weight_decay, betas=(0.9, 0.98))
        self._sampler = sampler

    def loss(self, step: int) -> Tensor:
        """Cross-entropy of the tags, summed, per entity of the batch."""
        self.module.train()
        drawn = self._sampler.draw(step)
        prompts = drawn.prompts.to(self.device)
        tags, owners, targets, weights = (
            each.to(self.device) for each in (drawn.tags, drawn.owners, drawn.targets, drawn.weights)
        )
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
            mixed, said = self.module.write(prompts, self.module.read(prompts), tags, owners)
        lost = _surprise(mixed, targets, weights) + self.config.unmixed * _surprise(said, targets, weights)
        return lost / (targets >= BEGIN).sum().clamp_min(8)

    def measure(self) -> dict[str, Any]:
        """What the model is worth on the held-out groups as it is, read plainly; nothing where there are none."""
        if not self.groups:
            return {}
        found = judged(self._generator(), self._held_out)
        means = {name: mean(scores) for name, scores in found.items()}
        told = {"held_out_f1": means["examples"], "bare_f1": means["bare"], "violations": means["violations"]}
        return told | {"groups": found}

    def chosen(self) -> tuple[Reading, dict[str, dict[str, float]]]:
        """How the model is best read, and what it is worth by group then."""
        familiar = [HeldOut(group, self.reader, self.config.episodes.examples) for group in self._familiar]
        return chosen(self._generator(), [*self._held_out, *familiar])

    def _generator(self) -> CompactGenerator:
        return CompactGenerator(self.reader, self.module, device=self.device, dtype=self.dtype)

    @cached_property
    def _held_out(self) -> list[HeldOut]:
        return [HeldOut(group, self.reader, self.config.episodes.examples) for group in self.groups]


def _surprise(told: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    lost = nn.functional.nll_loss(told.flatten(0, 1), targets.flatten(), ignore_index=IGNORED, reduction="none")
    return (lost * weights.flatten()).sum()


def store(
    data: Path, mix: Mix, reader: StateReader, tagger: Tagger, limit: int, say: Callable[[str], None]
) -> dict[str, list[Stored]]:
    """The mix's training sentences as states, at most `limit` of each set, drawn by lot."""
    forbidden = forbidden_sentences(data, mix)
    stored: dict[str, list[Stored]] = {}
    for name in (name for name, weight in mix.weights.items() if weight > 0):
        sentences = load_sentences(data, name, mix, tagger.encoder.tokenizer, forbidden)
        random.Random(name).shuffle(sentences)
        stored[name] = _stored(sentences[:limit], reader)
        say(f"{name}: {len(stored[name])} of {len(sentences)} sentences")
    return stored


def _stored(sentences: Sequence[Sentence], reader: StateReader) -> list[Stored]:
    vectors = reader.read_passages([_passage(sentence) for sentence in sentences], budget=8192)
    return [
        Stored(states=states.half(), spans=_flat(sentence.spans))
        for sentence, states in zip(sentences, vectors, strict=True)
    ]


def _passage(sentence: Sentence) -> Passage:
    return Passage(
        pieces=tuple(piece for word in sentence.pieces for piece in word),
        word_of=tuple(i for i, word in enumerate(sentence.pieces) for _ in word),
        shapes=sentence.shapes,
        words=(),
        owned=(0, len(sentence.pieces)),
    )


def _flat(spans: Sequence[tuple[int, int, str]]) -> tuple[tuple[int, int, str], ...]:
    """Of spans that overlap the longest, as a text that is written once can hold no other."""
    kept: list[tuple[int, int, str]] = []
    for span in sorted(spans, key=lambda span: (span[0] - span[1], span)):
        if all(span[1] < other[0] or other[1] < span[0] for other in kept):
            kept.append(span)
    return tuple(sorted(kept))


def wordings(mix: Mix, reader: StateReader) -> dict[str, dict[str, Tensor]]:
    """States (v, d) of all the ways in which each type of each set is put into words; held-out types are left out."""
    return {
        name: {
            label: reader.labels(_ways(verbalisation))
            for label, verbalisation in verbalisations(name).items()
            if label not in mix.hidden(name)
        }
        for name, weight in mix.weights.items()
        if weight > 0
    }


def _ways(verbalisation: Verbalisation) -> list[Label]:
    descriptions = ("", verbalisation.short, verbalisation.long)
    named = [Label(name=name, description=text) for name in verbalisation.names for text in descriptions]
    return [*named, *(Label(name=text) for text in descriptions[1:])]


def run(config: InContextTraining, data: Path, folder: Path, *, resume: bool, say: Callable[[str], None]) -> Path:
    """Train, choose how probabilities are read, and write the model to `folder/model`; returns that folder."""
    tagger = artifact.load(config.tagger, device=best_device(), dtype=working_dtype(best_device()))
    reader, mix = StateReader(tagger), load_mix()
    if config.start:
        config = replace(config, network=read_model_manifest(config.start).config)
    say(f"reading the sets under {data}")
    stored = kept(folder / "states.pt", reader, lambda: store(data, mix, reader, tagger, config.stored, say))
    sampler = EpisodeSampler(stored, wordings(mix, reader), mix.weights, config.episodes, seed=config.seed)
    torch.manual_seed(config.seed)
    network = load_model(config.start, reader.fingerprint)[0] if config.start else begun(config.network, tagger)
    held_out, familiar = (load(data, mix, GROUP_SENTENCES) for load in (load_groups, load_familiar))
    recipe = InContextLearning(config, reader, sampler, held_out, network, familiar)
    say("training")
    train(recipe, config.loop, folder, resume=resume, say=say)
    reading, found = recipe.chosen()
    target = folder / "model"
    shutil.rmtree(target, ignore_errors=True)
    save_model(
        target,
        recipe.module,
        name="compact",
        base=config.tagger.name,
        base_fingerprint=reader.fingerprint,
        reading=reading,
        receipt=_receipt(config, mix, recipe, found),
    )
    return target


def begun(config: InContextConfig, tagger: Tagger) -> InContextModel:
    """Fresh weights but for the layers, which begin as the encoder's last ones where they are of the same shape."""
    network = InContextModel(config)
    theirs = list(getattr(getattr(tagger.network.encoder, "encoder", None), "layer", []))[-config.layers :]
    if len(theirs) == config.layers and theirs[0].intermediate.dense.weight.shape == (config.inner, config.width):
        for layer, other in zip(network.layers, theirs, strict=True):
            layer.load_state_dict(_renamed(other.state_dict()))
    return network


def _renamed(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A BERT layer's weights under the names of ours."""
    return {
        f"{_NAMES[stem]}.{kind}": tensor for name, tensor in state.items() for stem, _, kind in [name.rpartition(".")]
    }


def kept(path: Path, reader: StateReader, make: Callable[[], dict[str, list[Stored]]]) -> dict[str, list[Stored]]:
    """States of an encoder from a file that an earlier run left, or made now and left there."""
    if path.is_file():
        raw = torch.load(path, weights_only=True)
        if raw["fingerprint"] == reader.fingerprint:
            return {
                name: [Stored(states=each, spans=spans) for each, spans in items] for name, items in raw["sets"].items()
            }
    stored = make()
    partial = path.with_suffix(".partial")
    path.parent.mkdir(parents=True, exist_ok=True)
    sets = {name: [(each.states, each.spans) for each in items] for name, items in stored.items()}
    torch.save({"fingerprint": reader.fingerprint, "sets": sets}, partial)
    partial.replace(path)
    return stored


def _receipt(
    config: InContextTraining, mix: Mix, recipe: InContextLearning, found: dict[str, dict[str, float]]
) -> dict[str, Any]:
    return {
        "method": "in-context learning from retrieved examples",
        "sets": sorted(name for name, weight in mix.weights.items() if weight > 0),
        "config": asdict(config) | {"tagger": config.tagger.name, "start": config.start and config.start.name},
        "device": str(recipe.device),
        "held_out": found,
    }
