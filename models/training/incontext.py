"""The recipe of the in-context model: public sets as episodes, loss on the answers alone.

    tagwerk train llm --data DIR --minutes 60 --out runs/llm --resume

Owns what is stored, learnt and measured; drawing episodes is `models.training.episodes`', the loop is shared.
"""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from models.asking import Ask
from models.compact import CompactGenerator
from models.devices import best_device, working_dtype
from models.incontext import InContextConfig, InContextModel
from models.passages import Passage
from models.scores import score
from models.training.episodes import EpisodeConfig, EpisodeSampler, Stored, most_similar
from models.training.objectives import IGNORED
from models.training.sets import forbidden_sentences, load_sentences
from models.types import Label
from models.verbalise import Verbalisation, verbalisations

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from models.states import StateReader
    from models.tagger import Tagger
    from models.training.heldout import Group
    from models.training.loop import LoopConfig
    from models.training.sets import Mix, Sentence
    from models.types import Document, Span


@dataclass(frozen=True, slots=True, kw_only=True)
class InContextTraining:
    """Everything that decides a run but the data folder."""

    loop: LoopConfig
    network: InContextConfig = field(default_factory=InContextConfig)
    episodes: EpisodeConfig = field(default_factory=EpisodeConfig)
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
    ) -> None:
        """Trains what of `network` asks for gradients, or all of a fresh one."""
        torch.manual_seed(config.seed)
        self.config, self.reader, self.groups = config, reader, groups
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
        tags, owners, targets = (each.to(self.device) for each in (drawn.tags, drawn.owners, drawn.targets))
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
            told = self.module.write(prompts, self.module.read(prompts), tags, owners)
        lost = nn.functional.nll_loss(told.flatten(0, 1), targets.flatten(), ignore_index=IGNORED, reduction="sum")
        return lost / (targets > 1).sum().clamp_min(8)

    def measure(self) -> dict[str, Any]:
        """Mean strict F1 over the held-out groups with examples of the group beside each text, and without."""
        found = {
            f"{name}_f1": {group.name: round(self._f1(group, count), 4) for group in self.groups}
            for name, count in (("examples", 5), ("bare", 0))
        }
        means = {name: round(sum(each.values()) / max(1, len(each)), 4) for name, each in found.items()}
        return {"held_out": means, "groups": found}

    def _f1(self, group: Group, count: int) -> float:
        """Every other document is an example for the rest."""
        generator = CompactGenerator(self.reader, self.module, device=self.device, dtype=self.dtype)
        asked, known = group.documents[::2], group.documents[1::2]
        near = nearest(self.reader, asked, known, count)
        asks = [Ask(text=d.text, labels=group.labels, examples=found) for d, found in zip(asked, near, strict=True)]
        spans: list[Sequence[Span]] = [()] * len(asks)
        for batch in generator.answer(asks, budget=8192):
            for i, answer in batch:
                if isinstance(answer, Exception):
                    raise answer
                spans[i] = answer.spans
        return score([document.entities or () for document in asked], spans).f1


def nearest(
    reader: StateReader, asked: Sequence[Document], known: Sequence[Document], count: int
) -> list[tuple[Document, ...]]:
    """For each document the `count` labelled ones that are most similar by their words."""
    if not count:
        return [()] * len(asked)
    states = [found.vectors for found in reader.read([document.text for document in [*asked, *known]])]
    orders = most_similar(states[: len(asked)], states[len(asked) :])
    return [tuple(known[i] for i in order[:count]) for order in orders]


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


def receipt(config: InContextTraining, found: Mapping[str, Any]) -> dict[str, Any]:
    """What a training leaves for people to read."""
    return {"config": asdict(config), **found}
