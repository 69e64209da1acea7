"""What a tagger remembers of its examples: their units as vectors, and what a new unit's nearest say of it.

Yang and Katiyar (EMNLP 2020, section 3.2) and CONTaiNER classify a word by its nearest word of the support set. Here
that has a share of what the labels' own vectors say; units are words or spans, as the network has them. Owns the
vectors and the mixing; an artifact holds them with the weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from models.gaussians import DISTANCES, likeness

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from models.biencoder import BiEncoder
    from models.gaussians import Gaussians
    from models.types import Label

#: Owner of a unit that is part of no entity.
OUTSIDE = -1
_NOT_ASKED = -2
#: Units that are compared with a memory at a time.
_AT_A_TIME = 256
#: How many abstract transitions there are.
TRANSITIONS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Recall:
    """How a memory is read; plain values, for an artifact's manifest."""

    #: Names of the labels that units belong to.
    labels: tuple[str, ...]
    #: Weight of the nearest units; the labels' own vectors have the rest.
    share: float
    #: Kind of distance, of `models.gaussians.DISTANCES`.
    distance: str
    #: Log-chances of what follows what, for words tagged as inside: outside to outside, outside to a label, a label to
    #: outside, to itself, to another. Without them each word is on its own.
    transitions: tuple[float, ...] | None = None


def recall_of(raw: dict[str, Any]) -> Recall:
    """The recall that a manifest's plain values say; raises TypeError, KeyError or ValueError where they say none."""
    steps = raw["transitions"]
    if raw["distance"] not in DISTANCES or (steps is not None and len(steps) != TRANSITIONS):
        raise ValueError(f"not how a memory is read: {raw}")
    return Recall(**raw | {"labels": tuple(raw["labels"]), "transitions": steps and tuple(map(float, steps))})


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Units of examples; m of them."""

    recall: Recall
    #: (m, d), of unit length.
    vectors: Tensor
    #: (m), positions in the labels of `recall`, or `OUTSIDE`.
    owners: Tensor

    def among(self, labels: Sequence[Label], network: BiEncoder) -> Neighbours:
        """The memory for the labels of a job.

        Units of a label that is not asked for are left out: whether it is has no part in another label's score.
        """
        position = {label.name: i for i, label in enumerate(labels)}
        of_owner = torch.tensor([*(position.get(name, _NOT_ASKED) for name in self.recall.labels), OUTSIDE])
        owners = of_owner.to(self.owners.device)[self.owners]
        order = owners.argsort(stable=True)[int((owners == _NOT_ASKED).sum()) :]
        kinds = torch.bincount(owners[order] + 1, minlength=1 + len(labels)).tolist()
        return Neighbours(recall=self.recall, units=network.gaussians(self.vectors[order]), kinds=tuple(kinds))


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """A memory whose units belong to the l labels of a job or to none of them."""

    recall: Recall
    #: By kind: outside first, then label by label.
    units: Gaussians
    #: How many there are of each kind, 1 + l.
    kinds: tuple[int, ...]

    def nearest(self, units: Gaussians) -> Tensor:
        """Likeness (n, 1 + l) of units to the nearest of each kind, outside first; -inf where there is none."""
        best = units.mean.new_full((len(units.mean), len(self.kinds)), float("-inf"))
        known = [kind for kind, count in enumerate(self.kinds) if count]
        if not known:
            return best
        counts = [self.kinds[kind] for kind in known]
        compared, apart = self._compared(units)
        # Few at a time: so many likenesses as stay in a processor's cache.
        for few in torch.split(torch.arange(len(best), device=best.device), _AT_A_TIME):
            parts = torch.split(compared(few), counts, 1)
            best[few.unsqueeze(1), known] = torch.stack([part.amax(1).float() for part in parts], 1) - apart[few]
        return best

    def _compared(self, units: Gaussians) -> tuple[Callable[[Tensor], Tensor], Tensor]:
        """What gives the likenesses (k, m) of k units, by position, to the memory's, but for a part of each (n, 1)."""
        if self.recall.distance != "euclidean":
            apart = units.mean.new_zeros(len(units.mean), 1)
            return lambda few: likeness(units[few], self.units, self.recall.distance), apart
        # The memory's means are all of one length (`BiEncoder.gaussians`): the nearest has the largest product.
        # Nothing cancels in those, so half precision will do where the rest has it.
        device = units.mean.device.type
        kept = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else torch.float32
        ours, theirs = units.mean.to(kept), self.units.mean.to(kept).T
        squares = units.mean.square().sum(1, keepdim=True) + self.units.mean[:1].square().sum()
        return lambda few: ours[few] @ theirs, squares / 2

    def mixed(self, scores: Tensor, units: Gaussians) -> Tensor:
        """Log-odds (n, l) against "outside" of which the nearest have their share; labels without any keep theirs."""
        best = self.nearest(units)
        against = best[:, 1:] - best[:, :1]
        share = self.recall.share
        return torch.where(against.isfinite(), (1 - share) * scores + share * against, scores)
