"""The recipes of the typer: masked words first, then broad types; both on the shared loop.

    tagwerk train typer --data DIR --minutes 35 --out runs/typer --resume

Owns what is learnt and measured. What few examples of a user's own types teach is `models.training.finetype`'s.
"""

from __future__ import annotations

import random
import shutil
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

from models.devices import best_device, working_dtype
from models.mentions import LEFT, RIGHT, TYPE, Mention, collated, prompts
from models.training.heldout import Group, load_groups
from models.training.loop import LoopConfig, train
from models.training.masking import masked
from models.training.objectives import IGNORED
from models.training.ultrafine import BroadSet, MentionSampler, Typed, broad_mix, build, frequent
from models.typer import Judgement, Typer, padding_of, type_pieces
from models.typer_artifact import save_typer, untrained_typer
from models.typing_base import load_base
from models.typing_network import TyperConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from models.mentions import Prompt

#: Thresholds tried.
GRID = tuple(round(0.05 * i, 2) for i in range(1, 19))
#: Held-out mentions that are looked at, and sentences of each held-out group.
HELD_OUT, GROUP_SENTENCES = 1500, 60
BEST = "best.pt"


@dataclass(frozen=True, slots=True, kw_only=True)
class TyperTraining:
    """Everything that decides a run but the data folder."""

    loop: LoopConfig
    #: A shipped tagger whose encoder is gone on from, or an encoder.
    base: str = "default"
    network: TyperConfig = field(default_factory=TyperConfig)
    #: Share of the minutes that goes to masked words alone.
    words: float = 0.2
    batch: int = 48
    #: Most pieces of a prompt.
    pieces: int = 40
    #: Types that a step looks at: those of its mentions, and others by lot.
    types: int = 512
    #: Weights of the masked words and of the words beside a mention; 0 switches an objective off.
    mlm: float = 0.1
    nwp: float = 0.1
    #: Share of pieces that are hidden, in words alone and beside types; how many steps go by without neighbours.
    hidden: float = 0.15
    hidden_beside: float = 0.1
    nwp_every: int = 10
    rate: float = 3e-4
    weight_decay: float = 0.01
    seed: int = 0


class TyperLearning:
    """What both recipes have: the typer in training, its optimizer, and masked words."""

    def __init__(self, config: TyperTraining, typer: Typer, broad: BroadSet) -> None:
        self.config, self.typer, self.broad = config, typer, broad
        self.device, self.dtype = typer.device, typer.dtype
        self.module = typer.network
        trained = [parameter for parameter in self.module.parameters() if parameter.requires_grad]
        self.optimizer = torch.optim.AdamW(trained, lr=config.rate, weight_decay=config.weight_decay, betas=(0.9, 0.98))
        self._sampler = MentionSampler(broad, config.seed)

    def _drawn(self, step: int, cue: str) -> tuple[list[Typed], list[Prompt]]:
        self.module.train()
        torch.manual_seed(self.config.seed * 1_000_003 + step)  # dropout, too, is the same after a stop
        typed = self._sampler.draw(step, self.config.batch)
        encoder = self.typer.encoder
        found = prompts(
            [each.mention for each in typed],
            encoder.tokenizer,
            cue=cue,
            most=self.config.pieces,
            limit=encoder.max_pieces,
        )
        return typed, found

    def _read(self, found: Sequence[Prompt], step: int, share: float) -> tuple[Tensor, Tensor, Tensor]:
        """The encoder's states of prompts with pieces hidden, what these were, and where the types stand."""
        batch = collated(found, padding_of(self.typer.encoder))
        generator = torch.Generator().manual_seed(self.config.seed * 1_000_003 + step)
        ids, targets = masked(batch.ids, batch.mask, self.typer.encoder.tokenizer, share, generator)
        batch = replace(batch, ids=ids).to(self.device)
        return self.module.states(batch), targets.to(self.device), batch.at

    def _words(self, states: Tensor, targets: Tensor) -> Tensor:
        """Cross-entropy of the hidden pieces."""
        hidden = targets != IGNORED
        if not hidden.any():
            return states.sum() * 0.0
        return functional.cross_entropy(self.module.words(states[hidden]).float(), targets[hidden])

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32)


