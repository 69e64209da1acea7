"""The bi-encoder: spans of a text and label descriptions in one vector space.

LITSET (Golde et al., EACL 2024, section 3) scores tokens against verbalised labels by a dot product and
trains with cross-entropy over the labels of the batch. Here the scored unit is a span of words rather than a
BIO tag, "outside" is a learned score of the span itself, and the product is a cosine with a learned
temperature. Owns the network alone; words, windows and decoding are elsewhere.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class BiEncoderConfig:
    """Everything that the weights' shapes and meaning depend on."""

    #: Size of the space that spans and labels meet in.
    dimension: int = 256
    #: Longest span, in words.
    max_width: int = 12
    #: Whether the label side is the tuned encoder itself ("shared") or the base as it came ("frozen").
    label_side: str = "shared"
    #: Temperature and outside score that training starts from.
    initial_scale: float = 12.0
    initial_outside: float = 4.0

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Passages as tensors, padded to the longest: b passages, t pieces, w words."""

    input_ids: Tensor  # (b, t)
    attention_mask: Tensor  # (b, t)
    shape_ids: Tensor  # (b, t)
    first_piece: Tensor  # (b, w), position of each word's first piece
    last_piece: Tensor  # (b, w), position of each word's last piece
    word_mask: Tensor  # (b, w), False on padding

    def to(self, device: torch.device) -> Batch:
        """The same batch on another device."""
        return Batch(**{name: getattr(self, name).to(device) for name in self.__dataclass_fields__})


class BiEncoder(nn.Module):
    """Token encoder, label encoder and the span head between them."""

    def __init__(self, encoder: PreTrainedModel, config: BiEncoderConfig) -> None:
        super().__init__()
        width = int(encoder.config.hidden_size)
        self.config = config
        self.encoder = encoder
        self.label_encoder = encoder
        if config.label_side == "frozen":
            self.label_encoder = copy.deepcopy(encoder).requires_grad_(False)
        self.shape_embedding = nn.Embedding(len(Shape), width)
        self.start = nn.Linear(width, config.dimension)
        self.end = nn.Linear(width, config.dimension)
        self.span_width = nn.Embedding(config.max_width, config.dimension)
        self.span_out = nn.Linear(config.dimension, config.dimension)
        self.outside = nn.Linear(config.dimension, 1)
        self.label_out = nn.Linear(width, config.dimension)
        self.log_scale = nn.Parameter(torch.tensor(config.initial_scale).log())
        nn.init.zeros_(self.shape_embedding.weight)
        nn.init.normal_(self.span_width.weight, std=0.02)
        nn.init.zeros_(self.outside.weight)
        nn.init.constant_(self.outside.bias, config.initial_outside)

    def encode_pieces(self, batch: Batch) -> Tensor:
        """Contextual vectors of all pieces, (b, t, width)."""
        embedded = self.encoder.get_input_embeddings()(batch.input_ids)
        embedded = embedded + self.shape_embedding(batch.shape_ids)
        hidden: Tensor = self.encoder(inputs_embeds=embedded, attention_mask=batch.attention_mask).last_hidden_state
        return hidden

    def encode_labels(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Unprojected label vectors, (l, width): the mean over pieces of the label's text."""
        hidden = self.label_encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
        return functional.normalize((hidden * mask).sum(1) / mask.sum(1), dim=-1)

    def project_labels(self, label_states: Tensor) -> Tensor:
        """Unit label vectors, (l, dimension), from what `encode_labels` returned."""
        return functional.normalize(self.label_out(label_states), dim=-1)

    def score_spans(self, pieces: Tensor, batch: Batch, labels: Tensor) -> Tensor:
        """Log-odds of every span and label against "outside": (b, w, max_width, l).

        Span [i, i + k] of words is at `[:, i, k]`. A softmax over the labels and a zero for "outside" gives
        probabilities. Spans that leave the passage hold rubbish: mask them by `span_mask`.
        """
        start = _gather(self.start(pieces), batch.first_piece)  # (b, w, d)
        end = _gather(self.end(pieces), batch.last_piece)
        span = functional.relu(start.unsqueeze(2) + _windows(end, self.config.max_width) + self.span_width.weight)
        outside = self.outside(span)  # (b, w, k, 1)
        span = functional.normalize(self.span_out(span), dim=-1)
        scores: Tensor = self.log_scale.exp() * (span @ labels.T) - outside
        return scores

    def forward(self, batch: Batch, label_states: Tensor) -> Tensor:
        """`score_spans` from ids; `label_states` as `encode_labels` returns them."""
        return self.score_spans(self.encode_pieces(batch), batch, self.project_labels(label_states))


def span_mask(word_mask: Tensor, max_width: int) -> Tensor:
    """Which spans lie inside their passage: (b, w, max_width) booleans."""
    return word_mask.unsqueeze(2) & _windows(word_mask.unsqueeze(-1), max_width).squeeze(-1)


def _gather(vectors: Tensor, positions: Tensor) -> Tensor:
    """Rows of (b, t, d) at (b, w) positions: (b, w, d)."""
    return vectors.gather(1, positions.unsqueeze(-1).expand(-1, -1, vectors.size(-1)))


def _windows(vectors: Tensor, width: int) -> Tensor:
    """Each position's next `width` rows, itself first, zeros past the end: (b, w, width, d)."""
    padded = functional.pad(vectors, (0, 0, 0, width - 1))
    return padded.unfold(1, width, 1).transpose(2, 3)
