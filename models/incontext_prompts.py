"""Prompts of the in-context model: labels, tagged examples and a text as padded tensors.

Owns the form alone; where examples come from, and what is answered, are elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from models.incontext import BEGIN, INSIDE, OUTSIDE, Prompts

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Tagged:
    """Words in context with the entities among them: first and last word, both included, and the label's position."""

    states: Tensor  # (w, d)
    spans: tuple[tuple[int, int, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What one answer is asked for with."""

    labels: Tensor  # (l, d)
    examples: tuple[Tagged, ...]
    text: Tensor  # (n, d)

    @property
    def size(self) -> int:
        """Units that the prompt and its answer take."""
        return len(self.labels) + sum(len(each.states) for each in self.examples) + 2 * len(self.text)


def tags_of(spans: Sequence[tuple[int, int, int]], words: int) -> tuple[Tensor, Tensor]:
    """Tags and owners (words,) of flat spans; see `models.incontext.Prompts`."""
    tags = torch.full((words,), OUTSIDE)
    owners = torch.full((words,), -1)
    for first, last, label in spans:
        tags[first], tags[first + 1 : last + 1] = BEGIN, INSIDE
        owners[first : last + 1] = label
    return tags, owners


def collated(prompts: Sequence[Prompt]) -> Prompts:
    """Prompts padded to the longest of each part, none of which is empty."""
    b = len(prompts)
    width = prompts[0].text.size(-1)
    most_labels = max(len(prompt.labels) for prompt in prompts)
    most_words = max(1, *(sum(len(each.states) for each in prompt.examples) for prompt in prompts), 1)
    longest = max(1, *(len(prompt.text) for prompt in prompts), 1)
    made = Prompts(
        labels=torch.zeros(b, most_labels, width),
        label_mask=torch.zeros(b, most_labels, dtype=torch.bool),
        examples=torch.zeros(b, most_words, width),
        groups=torch.full((b, most_words), -1),
        places=torch.zeros(b, most_words, dtype=torch.long),
        tags=torch.full((b, most_words), OUTSIDE),
        owners=torch.full((b, most_words), -1),
        text=torch.zeros(b, longest, width),
        text_mask=torch.zeros(b, longest, dtype=torch.bool),
    )
    for row, prompt in enumerate(prompts):
        made.labels[row, : len(prompt.labels)] = prompt.labels
        made.label_mask[row, : len(prompt.labels)] = True
        made.text[row, : len(prompt.text)] = prompt.text
        made.text_mask[row, : len(prompt.text)] = True
        _place(made, row, prompt.examples)
    return made


def _place(made: Prompts, row: int, examples: Sequence[Tagged]) -> None:
    at = 0
    for group, example in enumerate(examples):
        here = slice(at, at + len(example.states))
        made.examples[row, here] = example.states.to(made.examples.dtype)
        made.groups[row, here] = group
        made.places[row, here] = torch.arange(len(example.states))
        made.tags[row, here], made.owners[row, here] = tags_of(example.spans, len(example.states))
        at = here.stop