class WordLearning(TyperLearning):
    """Masked words alone: the packaged encoder has no head for them, nor have its last layers kept them."""

    def loss(self, step: int) -> Tensor:
        """Cross-entropy of the hidden pieces of some prompts."""
        _, found = self._drawn(step, TYPE)
        with self._autocast():
            states, targets, _ = self._read(found, step, self.config.hidden)
            return self._words(states, targets)

    def measure(self) -> dict[str, Any]:
        """Nothing is chosen here."""
        return {}


class TypeLearning(TyperLearning):
    """Broad types, with masked words and the words beside mentions as further objectives."""

    def __init__(
        self, config: TyperTraining, typer: Typer, broad: BroadSet, groups: Sequence[Group], folder: Path
    ) -> None:
        super().__init__(config, typer, broad)
        self._groups, self._folder = groups, folder
        self._held_out = random.Random(config.seed).sample(broad.held_out, min(HELD_OUT, len(broad.held_out)))
        pieces, mask = type_pieces(broad.types, typer.encoder)
        self._pieces, self._mask = pieces, mask

    def loss(self, step: int) -> Tensor:
        """L = L_ET + mlm L_MLM + nwp L_NWP (section 3.3), the last one at every tenth step."""
        config = self.config
        typed, found = self._drawn(step, TYPE)
        with self._autocast():
            states, targets, at = self._read(found, step, config.hidden_beside if config.mlm else 0.0)
            lost = self._types(states, at, typed, step)
            if config.mlm:
                lost = lost + config.mlm * self._words(states, targets)
            if config.nwp and step % config.nwp_every == 0:
                lost = lost + config.nwp * self._neighbours(step)
        return lost

    def _types(self, states: Tensor, at: Tensor, typed: Sequence[Typed], step: int) -> Tensor:
        """Binary cross-entropy over the types that are judged, per type that a mention has."""
        kinds = torch.tensor([each.kind for each in typed])
        chosen = self._some_types(self.broad.positive[kinds].any(0), step)
        positive = self.broad.positive[kinds][:, chosen].to(self.device)
        judged = self.broad.judged[kinds][:, chosen].to(self.device)
        pieces, mask = self._pieces[chosen], self._mask[chosen]
        longest = int(mask.sum(1).max())
        vectors = self.module.types(pieces[:, :longest].to(self.device), mask[:, :longest].to(self.device))
        logits = self.module.scores(self.module.transform(self.module.at(states, at)), vectors).float()
        lost = functional.binary_cross_entropy_with_logits(logits, positive.float(), reduction="none")
        return (lost * judged).sum() / positive.sum().clamp_min(1)

    def _some_types(self, needed: Tensor, step: int) -> Tensor:
        """Positions of the types of a step."""
        generator = torch.Generator().manual_seed(self.config.seed * 1_000_003 + step)
        lots = torch.rand(needed.numel(), generator=generator) + needed.float()
        return lots.topk(min(needed.numel(), max(self.config.types, int(needed.sum())))).indices

    def _neighbours(self, step: int) -> Tensor:
        """Cross-entropy of the piece beside a mention, on one side."""
        side = step // self.config.nwp_every % 2
        _, found = self._drawn(step + 1, (LEFT, RIGHT)[side])
        kept = [prompt for prompt in found if prompt.beside[side] is not None]
        if not kept:
            return self.module.bias.sum() * 0.0
        states, _, at = self._read(kept, step, 0.0)
        wanted = torch.tensor([prompt.beside[side] for prompt in kept], device=self.device)
        told = self.module.words(self.module.at(states, at), neighbour=True)
        return functional.cross_entropy(told.float(), wanted)

    def measure(self) -> dict[str, Any]:
        """Macro-F1 over held-out mentions at the best threshold, accuracy among held-out types; keeps the best."""
        f1, threshold = self.threshold()
        groups = {group.name: round(self._accuracy(group), 4) for group in self._groups}
        unseen = sum(groups.values()) / max(1, len(groups))
        found = {"held_out_f1": round(f1, 4), "threshold": threshold, "unseen_accuracy": round(unseen, 4)}
        self._keep(found["held_out_f1"] + found["unseen_accuracy"], found | {"groups": groups})
        return found | {"groups": groups}

    def best(self) -> dict[str, Any]:
        """Puts back the weights of the best measurement; returns what was measured."""
        kept = torch.load(self._folder / BEST, weights_only=True)
        self.module.load_state_dict(kept["module"])
        found: dict[str, Any] = kept["found"]
        return found

    def _keep(self, score: float, found: dict[str, Any]) -> None:
        path = self._folder / BEST
        if path.is_file() and torch.load(path, weights_only=True)["score"] > score:
            return
        partial = path.with_suffix(".partial")
        torch.save({"score": score, "found": found, "module": self.module.state_dict()}, partial)
        partial.replace(path)

    def threshold(self) -> tuple[float, float]:
        """Macro-F1 over held-out mentions, of the types that are judged, and the threshold that is best for it."""
        self.module.eval()
        self.typer.forget()
        mentions = [each.mention for each in self._held_out]
        kinds = torch.tensor([each.kind for each in self._held_out])
        curve = torch.zeros(len(GRID))
        for rows, logits in self.typer.scored(mentions, self.broad.types):
            positive, judged = self.broad.positive[kinds[rows]], self.broad.judged[kinds[rows]]
            for i, threshold in enumerate(GRID):
                told = (logits.sigmoid() >= threshold) & judged
                right = (told & positive).sum(1)
                curve[i] += (2 * right / (told.sum(1) + positive.sum(1)).clamp_min(1)).sum()
        best = int(curve.argmax())
        return float(curve[best]) / max(1, len(mentions)), GRID[best]

    def _accuracy(self, group: Group) -> float:
        """How often the best of a group's types is the right one."""
        self.module.eval()
        found = [
            (Mention(text=document.text, start=span.start, end=span.end), span.label)
            for document in group.documents
            for span in document.entities or ()
        ]
        names = [label.name for label in group.labels]
        right = 0
        for rows, logits in self.typer.scored([mention for mention, _ in found], names):
            right += sum(
                names[best] == found[row][1] for row, best in zip(rows, logits.argmax(1).tolist(), strict=True)
            )
        return right / max(1, len(found))


