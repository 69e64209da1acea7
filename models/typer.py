"""The typer: fine types of given mentions, several at a time, from any list of types in words.

Owns how scores become types. A type's vector is made once and kept, so that the cost of typing grows with the mentions
and hardly with the types. What a type is a kind of is told with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from models.batching import by_length
from models.devices import best_device
from models.mentions import collated, prompts
from models.types import TypeScore

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from models.encoder import Encoder
    from models.mentions import Mention
    from models.typing_hierarchy import TypeTree
    from models.typing_network import TypingNetwork

#: Padded pieces of one batch.
BUDGET = 8192
#: Most pieces of a type's words that are read; types whose vectors are made at a time; vectors that are kept.
_MOST_WORDS, _AT_ONCE, _KEPT = 32, 1024, 100_000
#: Mentions whose prompts are made at a time.
_WINDOW = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """How scores become types."""

    #: Least probability of a type that is told.
    threshold: float = 0.5
    #: Tell the single best type of each mention instead.
    single: bool = False


class Typer:
    """A network, the encoder it stands on, and how its scores are read.

    A change of the network's weights makes the kept vectors of types stale: `forget` them then.
    """

    def __init__(
        self,
        encoder: Encoder,
        network: TypingNetwork,
        judgement: Judgement,
        *,
        device: torch.device | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.encoder, self.judgement, self.dtype = encoder, judgement, dtype
        self.device = device or best_device("cpu")
        self.network = network.to(self.device).eval()
        self._vectors: dict[str, Tensor] = {}

    def tell(self, mentions: Sequence[Mention], tree: TypeTree, *, budget: int = BUDGET) -> list[tuple[TypeScore, ...]]:
        """The types of each mention, the likeliest first, with all that they are kinds of; at least one for each.

        A type that is told only as a kind of another is as likely as the likeliest of those. Raises MentionTooLong.
        """
        told: list[tuple[TypeScore, ...]] = [()] * len(mentions)
        for rows, logits in self.scored(mentions, tree.words, budget=budget):
            for i, found in zip(rows, chosen(logits, self.judgement, tree), strict=True):
                told[i] = tuple(TypeScore(name=tree.types[j].name, score=score) for j, score in found)
        return told

    @torch.inference_mode()
    def scored(
        self, mentions: Sequence[Mention], words: Sequence[str], *, budget: int = BUDGET
    ) -> Iterator[tuple[list[int], Tensor]]:
        """Positions of some mentions and the log-odds (n, t) of each type for them, until all have been scored."""
        vectors = self.vectors(words).to(self.device)
        for first in range(0, len(mentions), _WINDOW):
            part = mentions[first : first + _WINDOW]
            found = prompts(part, self.encoder.tokenizer, limit=self.encoder.max_pieces)
            for group in by_length([len(prompt.pieces) for prompt in found], budget):
                batch = collated([found[i] for i in group], padding_of(self.encoder)).to(self.device)
                with torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
                    mentioned = self.network.mentions(batch)
                logits = self.network.scores(mentioned.float(), vectors)
                yield [first + i for i in group], logits.cpu()

    def forget(self) -> None:
        """Types' vectors are made anew, as after a change of weights."""
        self._vectors.clear()

    @torch.inference_mode()
    def vectors(self, words: Sequence[str]) -> Tensor:
        """Vectors (t, d) of types by their words, made once for each."""
        if len(self._vectors) + len(words) > _KEPT:
            self._vectors.clear()
        missing = list(dict.fromkeys(each for each in words if each not in self._vectors))
        for first in range(0, len(missing), _AT_ONCE):
            part = missing[first : first + _AT_ONCE]
            pieces, mask = type_pieces(part, self.encoder)
            made = self.network.types(pieces.to(self.device), mask.to(self.device))
            self._vectors.update(zip(part, made.float().cpu(), strict=True))
        return torch.stack([self._vectors[each] for each in words])


def chosen(logits: Tensor, judgement: Judgement, tree: TypeTree) -> list[list[tuple[int, float]]]:
    """For each row of log-odds (n, t) the positions of its types and their probabilities, the likeliest first."""
    best = logits.argmax(1, keepdim=True)
    picked = torch.zeros_like(logits, dtype=torch.bool).scatter_(1, best, value=True)
    if not judgement.single:
        picked |= logits.sigmoid() >= judgement.threshold
    rows, columns = picked.nonzero(as_tuple=True)
    told: list[dict[int, float]] = [{} for _ in range(logits.size(0))]
    likely = logits[rows, columns].sigmoid().tolist()
    for row, column, score in zip(rows.tolist(), columns.tolist(), likely, strict=True):
        for each in (column, *tree.ancestors[column]):
            told[row][each] = max(score, told[row].get(each, 0.0))
    return [sorted(found.items(), key=lambda item: (-item[1], item[0])) for found in told]


def type_pieces(words: Sequence[str], encoder: Encoder) -> tuple[Tensor, Tensor]:
    """Pieces (t, p) of each type's words, and which of them are there."""
    unknown = encoder.tokenizer.unk_token_id
    found: Any = encoder.tokenizer(list(words), add_special_tokens=False)["input_ids"]
    cut = [list(pieces[:_MOST_WORDS]) or [unknown] for pieces in found]
    longest = max(map(len, cut))
    pieces = torch.full((len(cut), longest), padding_of(encoder), dtype=torch.long)
    mask = torch.zeros((len(cut), longest), dtype=torch.bool)
    for row, each in enumerate(cut):
        pieces[row, : len(each)] = torch.tensor(each)
        mask[row, : len(each)] = True
    return pieces, mask


def padding_of(encoder: Encoder) -> int:
    """The piece that fills up a batch; it is never looked at."""
    found = encoder.tokenizer.pad_token_id
    return found if isinstance(found, int) else 0
