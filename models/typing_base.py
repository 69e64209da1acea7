"""What a typer stands on: an encoder as it came, or that of a tagger of ours, which has learnt to tell types apart.

Owns finding it by name. A tagger's encoder is also told how words are written, since its word pieces are uncased.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from models import artifact
from models.encoder import Encoder, load_encoder
from models.shipped import MANIFEST, SHIPPED
from models.states import fingerprint

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class TypingBase:
    """An encoder and, where it is a tagger's, its vectors (shapes, d) of how words are written."""

    encoder: Encoder
    shapes: Tensor | None = None


def load_base(name: str) -> TypingBase:
    """The encoder of the shipped tagger of this name, else the one that `load_encoder` finds.

    Raises EncoderNotFound, WeightsMismatch, or BadArtifact where a tagger's files are damaged.
    """
    if not name.isidentifier() or not (SHIPPED / name / MANIFEST).is_file():
        return TypingBase(encoder=load_encoder(name))
    tagger = artifact.load(SHIPPED / name)
    encoder = replace(tagger.encoder, name=name, fingerprint=fingerprint(tagger), model=tagger.network.encoder)
    shapes = tagger.network.shape_embedding.weight if tagger.network.config.capitals else None
    return TypingBase(encoder=encoder, shapes=shapes)
