"""The bi-encoder: spans of a text and label descriptions in one vector space.

LITSET (Golde et al., EACL 2024, section 3) scores tokens against verbalised labels by a dot product and
trains with cross-entropy over the labels of the batch. Here the scored unit is a span of words rather than a
BIO tag, "outside" is a learned score of the span itself, and the product is a cosine with a learned
temperature; each of these choices is a field of the configuration, with the paper's as the other value.
Owns the network alone; words, windows and decoding are elsewhere, and scoring by tags is in `models.tagging`.
"""

from __future__ import annotations

import copy
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.gaussians import Gaussians
from models.shapes import Shape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from transformers import PreTrainedModel

    from models.memory import Neighbours

#: What each choice of the configuration may be; the first is the default.
CHOICES = {
    "scoring": ("span", "bio", "io"),
    "product": ("cosine", "dot"),
    "outside": ("own", "sentence", "label"),
    "label_side": ("shared", "frozen", "separate"),
    "pooling": ("mean", "first"),
}
#: Spans scored at a time: so many that their scores for some hundred labels stay in a processor's cache, and more where
#: an accelerator would wait for work.
_SPANS_ON_PROCESSOR = 2048
_SPANS_ON_ACCELERATOR = 65_536
#: Added to variances, which come near zero.
_LEAST_SPREAD = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class BiEncoderConfig:
    """Everything that the weights' shapes and meaning depend on. Raises ValueError for an unknown choice."""

    #: Size of the space that spans and labels meet in; without `projected` it is the encoder's width.
    dimension: int = 256
    #: Longest span, in words.
    max_width: int = 12
    #: What is scored: spans as start, end and width together ("span"), words as begin and inside ("bio"), or words as
    #: inside alone ("io").
    scoring: str = "span"
    #: Cosine with a learned temperature ("cosine"), or the plain product of the vectors ("dot").
    product: str = "cosine"
    #: What a label has to beat: a learned score of the span or word ("own"), the label's likeness to the whole passage
    #: ("sentence"; BINDER, Zhang et al., ICLR 2023, section 3.2), or the label text "outside" ("label"; LITSET).
    outside: str = "own"
    #: The label side: the tuned encoder itself, the base as it came, or a second one tuned beside it.
    label_side: str = "shared"
    #: A label's vector: the mean over its pieces ("mean") or that of its first, special piece ("first").
    pooling: str = "mean"
    #: Whether both sides are projected before they meet.
    projected: bool = True
    #: Whether the encoder is told how words are written; an uncased one cannot see it.
    capitals: bool = True
    #: Whether passages are read with the labels that are asked for behind them (Zhang and Zhuang, arXiv 2404.17178).
    suffix: bool = False
    #: Whether vectors stand for Gaussians with variances of their own; else these are all one.
    spread: bool = False
    #: Temperature and outside score that training starts from.
    initial_scale: float = 12.0
    initial_outside: float = 4.0

    def __post_init__(self) -> None:
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} is {getattr(self, name)!r}; it is one of {', '.join(choices)}")
        if self.scoring != "bio" and (self.outside == "label" or not self.projected):
            raise ValueError("outside 'label' and projected false go with scoring 'bio'")
        if self.scoring == "io" and (self.product != "cosine" or self.outside != "own"):
            raise ValueError("scoring 'io' goes with product 'cosine' and outside 'own'")

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
        if config.label_side != "shared":
            self.label_encoder = copy.deepcopy(encoder).requires_grad_(config.label_side == "separate")
        if config.capitals:
            self.shape_embedding = nn.Embedding(len(Shape), width)
            nn.init.zeros_(self.shape_embedding.weight)
        if config.projected:
            self._add_projections(width)
        if config.product == "cosine":
            self.log_scale = nn.Parameter(torch.tensor(config.initial_scale).log())
        if config.outside == "own":
            self.outside = nn.Linear(config.dimension, 1)
            nn.init.zeros_(self.outside.weight)
            nn.init.constant_(self.outside.bias, config.initial_outside)
        if config.spread:
            self.deviation = nn.Linear(config.dimension, config.dimension)
            nn.init.zeros_(self.deviation.weight)
            nn.init.zeros_(self.deviation.bias)
        if config.outside == "sentence":
            self.sentence = nn.Linear(width, config.dimension)
            self.least = nn.Parameter(torch.tensor(config.initial_outside))

    def _add_projections(self, width: int) -> None:
        config = self.config
        self.start = nn.Linear(width, config.dimension)
        self.end = nn.Linear(width, config.dimension)
        self.span_width = nn.Embedding(config.max_width, config.dimension)
        self.span_out = nn.Linear(config.dimension, config.dimension)
        self.label_out = nn.Linear(width, config.dimension)
        nn.init.normal_(self.span_width.weight, std=0.02)

    def freeze_words(self) -> None:
        """Leave the word embeddings of both sides as the base has them: artifacts do not hold them."""
        for side in (self.encoder, self.label_encoder):
            side.get_input_embeddings().requires_grad_(False)

    def encode_pieces(self, batch: Batch) -> Tensor:
        """Contextual vectors of all pieces, (b, t, width)."""
        embedded = self.encoder.get_input_embeddings()(batch.input_ids)
        if self.config.capitals:
            embedded = embedded + self.shape_embedding(batch.shape_ids)
        hidden: Tensor = self.encoder(inputs_embeds=embedded, attention_mask=batch.attention_mask).last_hidden_state
        return hidden

    def encode_labels(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Unprojected label vectors, (l, width): the mean over pieces of the label's text, or its first piece."""
        hidden = self.label_encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        if self.config.pooling == "first":
            return self._scaled(hidden[:, 0])
        mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
        return self._scaled((hidden * mask).sum(1) / mask.sum(1))

    def project_labels(self, label_states: Tensor) -> Tensor:
        """Label vectors, (l, dimension), of unit length for a cosine, from what `encode_labels` returned."""
        return self._scaled(self.label_out(label_states))

    def score_spans(self, pieces: Tensor, batch: Batch, labels: Tensor) -> Tensor:
        """Log-odds of every span and label against "outside": (b, w, max_width, l).

        Span [i, i + k] of words is at `[:, i, k]`. Training sees them through a softmax over the labels and a zero for
        "outside", decoding each on its own. Spans that leave the passage hold rubbish: mask them by `span_mask`.
        """
        start, end = self._borders(pieces, batch)
        span = functional.relu(start.unsqueeze(2) + windows(end, self.config.max_width) + self.span_width.weight)
        return self.match(self.span_out(span), labels) - self.bar(span, pieces, labels)

    def spans_inside(
        self, pieces: Tensor, batch: Batch, labels: Tensor, neighbours: Neighbours | None = None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Places (n, 3) and log-odds (n, l), as of `score_spans`, of the spans inside their passage, some at a time.

        A place is a passage's row, the span's first word and how many words follow it; places come in this order.
        With `neighbours` what was remembered of labelled examples has its share of the log-odds.
        """
        start, end = self._borders(pieces, batch)
        size = _SPANS_ON_PROCESSOR if pieces.device.type == "cpu" else _SPANS_ON_ACCELERATOR
        for places in torch.split(span_mask(batch.word_mask, self.config.max_width).nonzero(), size):
            rows, words, further = places.unbind(-1)
            span = functional.relu(start[rows, words] + end[rows, words + further] + self.span_width(further))
            units = self.span_out(span)
            scores = self.match(units, labels) - self.bar(span, pieces, labels, rows)
            yield places, scores if neighbours is None else neighbours.mixed(scores, self.gaussians(units))

    def span_units(self, pieces: Tensor, batch: Batch, places: Tensor) -> Tensor:
        """Vectors (n, d) of the spans at some places (n, 3), as of `spans_inside`."""
        start, end = self._borders(pieces, batch)
        rows, words, further = places.unbind(-1)
        hidden = functional.relu(start[rows, words] + end[rows, words + further] + self.span_width(further))
        units: Tensor = self.span_out(hidden)
        return units

    def gaussians(self, vectors: Tensor) -> Gaussians:
        """Units or labels (n, d) as Gaussians: at unit variance half the squared distance of two is their `match`."""
        vectors = functional.normalize(vectors.float(), dim=-1)
        scale = self.log_scale.exp() if self.config.product == "cosine" else vectors.new_ones(())
        if not self.config.spread:
            return Gaussians(mean=vectors * scale.sqrt(), spread=torch.ones_like(vectors))
        spread = functional.elu(self.deviation(vectors).float()) + 1 + _LEAST_SPREAD
        return Gaussians(mean=vectors * scale.sqrt(), spread=spread)

    def match(self, units: Tensor, labels: Tensor) -> Tensor:
        """Likeness of units (..., d), spans or words, and labels (l, d): (..., l)."""
        product = self._scaled(units) @ labels.T
        return self.log_scale.exp() * product if self.config.product == "cosine" else product

    def bar(self, hidden: Tensor, pieces: Tensor, labels: Tensor, rows: Tensor | None = None) -> Tensor:
        """What labels (l, d) have to beat at units (b, ..., d) of passages whose pieces are (b, t, width).

        With `rows` (n), units are (n, d), each of the passage at its row.
        """
        if self.config.outside == "own":
            score: Tensor = self.outside(hidden)
            return score
        whole = self.match(self.sentence(pieces[:, 0]), labels) + self.least  # (b, l)
        return whole.view(whole.size(0), *[1] * (hidden.dim() - 2), -1) if rows is None else whole[rows]

    def _borders(self, pieces: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Vectors of each word as a span's first and as its last, (b, w, d) each."""
        return gather(self.start(pieces), batch.first_piece), gather(self.end(pieces), batch.last_piece)

    def _scaled(self, vectors: Tensor) -> Tensor:
        return functional.normalize(vectors, dim=-1) if self.config.product == "cosine" else vectors

    def forward(self, batch: Batch, label_states: Tensor) -> Tensor:
        """`score_spans` from ids; `label_states` as `encode_labels` returns them."""
        return self.score_spans(self.encode_pieces(batch), batch, self.project_labels(label_states))


def span_mask(word_mask: Tensor, max_width: int) -> Tensor:
    """Which spans lie inside their passage: (b, w, max_width) booleans."""
    return word_mask.unsqueeze(2) & windows(word_mask.unsqueeze(-1), max_width).squeeze(-1)


def gather(vectors: Tensor, positions: Tensor) -> Tensor:
    """Rows of (b, t, d) at (b, w) positions: (b, w, d)."""
    return vectors.gather(1, positions.unsqueeze(-1).expand(-1, -1, vectors.size(-1)))


def windows(vectors: Tensor, width: int) -> Tensor:
    """Each position's next `width` rows, itself first, zeros past the end: (b, w, width, d)."""
    padded = functional.pad(vectors, (0, 0, 0, width - 1))
    return padded.unfold(1, width, 1).transpose(2, 3)
