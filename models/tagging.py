"""The bi-encoder with words tagged begin, inside or outside, as LITSET has it, instead of scored spans.

Golde et al. (EACL 2024, section 3): each label is two texts, "begin X" and "inside X", and a word belongs to the
text that its vector is most like. Owns tag scores and what they say of spans; all else is the bi-encoder's.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from models.biencoder import BiEncoder, gather, span_mask, windows
from models.inside import InsideBiEncoder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from transformers import PreTrainedModel

    from models.biencoder import Batch, BiEncoderConfig
    from models.encoder import Encoder
    from models.memory import Neighbours

#: Log-odds are cut here: a chance of one has none.
_MOST = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Markers:
    """Pieces of the words that tell the tags apart."""

    begin: tuple[int, ...]
    inside: tuple[int, ...]
    #: The whole text, special pieces included.
    outside: tuple[int, ...]

    @classmethod
    def of(cls, encoder: Encoder) -> Markers:
        """Those of an encoder's vocabulary."""

        def pieces(text: str, *, special: bool = False) -> tuple[int, ...]:
            return tuple(encoder.tokenizer(text, add_special_tokens=special)["input_ids"])

        return cls(begin=pieces("begin"), inside=pieces("inside"), outside=pieces("outside", special=True))


class TaggingBiEncoder(BiEncoder):
    """Scores words against "begin X" and "inside X"; spans follow from their words. Nested spans cannot be told."""

    def __init__(self, encoder: PreTrainedModel, config: BiEncoderConfig, markers: Markers) -> None:
        super().__init__(encoder, config)
        self._markers = markers
        self._forms = 3 if config.outside == "label" else 2

    def encode_labels(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Unprojected vectors of begin, inside and, where that is a label, outside, side by side: (l, n * width)."""
        markers, plain = self._markers, super().encode_labels
        forms = [plain(*_marked(pieces, input_ids, attention_mask)) for pieces in (markers.begin, markers.inside)]
        if self.config.outside == "label":
            ids = torch.tensor([markers.outside], device=input_ids.device)
            forms.append(plain(ids, torch.ones_like(ids)).expand_as(forms[0]))
        return torch.cat(forms, -1)

    def project_labels(self, label_states: Tensor) -> Tensor:
        """Label vectors, (l, n * d), in the order of `encode_labels`."""
        if not self.config.projected:
            return label_states
        plain = super().project_labels
        return torch.cat([plain(form) for form in label_states.chunk(self._forms, -1)], -1)

    def score_tags(self, pieces: Tensor, batch: Batch, labels: Tensor) -> Tensor:
        """Logits of each word's tags: outside, then begin of every label, then inside: (b, w, 1 + 2 * l)."""
        hidden, units = self._words(pieces, batch)
        parts = labels.chunk(self._forms, -1)
        scores = torch.cat([self.match(units, part) for part in parts[:2]], -1)
        if self.config.outside == "label":
            return torch.cat([self.match(units, parts[2][:1]), scores], -1)
        bar = self.bar(hidden, pieces, torch.cat(parts[:2]))
        return functional.pad(scores - bar, (1, 0))

    def score_spans(self, pieces: Tensor, batch: Batch, labels: Tensor) -> Tensor:
        """Log-odds of every span and label, as the bi-encoder's, from the chance that its words are tagged so.

        That is the chance of a begin, of inside at every further word, and of no inside after the last.
        """
        width = self.config.max_width
        chances = self.score_tags(pieces, batch, labels).float().log_softmax(-1)
        begin, inside = chances[..., 1:].chunk(2, -1)  # (b, w, l) each
        inside = inside.masked_fill(~batch.word_mask.unsqueeze(-1), -_MOST)
        ended = torch.log1p(-inside.exp().clamp_max(1 - 1e-6))
        longer = windows(functional.pad(inside, (0, 0, 0, 1))[:, 1:], width)  # inside of the words that follow
        running = functional.pad(longer[:, :, : width - 1].cumsum(2), (0, 0, 1, 0))
        after = windows(functional.pad(ended, (0, 0, 0, 1))[:, 1:], width)
        chance = begin.unsqueeze(2) + running + after  # (b, w, k, l)
        rest = torch.log1p(-chance.exp().clamp_max(1 - 1e-6))
        return (chance - rest).clamp(-_MOST, _MOST)

    def spans_inside(
        self, pieces: Tensor, batch: Batch, labels: Tensor, neighbours: Neighbours | None = None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """As the bi-encoder's, but all at once: what they follow from is no more than a few scores a word.

        Raises ValueError with neighbours: begin and inside have no vectors of examples to be compared with.
        """
        if neighbours is not None:
            raise ValueError("scoring 'bio' has no memory of examples")
        inside = span_mask(batch.word_mask, self.config.max_width)
        yield inside.nonzero(), self.score_spans(pieces, batch, labels)[inside]

    def _words(self, pieces: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Words before and after their last projection, (b, w, d) each."""
        if not self.config.projected:
            first = gather(pieces, batch.first_piece)
            return first, first
        start, end = self._borders(pieces, batch)
        hidden = functional.relu(start + end)
        return hidden, self.span_out(hidden)


def grown(base: Encoder, network: BiEncoder, config: BiEncoderConfig) -> BiEncoder:
    """A copy of a network in another configuration: with its weights, and fresh ones where it has none."""
    if config == network.config:
        return copy.deepcopy(network)
    found = network_of(replace(base, model=copy.deepcopy(network.encoder)), config)
    found.load_state_dict(network.state_dict(), strict=False)
    return found


def network_of(encoder: Encoder, config: BiEncoderConfig) -> BiEncoder:
    """The network that a configuration asks for, its heads untrained."""
    if config.scoring == "io":
        return InsideBiEncoder(encoder.model, config)
    if config.scoring == "bio":
        return TaggingBiEncoder(encoder.model, config, Markers.of(encoder))
    return BiEncoder(encoder.model, config)


def _marked(pieces: tuple[int, ...], input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
    """The texts with these pieces after their first, special one."""
    marker = torch.tensor(pieces, device=input_ids.device).expand(input_ids.size(0), -1)
    ids = torch.cat([input_ids[:, :1], marker, input_ids[:, 1:]], 1)
    return ids, torch.cat([torch.ones_like(marker), attention_mask], 1)
