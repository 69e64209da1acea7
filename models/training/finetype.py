"""What few examples of a user's own types teach a typer.

FiveFine's second step (Dai and Zeng, ACL 2023, section 3.4): the pre-trained typer goes on learning, types being read
from their words as before. Owns the recipe; estimates and receipts are the adaptation's.
"""

from __future__ import annotations

import copy
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor
from torch.nn import functional

from models.errors import BadTrainingData
from models.mentions import collated, prompts
from models.training.loop import LoopConfig, train
from models.typer import Judgement, Typer, chosen, padding_of, type_pieces
from models.typing_scores import TypingScore, score_types

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from models.mentions import Mention
    from models.typing_hierarchy import TypeTree

#: Thresholds tried where mentions to choose by are given.
GRID = tuple(round(0.05 * i, 2) for i in range(1, 17))


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A mention and the names of its types; what these are kinds of need not be named."""

    mention: Mention
    types: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FineTypeConfig:
    """Everything that decides a training but the examples."""

    steps: int = 200
    batch: int = 32
    rate: float = 2e-4
    weight_decay: float = 0.01
    #: Each mention has one narrowest type, and what that is a kind of; `softmax` then sets types against each other.
    single: bool = False
    objective: Literal["bce", "softmax"] = "bce"
    #: Most types that a step looks at; those of its mentions are always among them.
    types: int = 1024
    #: Steps between looks at the mentions to choose by.
    look: int = 50
    #: Most pieces of a prompt.
    pieces: int = 128
    seed: int = 0


def finetype(
    config: FineTypeConfig,
    base: Typer,
    examples: Sequence[Example],
    tree: TypeTree,
    scratch: Path,
    *,
    choose_by: Sequence[Example] = (),
    watch: Callable[[float], None] | None = None,
    minutes: float = 1e6,
    checkpoint_minutes: float | None = None,
) -> Typer:
    """A new typer that has learnt the examples; `base` stays as it is.

    With `choose_by`, weights and threshold are those that are best for the macro-F1 of these mentions. It ends after so
    many `minutes` at the latest. With `checkpoint_minutes`, and nothing to choose by, a killed run goes on from what
    `scratch` keeps. Raises BadTrainingData where there is no example or one has a type that the tree does not know.
    """
    network = copy.deepcopy(base.network)
    judgement = Judgement(threshold=base.judgement.threshold, single=config.single)
    typer = Typer(base.encoder, network, judgement, device=base.device, dtype=base.dtype)
    recipe = _Learning(config, typer, examples, tree, choose_by)
    every = 1e6 if checkpoint_minutes is None else checkpoint_minutes
    loop = LoopConfig(minutes=minutes, steps=config.steps, warmup=0.1, checkpoint_minutes=every, measure_minutes=0)
    train(recipe, loop, scratch, resume=checkpoint_minutes is not None, say=lambda _: None, watch=watch)
    return recipe.best()


def evaluate(typer: Typer, examples: Sequence[Example], tree: TypeTree) -> TypingScore:
    """How good a typer's types of these mentions are, closed under what is broader on both sides."""
    told = typer.tell([example.mention for example in examples], tree)
    return score_types(
        [{tree.types[i].name for i in tree.closed(tree.positions(example.types))} for example in examples],
        [{each.name for each in found} for found in told],
    )


