"""The compact language model as a generator: asks in, tagged spans out, word by word.

Decoding is held to the labels of the job and to spans of the text by what there is to choose from: every word is
copied, and its tag is "outside", "goes on" where something has begun, or one of the labels. Owns the way from texts to
prompts and from tags to spans; the network is `models.incontext`'s.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from models.asking import Answer
from models.batching import by_length
from models.incontext import BEGIN, INSIDE, OUTSIDE
from models.incontext_prompts import Prompt, Tagged, collated
from models.types import Span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from models.asking import Ask
    from models.incontext import InContextModel, Prompts
    from models.states import StateReader, WordStates
    from models.types import Document, Label

#: Most texts whose states are kept: examples are shown again and again.
CACHED_TEXTS = 2000
#: Most words of all examples in one prompt.
MOST_WORDS = 400
NAME = "tagwerk-compact"
#: First and last word, both included, position of the label, and probability of an entity.
Written = tuple[int, int, int, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How the model's probabilities become tags; chosen on held-out data and stored with the weights."""

    #: Added to the log-probability of every beginning: above zero finds more, below zero less.
    eagerness: float = 0.0
    #: The same where no example is shown; None for alike.
    alone: float | None = None


class CompactGenerator:
    """The in-context model with the encoder below it. Not thread-safe."""

    def __init__(
        self,
        reader: StateReader,
        network: InContextModel,
        *,
        reading: Reading | None = None,
        device: torch.device | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.name = NAME
        self.reader, self.network = reader, network.eval()
        self.reading = reading or Reading()
        self.device, self.dtype = device or torch.device("cpu"), dtype
        self._texts: OrderedDict[str, WordStates] = OrderedDict()
        self._labels: dict[Label, Tensor] = {}

    def answer(self, asks: Sequence[Ask], *, budget: int) -> Iterator[list[tuple[int, Answer | Exception]]]:
        """Answers in batches of at most `budget` units; see `models.asking.Generator`."""
        self.network.eval()
        read = self._read(asks)
        prompts = [self._prompt(ask, words) for ask, words in zip(asks, read, strict=True)]
        for group in by_length([prompt.size for prompt, _ in prompts], budget):
            spans = self._write([prompts[i][0] for i in group])
            yield [
                (i, Answer(spans=_spans(asks[i], read[i], found), shown=prompts[i][1]))
                for i, found in zip(group, spans, strict=True)
            ]

    def _read(self, asks: Sequence[Ask]) -> list[WordStates]:
        texts = dict.fromkeys(text for ask in asks for text in (ask.text, *(each.text for each in ask.examples)))
        missing = [text for text in texts if text not in self._texts]
        for text in texts.keys() & self._texts.keys():
            self._texts.move_to_end(text)
        self._texts.update(zip(missing, self.reader.read(missing), strict=True))
        found = [self._texts[ask.text] for ask in asks]
        while len(self._texts) > max(CACHED_TEXTS, len(texts)):
            self._texts.popitem(last=False)
        return found

    def _prompt(self, ask: Ask, words: WordStates) -> tuple[Prompt, int]:
        """The prompt, and how many of the examples it shows."""
        unknown = [label for label in ask.labels if label not in self._labels]
        if unknown:
            self._labels.update(zip(unknown, self.reader.labels(unknown), strict=True))
        position = {label.name: i for i, label in enumerate(ask.labels)}
        examples: list[Tagged] = []
        used = 0
        for document in ask.examples:
            states = self._texts[document.text]
            used += len(states.words)
            if used > MOST_WORDS:
                break
            examples.append(Tagged(states=states.vectors, spans=_word_spans(document, states, position)))
        labels = torch.stack([self._labels[label] for label in ask.labels])
        return Prompt(labels=labels, examples=tuple(examples), text=words.vectors), len(examples)

    @torch.inference_mode()
    def _write(self, prompts: Sequence[Prompt]) -> list[list[Written]]:
        """What is written about each text: at every word the likeliest tag, given those of the words before it.

        All words are asked at once with the tags as they stand, again and again until nothing changes any more. Each
        round settles at least one more word, so this is what asking word by word would give (Jacobi decoding, Santilli
        et al., ACL 2023); a few rounds are enough, as most words are outside whatever is before them.
        """
        asked = collated(prompts).to(self.device)
        left = torch.arange(len(prompts))
        tags = torch.full(asked.text_mask.shape, OUTSIDE, device=self.device)
        owners = torch.full_like(tags, -1)
        found: dict[int, list[Written]] = {}
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
            memory = self.network.read(asked)
            while len(left):
                told, _ = self.network.write(asked, memory, tags, owners)
                chosen = self._chosen(told, asked)
                settled = (chosen[0] == tags).all(1) & (chosen[1] == owners).all(1)
                for row in settled.nonzero().flatten().tolist():
                    which = int(left[row])
                    n = len(prompts[which].text)
                    found[which] = spelled(tags[row, :n].tolist(), owners[row, :n].tolist(), told[row].exp())
                open_ = ~settled
                asked, memory = asked.rows(open_), memory.rows(open_)
                tags, owners, left = chosen[0][open_], chosen[1][open_], left[open_.cpu()]
        return [found[i] for i in range(len(prompts))]

    def _chosen(self, told: Tensor, asked: Prompts) -> tuple[Tensor, Tensor]:
        """The likeliest tags (b, n), and the labels that their words belong to; outside where there is no word."""
        reading, mask = self.reading, asked.text_mask
        alone = reading.eagerness if reading.alone is None else reading.alone
        shown = (asked.groups >= 0).any(1)[:, None, None]
        eager = torch.where(shown, reading.eagerness, alone).to(told.dtype)
        chances = torch.cat([told[..., :BEGIN], told[..., BEGIN:] + eager], -1)
        choice = chances.argmax(-1).masked_fill(~mask, OUTSIDE)
        tags = choice.clamp(max=BEGIN)
        owners = torch.where(choice >= BEGIN, choice - BEGIN, -1)
        for at in range(1, choice.size(1)):
            owners[:, at] = torch.where(choice[:, at] == INSIDE, owners[:, at - 1], owners[:, at])
        return tags, owners


def spelled(tags: Sequence[int], owners: Sequence[int], chances: Tensor) -> list[Written]:
    """Entities of one text from its words' tags and their probabilities (n, 2 + l)."""
    found: list[Written] = []
    for at, tag in enumerate(tags):
        if tag == BEGIN:
            last = at
            while last + 1 < len(tags) and tags[last + 1] == INSIDE:
                last += 1
            chance = chances[at, BEGIN + owners[at]] * chances[at + 1 : last + 1, INSIDE].prod()
            if last + 1 < len(tags):
                chance = chance * (1 - chances[last + 1, INSIDE])
            found.append((at, last, owners[at], float(chance)))
    return found


def _word_spans(document: Document, states: WordStates, position: dict[str, int]) -> tuple[tuple[int, int, int], ...]:
    starts = {word.start: i for i, word in enumerate(states.words)}
    ends = {word.end: i for i, word in enumerate(states.words)}
    return tuple(
        (starts[span.start], ends[span.end], position[span.label])
        for span in document.entities or ()
        if span.start in starts and span.end in ends and span.label in position
    )


def _spans(ask: Ask, states: WordStates, found: Sequence[Written]) -> tuple[Span, ...]:
    return tuple(
        Span(
            start=states.words[first].start,
            end=states.words[last].end,
            label=ask.labels[label].name,
            score=round(chance, 4),
        )
        for first, last, label, chance in found
    )
