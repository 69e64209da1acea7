"""A causal LM that writes several answers at once, a piece each a step.

Owns the batch: prompts padded on the left, the cache of what was read, who still writes. What a writer may say is
its own business.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transformers import PreTrainedModel


class Writer(Protocol):
    """One answer while it is written."""

    @property
    def finished(self) -> bool:
        """Whether the answer is complete."""

    @property
    def allowed(self) -> Sequence[int] | None:
        """Pieces that may come next, at least one until it is finished; None for any."""

    def take(self, piece: int, chance: float) -> None:
        """Go on with the likeliest piece, which has this chance among those allowed."""


@torch.inference_mode()
def write(
    model: PreTrainedModel, prompts: Sequence[Sequence[int]], writers: Sequence[Writer], rooms: Sequence[int]
) -> None:
    """Let every writer write after its prompt, until it is finished or has taken as many pieces as it has room for."""
    state = _State(model, prompts)
    rows = list(range(len(prompts)))
    logits = state.read()
    for step in range(1, max(rooms) + 1):
        taken = choose(logits, [writers[row].allowed for row in rows])
        for row, (piece, chance) in zip(rows, taken, strict=True):
            writers[row].take(piece, chance)
        staying = [i for i, row in enumerate(rows) if not writers[row].finished and step < rooms[row]]
        if not staying:
            return
        state.keep(staying, len(rows))
        rows = [rows[i] for i in staying]
        logits = state.go_on([taken[i][0] for i in staying])


def choose(logits: Tensor, allowed: Sequence[Sequence[int] | None]) -> list[tuple[int, float]]:
    """The likeliest allowed piece of each row of logits (b, vocabulary), with its chance among the allowed ones.

    Raises RuntimeError where a row has no numbers.
    """
    if any(pieces is None for pieces in allowed):
        chances, best = logits.float().softmax(-1).max(-1)
    else:
        width = max(len(pieces) for pieces in allowed if pieces is not None)
        padded = [[*pieces, *[-1] * (width - len(pieces))] for pieces in allowed if pieces is not None]
        index = torch.tensor(padded, device=logits.device)  # (b, width)
        scores = logits.gather(1, index.clamp_min(0)).float().masked_fill(index < 0, -torch.inf)
        chances, place = scores.softmax(-1).max(-1)
        best = index.gather(1, place.unsqueeze(1)).squeeze(1)
    if not torch.isfinite(chances).all():
        raise RuntimeError("the language model computes no numbers: name another number format for it")
    return list(zip(best.tolist(), chances.tolist(), strict=True))


class _State:
    """What the model has read of every row that still writes."""

    def __init__(self, model: PreTrainedModel, prompts: Sequence[Sequence[int]]) -> None:
        self._model = model
        longest = -(-max(len(prompt) for prompt in prompts) // 8) * 8
        # Zero stands in for what is not there; the mask hides it.
        ids = [[0] * (longest - len(prompt)) + [*prompt] for prompt in prompts]
        mask = [[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts]
        self._ids = torch.tensor(ids, device=model.device)  # (b, t)
        self._mask = torch.tensor(mask, device=model.device)  # (b, t and what is written)
        self._lengths = self._mask.sum(1)  # (b,)
        self._cache: Any = None
        known = inspect.signature(model.forward).parameters
        self._positioned, self._last_only = "position_ids" in known, "logits_to_keep" in known
        # What transformers calls it from 5.24 on, and what it was called before, as in code that models bring along.
        self._cached = "cache" if "cache" in known else "past_key_values"

    def read(self) -> Tensor:
        """Logits (b, vocabulary) after the prompts."""
        return self._forward(self._ids, (self._mask.cumsum(1) - 1).clamp_min(0))

    def go_on(self, pieces: Sequence[int]) -> Tensor:
        """Logits (b, vocabulary) after one more piece of each row."""
        self._mask = torch.cat([self._mask, self._mask.new_ones(len(pieces), 1)], 1)
        positions = self._lengths.unsqueeze(1)
        self._lengths = self._lengths + 1
        return self._forward(torch.tensor(pieces, device=self._mask.device).unsqueeze(1), positions)

    def keep(self, rows: Sequence[int], among: int) -> None:
        """Let all rows but these go."""
        if len(rows) == among:
            return
        index = torch.tensor(rows, device=self._mask.device)
        self._mask, self._lengths = self._mask[index], self._lengths[index]
        self._cache.batch_select_indices(index)

    def _forward(self, ids: Tensor, positions: Tensor) -> Tensor:
        more: dict[str, Any] = {self._cached: self._cache}
        if self._positioned:
            more["position_ids"] = positions
        if self._last_only:
            more["logits_to_keep"] = 1
        found = self._model(input_ids=ids, attention_mask=self._mask, use_cache=True, **more)
        self._cache = found["cache" if "cache" in found else "past_key_values"]
        logits: Tensor = found.logits[:, -1]
        return logits