class _Learning:
    def __init__(
        self,
        config: FineTypeConfig,
        typer: Typer,
        examples: Sequence[Example],
        tree: TypeTree,
        choose_by: Sequence[Example],
    ) -> None:
        if not examples:
            raise BadTrainingData("there is no example of any type; give some, five of each type do")
        self.config, self.typer, self.module, self._tree = config, typer, typer.network, tree
        self._targets = _targets(examples, tree, narrowest=config.single)
        self._prompts = prompts(
            [example.mention for example in examples],
            typer.encoder.tokenizer,
            most=config.pieces,
            limit=typer.encoder.max_pieces,
        )
        self._pieces, self._mask = type_pieces(tree.words, typer.encoder)
        trained = [parameter for parameter in self.module.parameters() if parameter.requires_grad]
        self.optimizer = torch.optim.AdamW(trained, lr=config.rate, weight_decay=config.weight_decay)
        self._choose_by = choose_by
        self._wanted = [frozenset(each) for each in _targets(choose_by, tree, narrowest=False)]
        self._best: tuple[float, Judgement, dict[str, Tensor]] | None = None

    def loss(self, step: int) -> Tensor:
        """Of some examples, the cross-entropy of their types."""
        if self._choose_by and step and step % self.config.look == 0:
            self._look()
        self.module.train()
        torch.manual_seed(self.config.seed * 1_000_003 + step)
        rows = self._rows(step)
        batch = collated([self._prompts[i] for i in rows], padding_of(self.typer.encoder)).to(self.typer.device)
        chosen_types = self._some_types(rows)
        places = {int(each): n for n, each in enumerate(chosen_types)}
        positive = torch.zeros((len(rows), len(places)), device=self.typer.device)
        for n, i in enumerate(rows):
            positive[n, [places[each] for each in self._targets[i]]] = 1.0
        with torch.autocast(self.typer.device.type, self.typer.dtype, enabled=self.typer.dtype != torch.float32):
            mask = self._mask[chosen_types]
            pieces = self._pieces[chosen_types][:, : int(mask.sum(1).max())]
            mask = mask[:, : pieces.size(1)]
            vectors = self.module.types(pieces.to(self.typer.device), mask.to(self.typer.device))
            logits = self.module.scores(self.module.mentions(batch), vectors).float()
        return self._lost(logits, positive)

    def _lost(self, logits: Tensor, positive: Tensor) -> Tensor:
        if self.config.objective == "softmax":
            shares = positive / positive.sum(1, keepdim=True).clamp_min(1)
            return -(shares * logits.log_softmax(1)).sum(1).mean()
        lost = functional.binary_cross_entropy_with_logits(logits, positive, reduction="sum")
        return lost / positive.sum().clamp_min(1)

    def _rows(self, step: int) -> list[int]:
        """The examples of a step: all in turn, in a new order each round."""
        count = len(self._prompts)
        first = step * self.config.batch
        rows = []
        for i in range(first, first + min(self.config.batch, count)):
            order = list(range(count))
            random.Random(self.config.seed * 1_000_003 + i // count).shuffle(order)
            rows.append(order[i % count])
        return rows

    def _some_types(self, rows: Sequence[int]) -> Tensor:
        count = len(self._tree.types)
        needed = sorted(set().union(*(self._targets[i] for i in rows)))
        lots = torch.rand(count)
        lots[needed] += 1.0
        return lots.topk(min(count, max(self.config.types, len(needed)))).indices

    def measure(self) -> dict[str, Any]:
        """A last look at the mentions to choose by."""
        if self._choose_by:
            self._look()
        return {}

    def best(self) -> Typer:
        """The typer as it is best."""
        if self._best is not None:
            _, self.typer.judgement, weights = self._best
            self.module.load_state_dict(weights)
        self.module.eval()
        return self.typer

    def _look(self) -> None:
        self.module.eval()
        self.typer.forget()
        mentions = [example.mention for example in self._choose_by]
        scored = [
            (row, logits[n : n + 1])
            for rows, logits in self.typer.scored(mentions, self._tree.words)
            for n, row in enumerate(rows)
        ]
        grid = (self.typer.judgement.threshold,) if self.config.single else GRID
        for threshold in grid:
            judgement = Judgement(threshold=threshold, single=self.config.single)
            told: list[set[int]] = [set() for _ in mentions]
            for row, logits in scored:
                told[row] = {i for i, _ in chosen(logits, judgement, self._tree)[0]}
            f1 = score_types(self._wanted, told).macro.f1
            if self._best is None or f1 > self._best[0]:
                weights = {name: tensor.detach().clone() for name, tensor in self.module.state_dict().items()}
                self._best = (f1, judgement, weights)


def _targets(examples: Sequence[Example], tree: TypeTree, *, narrowest: bool) -> list[set[int]]:
    known = {each.name: i for i, each in enumerate(tree.types)}
    found = []
    for example in examples:
        if unknown := [name for name in example.types if name not in known]:
            raise BadTrainingData(f"an example has the type {unknown[0]!r}, which is not among the types")
        places = {known[name] for name in example.types}
        found.append(tree.narrowest(places) if narrowest else tree.closed(places))
    return found
