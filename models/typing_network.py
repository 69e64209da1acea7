"""The network of the typer: a mention's vector at `[MASK]`, a type's vector from its words, and their dot product.

FiveFine (Dai and Zeng, ACL 2023, section 3). Owns the layers alone; prompts, types and training are elsewhere. Of the
encoder the last layers are tuned; its word embeddings stay as they are, and are both what types are made of and the
decoder of the masked-word objective.
"""

from __future__ import annotations

import copy
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.shapes import Shape

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from models.mentions import PromptBatch

#: Weights that an artifact does not hold: what training alone needs, and what comes with the base.
_LEFT_OUT = ("neighbour.", "shape_embedding.")


@dataclass(frozen=True, slots=True, kw_only=True)
class TyperConfig:
    """Everything that the weights' shapes depend on."""

    #: How many of the encoder's layers are tuned, from the last.
    layers: int = 2
    #: Heads of the attention that makes one vector of a type's words.
    heads: int = 4
    #: What every score begins with: most types are not a mention's.
    initial_offset: float = -6.0
    #: Whether the encoder is told how words are written; that of a tagger of ours is.
    capitals: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


class Transform(nn.Module):
    """What BERT puts before its decoder of masked words: a layer, GELU, and a norm."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.dense = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width)

    def forward(self, states: Tensor) -> Tensor:
        """States as they are compared with embeddings."""
        found: Tensor = self.norm(functional.gelu(self.dense(states)))
        return found


class TypeAttention(nn.Module):
    """One vector of several words: attention with a learnt query.

    It begins as the mean of the words' embeddings, so that a masked word's vector fits its type from the start.
    """

    def __init__(self, width: int, heads: int, spread: float) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Parameter(torch.zeros(heads, width // heads))
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.out = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width)
        with torch.no_grad():
            for layer in (self.value, self.out):
                nn.init.eye_(layer.weight)
                nn.init.zeros_(layer.bias)
            self.norm.weight.fill_(spread)

    def forward(self, embedded: Tensor, mask: Tensor) -> Tensor:
        """Embeddings (t, p, d) of which `mask` (t, p) is true become vectors (t, d)."""
        t, p, d = embedded.shape
        keys = self.key(embedded).view(t, p, self.heads, -1)
        values = self.value(embedded).view(t, p, self.heads, -1)
        fit = (keys * self.query).sum(-1) / (d // self.heads) ** 0.5
        weights = fit.masked_fill(~mask.unsqueeze(-1), float("-inf")).softmax(1)
        found: Tensor = self.norm(self.out((weights.unsqueeze(-1) * values).sum(1).reshape(t, d)))
        return found


class TypingNetwork(nn.Module):
    """An encoder of its own, tuned in part, with the heads that typing needs."""

    def __init__(self, encoder: PreTrainedModel, config: TyperConfig, shapes: Tensor | None = None) -> None:
        """Take the base's layers and, with `capitals`, its vectors (shapes, d) of how words are written."""
        super().__init__()
        self.config = config
        if config.capitals:
            self.shape_embedding = nn.Embedding(len(Shape), int(encoder.config.hidden_size)).requires_grad_(False)
            if shapes is not None:
                self.shape_embedding.weight.copy_(shapes.detach())
        self.encoder = copy.deepcopy(encoder).requires_grad_(False)
        for layer in self._layers()[-config.layers :] if config.layers else ():
            layer.requires_grad_(True)
        embeddings = self._embeddings()
        width = embeddings.size(1)
        self.transform = Transform(width)
        self.neighbour = Transform(width)
        self.bias = nn.Parameter(torch.zeros(embeddings.size(0)))
        self.attention = TypeAttention(width, config.heads, float(embeddings.std()))
        self.offset = nn.Parameter(torch.tensor(config.initial_offset))

    def train(self, mode: bool = True) -> TypingNetwork:
        """Set the mode; layers that are not tuned never drop anything, and so need not draw lots."""
        super().train(mode)
        self.encoder.train(mode=False)
        for layer in self._layers()[-self.config.layers :] if self.config.layers else ():
            layer.train(mode)
        return self

    def mentions(self, batch: PromptBatch) -> Tensor:
        """Vectors (b, d) of mentions."""
        found: Tensor = self.transform(self.at(self.states(batch), batch.at))
        return found

    def states(self, batch: PromptBatch) -> Tensor:
        """The encoder's last states (b, n, d)."""
        embedded = self._embeddings()[batch.ids]
        if self.config.capitals:
            embedded = embedded + self.shape_embedding(batch.shapes)
        found: Tensor = self.encoder(inputs_embeds=embedded, attention_mask=batch.mask).last_hidden_state
        return found

    @staticmethod
    def at(states: Tensor, at: Tensor) -> Tensor:
        """States (b, d) at one position each."""
        return states[torch.arange(states.size(0), device=states.device), at]

    def types(self, pieces: Tensor, mask: Tensor) -> Tensor:
        """Vectors (t, d) of types, from the pieces (t, p) of their words; `mask` (t, p) is true for pieces."""
        found: Tensor = self.attention(self._embeddings()[pieces], mask)
        return found

    def scores(self, mentions: Tensor, types: Tensor) -> Tensor:
        """Log-odds (b, t) that a mention is of a type."""
        return mentions @ types.T + self.offset

    def words(self, states: Tensor, *, neighbour: bool = False) -> Tensor:
        """Logits (n, v) over all pieces of what stands at, or beside, a state (n, d)."""
        told = (self.neighbour if neighbour else self.transform)(states)
        return functional.linear(told, self._embeddings(), self.bias)

    def tuned(self) -> dict[str, Tensor]:
        """The weights that belong in an artifact, by name: what is not the base encoder's own."""
        kept = {name for name, parameter in self.encoder.named_parameters(prefix="encoder") if parameter.requires_grad}
        return {
            name: tensor
            for name, tensor in self.state_dict().items()
            if not name.startswith(_LEFT_OUT) and (name in kept or not name.startswith("encoder."))
        }

    def _embeddings(self) -> Tensor:
        weight = self.encoder.get_input_embeddings().weight
        if not isinstance(weight, Tensor):
            raise TypeError(f"the encoder's embeddings are no tensor but {type(weight).__name__}")
        return weight

    def _layers(self) -> list[nn.Module]:
        """The encoder's layers, whatever its architecture calls them."""
        stacks = [module for module in self.encoder.modules() if isinstance(module, nn.ModuleList)]
        return list(stacks[0]) if stacks else []
