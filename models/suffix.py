"""The labels that are asked for, as pieces behind every passage.

Zhang and Zhuang (arXiv 2404.17178) append labels in natural language to the context, so that words are read in their
light. Owns their order and how many there may be. Whoever reads with a suffix reads a passage differently for other
labels, but the same whatever order they come in and whatever else is in a batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transformers import PreTrainedTokenizerFast

    from models.types import Label

#: Most pieces of all labels together, the last special one included. Labels behind those that fit are left out: they
#: are still matched, only not read.
MOST = 96


def suffix(labels: Sequence[Label], tokenizer: PreTrainedTokenizerFast) -> tuple[int, ...]:
    """Names of the labels in alphabetical order, commas between them, and a special piece: at most `MOST` pieces."""
    names = sorted({label.name.replace("_", " ").strip().casefold() for label in labels})
    found: list[int] = []
    for name in names:
        more = tokenizer(f", {name}" if found else name, add_special_tokens=False)["input_ids"]
        if len(found) + len(more) >= MOST:
            break
        found += more
    return (*found, int(tokenizer.sep_token_id)) if found else ()