def run(config: TyperTraining, data: Path, folder: Path, *, resume: bool, say: Callable[[str], None]) -> Path:
    """Train, choose weights and threshold by held-out mentions, write `folder/typer`; returns that folder."""
    mix = broad_mix()
    say(f"reading the sets under {data}")
    broad = build(data, mix, say)
    say(", ".join(f"{count:,} {name}" for name, count in broad.counts.items()))
    device = best_device()
    untrained = untrained_typer(load_base(config.base), config.network, seed=config.seed)
    typer = Typer(untrained.encoder, untrained.network, untrained.judgement, device=device, dtype=working_dtype(device))
    groups = [group for group in load_groups(data, mix, GROUP_SENTENCES) if len(group.labels) > 1]
    say("learning masked words")
    loop = config.loop
    first = replace(loop, minutes=loop.minutes * config.words, steps=_share(loop.steps, config.words))
    train(WordLearning(config, typer, broad), first, folder / "words", resume=resume, say=say)
    say("learning types")
    recipe = TypeLearning(config, typer, broad, groups, folder / "types")
    if not resume:
        (folder / "types" / BEST).unlink(missing_ok=True)
    rest = 1 - config.words
    train(
        recipe,
        replace(loop, minutes=loop.minutes * rest, steps=_share(loop.steps, rest)),
        folder / "types",
        resume=resume,
        say=say,
    )
    found = recipe.best()
    typer.forget()
    typer.judgement = Judgement(threshold=found["threshold"])
    target = folder / "typer"
    shutil.rmtree(target, ignore_errors=True)
    save_typer(target, typer, name="typer", receipt=_receipt(config, broad, device, found))
    return target


def _share(steps: int | None, share: float) -> int | None:
    return None if steps is None else round(steps * share)


def _receipt(config: TyperTraining, broad: BroadSet, device: torch.device, found: dict[str, Any]) -> dict[str, Any]:
    return {
        "method": "ultra-fine pre-training",
        "sets": sorted(set(broad.weights) - {"nouns", "pronouns"}),
        "config": asdict(config),
        "device": str(device),
        "broad set": broad.counts,
        "frequent types": dict(frequent(broad)),
        "held_out": found,
    }
