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
    from models.incontext import InContextModel
    from models.states import StateReader, WordStates
    from models.types import Document, Label

#: Most texts whose states are kept: examples are shown again and again.
CACHED_TEXTS = 2000
#: Most words of all examples in one prompt.
MOST_WORDS = 400
NAME = "tagwerk-compact"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How the model's probabilities become tags; chosen on held-out data and stored with the weights."""

    #: Added to the log-probability of every beginning: above zero finds more, below zero less.
    eagerness: float = 0.0


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
    def _write(self, prompts: Sequence[Prompt]) -> list[list[tuple[int, int, int, float]]]:
        """First and last word, label and probability of what is written about each text."""
        batch = collated(prompts).to(self.device)
        sizes = [len(prompt.text) for prompt in prompts]
        written = [_Writer() for _ in prompts]
        tag = torch.full((len(prompts),), OUTSIDE, device=self.device)
        owner = torch.full((len(prompts),), -1, device=self.device)
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
            memory = self.network.read(batch)
            for at in range(max(sizes, default=0)):
                told = self.network.step(batch, memory, at, tag, owner)
                chances = told.clone()
                chances[:, BEGIN:] += self.reading.eagerness
                choice = chances.argmax(-1)
                for row, (which, probabilities) in enumerate(zip(choice.tolist(), told.exp().tolist(), strict=True)):
                    if at < sizes[row]:
                        written[row].write(at, which, probabilities)
                tag = choice.clamp(max=BEGIN)
                owner = torch.where(choice >= BEGIN, choice - BEGIN, torch.where(choice == INSIDE, owner, -1))
        return [each.finished() for each in written]


class _Writer:
    """Gathers one text's entities from its tags."""

    def __init__(self) -> None:
        self._done: list[tuple[int, int, int, float]] = []
        self._open: tuple[int, int, int, float] | None = None

    def write(self, at: int, choice: int, probabilities: Sequence[float]) -> None:
        if self._open is not None:
            first, _, label, chance = self._open
            if choice == INSIDE:
                self._open = (first, at, label, chance * probabilities[INSIDE])
                return
            self._done.append((first, at - 1, label, chance * (1 - probabilities[INSIDE])))
            self._open = None
        if choice >= BEGIN:
            self._open = (at, at, choice - BEGIN, probabilities[choice])

    def finished(self) -> list[tuple[int, int, int, float]]:
        return self._done + ([self._open] if self._open is not None else [])


def _word_spans(document: Document, states: WordStates, position: dict[str, int]) -> tuple[tuple[int, int, int], ...]:
    starts = {word.start: i for i, word in enumerate(states.words)}
    ends = {word.end: i for i, word in enumerate(states.words)}
    return tuple(
        (starts[span.start], ends[span.end], position[span.label])
        for span in document.entities or ()
        if span.start in starts and span.end in ends and span.label in position
    )


def _spans(ask: Ask, states: WordStates, found: Sequence[tuple[int, int, int, float]]) -> tuple[Span, ...]:
    return tuple(
        Span(
            start=states.words[first].start,
            end=states.words[last].end,
            label=ask.labels[label].name,
            score=round(chance, 4),
        )
        for first, last, label, chance in found
    )
