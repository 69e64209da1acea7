"""Words in context as vectors: what a tagger's encoder makes of each word of a text.

Owns reading texts of any length, each word from the window that owns it; what vectors are compared for is its
callers' business.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from models.batching import by_length, collate, padded
from models.passages import OVERLAP, WINDOW, passages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.biencoder import Batch
    from models.passages import Passage
    from models.tagger import Tagger
    from models.types import Label
    from models.words import Word


@dataclass(frozen=True, slots=True, kw_only=True)
class WordStates:
    """A text's words that the encoder sees, in order, and a vector for each."""

    words: tuple[Word, ...]
    #: (words, width), float32, on the processor; not normalised.
    vectors: Tensor


class StateReader:
    """A tagger's encoder as a reader of words in context: the mean over a word's pieces of their last states."""

    def __init__(self, tagger: Tagger) -> None:
        self._tagger = tagger
        self._encoder = tagger.encoder
        self.width = tagger.encoder.width
        self.fingerprint = fingerprint(tagger)
        self._window = min(WINDOW, tagger.encoder.max_pieces // 8 * 8 - 2)
        self._overlap = min(OVERLAP, self._window // 3)

    def read(self, texts: Sequence[str], *, budget: int = 4096) -> list[WordStates]:
        """Words and vectors of each text, read in batches of at most `budget` padded pieces."""
        cut = [passages(text, self._encoder.tokenizer, window=self._window, overlap=self._overlap) for text in texts]
        items = [passage for each in cut for passage in each]
        done = iter(zip(items, self.read_passages(items, budget=budget), strict=True))
        return [self._joined([next(done) for _ in each]) for each in cut]

    def read_passages(self, items: Sequence[Passage], *, budget: int = 4096) -> list[Tensor]:
        """Vectors (words, width) of each passage, none of which may be longer than the encoder reads."""
        states: list[Tensor] = [torch.empty(0)] * len(items)
        for group in by_length([padded(len(item.pieces)) for item in items], budget):
            for i, found in zip(group, self._states([items[i] for i in group]), strict=True):
                states[i] = found
        return states

    def labels(self, labels: Sequence[Label]) -> Tensor:
        """Unprojected vectors of labels, (l, width), float32, of unit length."""
        return self._tagger.label_states(labels)

    @torch.inference_mode()
    def _states(self, items: list[Passage]) -> list[Tensor]:
        tagger = self._tagger
        batch = collate(items, self._encoder.tokenizer).to(tagger.device)
        with torch.autocast(tagger.device.type, tagger.dtype, enabled=tagger.dtype != torch.float32):
            pieces = tagger.network.encode_pieces(batch)
        vectors = word_means(pieces.float(), batch).cpu()
        return [vectors[row, : len(item.shapes)] for row, item in enumerate(items)]

    def _joined(self, parts: Sequence[tuple[Passage, Tensor]]) -> WordStates:
        words = tuple(word for passage, _ in parts for word in passage.words[slice(*passage.owned)])
        vectors = torch.cat([states[slice(*passage.owned)] for passage, states in parts])
        return WordStates(words=words, vectors=vectors.view(len(words), self.width))


def word_means(pieces: Tensor, batch: Batch) -> Tensor:
    """Mean of each word's piece vectors: (b, w, width) of (b, t, width); rubbish where there is no word."""
    sums = functional.pad(pieces.cumsum(1), (0, 0, 1, 0))
    width = pieces.size(-1)
    first, last = (each.unsqueeze(-1).expand(-1, -1, width) for each in (batch.first_piece, batch.last_piece))
    return (sums.gather(1, last + 1) - sums.gather(1, first)) / (last - first + 1)


def fingerprint(tagger: Tagger) -> str:
    """SHA-256 of what decides a tagger's states: its base and the weights of its encoder as they are stored."""
    digest = hashlib.sha256(tagger.encoder.fingerprint.encode())
    words = tagger.network.encoder.get_input_embeddings().weight
    for name, tensor in sorted(tagger.network.state_dict(keep_vars=True).items()):
        if name.startswith(("encoder.", "shape_embedding.")) and tensor is not words:
            digest.update(name.encode())
            digest.update(tensor.detach().to("cpu", torch.float16).contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
