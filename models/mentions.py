"""Mentions in their context, as the typer's encoder reads them: `left [ mention ] (Type: [MASK]) right`.

Owns the template of FiveFine (Dai and Zeng, ACL 2023, section 3.1) and what is cut where a text is long: the context on
both sides, evenly, never the mention.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from models.errors import MentionOutside, MentionTooLong
from models.shapes import Shape, shapes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transformers import PreTrainedTokenizerFast

#: Most pieces of a prompt, special ones included, as long as the mention leaves room.
MOST_PIECES = 128
#: Pieces of context that a mention above the usual length gets on each side, if the encoder reads so many.
_AROUND = 16
#: Characters that a piece has at most, nearly always; what lies further away is not looked at.
_PER_PIECE = 12
#: What a tokenizer's vocabulary calls the place to fill in.
TYPE, LEFT, RIGHT = "Type", "Left", "Right"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """A stretch of a text, `text[start:end]`, in code points."""

    text: str
    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end <= len(self.text):
            size = len(self.text)
            raise MentionOutside(f"the mention [{self.start}, {self.end}) is no stretch of a text of {size} characters")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A mention's pieces, special ones included."""

    pieces: tuple[int, ...]
    #: Position of the `[MASK]` that stands for the type.
    at: int
    #: How the word of each piece is written; `NONE` for pieces of the template.
    shapes: tuple[Shape, ...]
    #: Pieces beside the mention, left and right; None where there is none.
    beside: tuple[int | None, int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptBatch:
    """Prompts as tensors, padded."""

    ids: Tensor  # (b, n)
    mask: Tensor  # (b, n), 1 for pieces
    shapes: Tensor  # (b, n)
    at: Tensor  # (b,)

    def to(self, device: torch.device) -> PromptBatch:
        """The same elsewhere."""
        return PromptBatch(**{name: getattr(self, name).to(device) for name in self.__dataclass_fields__})


def prompts(
    mentions: Sequence[Mention],
    tokenizer: PreTrainedTokenizerFast,
    *,
    cue: str = TYPE,
    most: int = MOST_PIECES,
    limit: int = 512,
) -> list[Prompt]:
    """Each mention in its context. Raises MentionTooLong for one that `limit` pieces do not hold."""
    if not mentions:
        return []
    far = _PER_PIECE * most
    parts = [
        part
        for mention in mentions
        for part in (
            mention.text[max(0, mention.start - far) : mention.start],
            mention.text[mention.start : mention.end],
            mention.text[mention.end : mention.end + far],
        )
    ]
    encoded = tokenizer(parts, add_special_tokens=False, return_offsets_mapping=True)
    found: list[list[int]] = encoded["input_ids"]
    words = [_words(part, encoded, i) for i, part in enumerate(parts)]
    opening, closing = _template(tokenizer, cue)
    return [
        _prompt(mention, found[3 * i : 3 * i + 3], words[3 * i : 3 * i + 3], opening, closing, tokenizer, most, limit)
        for i, mention in enumerate(mentions)
    ]


def collated(found: Sequence[Prompt], padding: int) -> PromptBatch:
    """Prompts as one batch, its length a multiple of 8."""
    n = -(-max(len(prompt.pieces) for prompt in found) // 8) * 8
    ids = torch.full((len(found), n), padding, dtype=torch.long)
    mask, shaped = torch.zeros((len(found), n), dtype=torch.long), torch.zeros((len(found), n), dtype=torch.long)
    for row, prompt in enumerate(found):
        ids[row, : len(prompt.pieces)] = torch.tensor(prompt.pieces)
        mask[row, : len(prompt.pieces)] = 1
        shaped[row, : len(prompt.pieces)] = torch.tensor([int(each) for each in prompt.shapes])
    return PromptBatch(ids=ids, mask=mask, shapes=shaped, at=torch.tensor([prompt.at for prompt in found]))


def _words(part: str, encoded: Any, row: int) -> list[tuple[str, int]]:  # noqa: ANN401 -- what a tokenizer returns
    """The words of a part as the tokenizer splits it, each with the number of its pieces."""
    offsets = encoded["offset_mapping"][row]
    found = []
    for _, group in groupby(zip(encoded.word_ids(row), offsets, strict=True), key=lambda each: each[0]):
        places = [place for _, place in group]
        found.append((part[places[0][0] : places[-1][1]], len(places)))
    return found


def _written(parts: Sequence[Sequence[tuple[str, int]]]) -> list[list[Shape]]:
    """The shape of each piece's word, by part; without a capital anywhere, nothing is known."""
    told = iter(shapes([word for part in parts for word, _ in part]))
    return [[each for (_, count), shape in zip(part, told, strict=False) for each in [shape] * count] for part in parts]


def _template(tokenizer: PreTrainedTokenizerFast, cue: str) -> tuple[list[int], list[int]]:
    """Pieces before the mention, and after it."""
    encoded: list[list[int]] = tokenizer(["[", f"] ({cue}: {tokenizer.mask_token})"], add_special_tokens=False)[
        "input_ids"
    ]
    return encoded[0], encoded[1]


def _prompt(
    mention: Mention,
    parts: Sequence[list[int]],
    words: Sequence[Sequence[tuple[str, int]]],
    opening: list[int],
    closing: list[int],
    tokenizer: PreTrainedTokenizerFast,
    most: int,
    limit: int,
) -> Prompt:
    left, own, right = parts
    needed = len(own) + len(opening) + len(closing) + 2
    if needed > limit:
        raise MentionTooLong(
            f"the mention [{mention.start}, {mention.end}) has {len(own)} pieces; the encoder holds no more than "
            f"{limit - needed + len(own)} of a mention"
        )
    room = min(max(most, needed + 2 * _AROUND), limit) - needed
    before, after = _shares(len(left), len(right), room)
    ahead = [int(tokenizer.cls_token_id), *left[len(left) - before :], *opening, *own]
    at = len(ahead) + closing.index(int(tokenizer.mask_token_id))
    pieces = [*ahead, *closing, *right[:after], int(tokenizer.sep_token_id)]
    shaped = _written(words)
    none = [Shape.NONE]
    written = [
        *none, *shaped[0][len(left) - before :], *none * len(opening), *shaped[1], *none * len(closing),
        *shaped[2][:after], *none,
    ]  # fmt: skip
    beside = (left[-1] if left else None, right[0] if right else None)
    return Prompt(pieces=tuple(pieces), shapes=tuple(written), at=at, beside=beside)


def _shares(left: int, right: int, room: int) -> tuple[int, int]:
    """How many pieces of each side fit: half each, and what one side leaves is the other's."""
    before = min(left, max(room // 2, room - right))
    return before, min(right, room - before)
