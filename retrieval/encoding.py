"""Words of texts as unit vectors in numpy: what is indexed and what is searched with.

Owns the way from the encoder's states to vectors that are compared by their dot product; reading texts is
models.states' business.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from models.states import StateReader
    from models.words import Word

#: Least length of a vector that is divided by its length.
_TINY = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Encoded:
    """A text's words that the encoder sees, in order, and a vector for each."""

    words: tuple[Word, ...]
    #: (words, width), of unit length.
    vectors: NDArray[np.float32]


def encode(reader: StateReader, texts: Sequence[str]) -> list[Encoded]:
    """Each text's words in context as unit vectors."""
    found = reader.read(texts)
    return [Encoded(words=each.words, vectors=unit(each.vectors.numpy())) for each in found]


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The same directions, (..., width), at length 1."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, _TINY), dtype=np.float32)


def pooled(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """One vector for a text: the mean of its words' (words, width), as (width,) of unit length."""
    return unit(vectors.mean(axis=0))
