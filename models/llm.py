"""A language model as an engine: texts and labels in, predictions out, with examples from a search.

Owns the path from text to spans around any generator: windows, one search a window, thresholds, what is to be known
of how a prediction came about. Which model answers, and how it is held to the text, is the generator's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from models.asking import RETRIEVAL_DEGRADED, Answer, Ask, Retrieved
from models.decoding import flat, overlaps
from models.passages import stretches
from models.tagger import Calibration, Outcome
from models.types import Prediction, Span
from models.words import split_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from models.asking import Generator, Retriever
    from models.types import Label

#: Words of a window where the generator does not ask for fewer or more.
WINDOW = 120
#: Share of a window that it has in common with the next.
OVERLAP = 0.25
#: Windows that are searched for and asked about at a time.
BLOCK = 256
#: How a generator's scores are read where nothing was chosen: what it writes is reported, unless it is very unsure.
CALIBRATION = Calibration(threshold=0.1, margin=0.09)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Window:
    """A stretch of a text; spans that begin in [owned) are its to report."""

    index: int
    start: int
    text: str
    owned: tuple[int, int]


@dataclass(slots=True, kw_only=True)
class _Pending:
    """A text whose windows are not all answered."""

    windows: int
    missing: int
    spans: list[Span] = field(default_factory=list)
    near_misses: list[Span] = field(default_factory=list)
    flags: set[str] = field(default_factory=set)


class LLMTagger:
    """A generator and a search for examples, ready to tag. Without a search, the model is asked without examples."""

    def __init__(
        self,
        generator: Generator,
        retriever: Retriever | None = None,
        calibration: Calibration = CALIBRATION,
        *,
        window: int = WINDOW,
    ) -> None:
        """`window` is the most words that one ask shows of a text; what fits depends on the generator's context."""
        self.generator, self.retriever, self.calibration, self.window = generator, retriever, calibration, window

    def recalibrated(self, calibration: Calibration) -> LLMTagger:
        """The same generator and search, read by another calibration."""
        return LLMTagger(self.generator, self.retriever, calibration, window=self.window)

    def thresholds(self, labels: Sequence[Label]) -> dict[str, float]:
        """The threshold that each label is held to."""
        default = self.calibration.threshold
        return {label.name: default if label.threshold is None else label.threshold for label in labels}

    def tag(self, texts: Sequence[str], labels: Sequence[Label], *, budget: int = 4096) -> Iterator[list[Outcome]]:
        """Tag texts; asks go to the generator in batches of at most `budget` padded pieces.

        Yields after every batch what that batch finished, so that a caller may stop in between; every text comes
        back exactly once. A text that fails comes back alone with its error, unless that is a transient one: it is
        raised, as is what the search raises, and the texts are to be tagged again. Raises ValueError without labels.
        """
        if not labels:
            raise ValueError("there are no labels to tag with")
        pending, windows = self._cut(texts)
        for begin in range(0, len(windows), BLOCK):
            block = windows[begin : begin + BLOCK]
            asks = self._asks(block, labels, pending)
            for batch in self.generator.answer(asks, budget=budget):
                yield self._finish([(block[i], answer) for i, answer in batch], pending, labels)

    def predict(self, texts: Sequence[str], labels: Sequence[Label], *, budget: int = 4096) -> list[Prediction]:
        """Predictions in the order of `texts`; raises the first text's error, if any met one."""
        found: dict[int, Prediction] = {}
        for outcome in (o for batch in self.tag(texts, labels, budget=budget) for o in batch):
            if outcome.prediction is None:
                raise outcome.error or RuntimeError("a text came back without a prediction")
            found[outcome.index] = outcome.prediction
        return [found[i] for i in range(len(texts))]

    def _cut(self, texts: Sequence[str]) -> tuple[dict[int, _Pending], list[_Window]]:
        pending: dict[int, _Pending] = {}
        windows: list[_Window] = []
        for index, text in enumerate(texts):
            found = _windows(index, text, self.window)
            pending[index] = _Pending(windows=len(found), missing=len(found))
            windows += found
        return pending, windows

    def _asks(self, block: Sequence[_Window], labels: Sequence[Label], pending: dict[int, _Pending]) -> list[Ask]:
        texts = [window.text for window in block]
        found = [Retrieved(examples=())] * len(block) if self.retriever is None else self.retriever.near(texts)
        for window, retrieved in zip(block, found, strict=True):
            if retrieved.degraded and window.index in pending:
                pending[window.index].flags.add(RETRIEVAL_DEGRADED)
        chosen = tuple(labels)
        return [
            Ask(text=text, labels=chosen, examples=retrieved.examples)
            for text, retrieved in zip(texts, found, strict=True)
        ]

    def _finish(
        self, batch: list[tuple[_Window, Answer | Exception]], pending: dict[int, _Pending], labels: Sequence[Label]
    ) -> list[Outcome]:
        done: list[Outcome] = []
        for window, answer in batch:
            item = pending.get(window.index)
            if item is None:  # failed by an earlier window
                continue
            if isinstance(answer, Exception):
                if not getattr(answer, "permanent", True):
                    raise answer
                done.append(Outcome(index=window.index, error=answer))
                del pending[window.index]
                continue
            item.spans += self._owned(window, answer.spans)
            item.near_misses += self._owned(window, answer.near_misses)
            item.flags.update(answer.flags)
            item.missing -= 1
            if not item.missing:
                done.append(Outcome(index=window.index, prediction=self._decide(pending.pop(window.index), labels)))
        return done

    def _owned(self, window: _Window, spans: Sequence[Span]) -> Iterator[Span]:
        """The spans that are the window's to report, at their places in the text, with calibrated scores."""
        first, last = window.owned
        for span in spans:
            start, end = window.start + span.start, window.start + span.end
            if first <= start < last:
                yield replace(span, start=start, end=end, score=calibrated(span.score, self.calibration))

    def _decide(self, item: _Pending, labels: Sequence[Label]) -> Prediction:
        thresholds = self.thresholds(labels)
        kept = flat(span for span in item.spans if span.score >= thresholds[span.label])
        margin = self.calibration.margin
        misses = flat(
            span
            for span in (*item.spans, *item.near_misses)
            if thresholds[span.label] - margin <= span.score < thresholds[span.label] and not overlaps(span, kept)
        )
        return Prediction(
            spans=tuple(kept),
            near_misses=tuple(misses),
            windows=item.windows,
            thresholds=thresholds,
            flags=tuple(sorted(item.flags)),
        )


def calibrated(score: float, calibration: Calibration) -> float:
    """A generator's score as a chance: its log-odds shifted and tempered."""
    if not 0 < score < 1:
        return score
    odds = (math.log(score) - math.log1p(-score) + calibration.shift) / calibration.temperature
    return round(1 / (1 + math.exp(-max(-700.0, odds))), 4)


def _windows(index: int, text: str, most: int) -> list[_Window]:
    """Windows over a text of at most `most` words, at least one; all that is not white space is in one of them."""
    words = split_words(text)
    if len(words) <= most:
        return [_Window(index=index, start=0, text=text, owned=(0, len(text) + 1))]
    found: list[_Window] = []
    for (first, last), owned in stretches([1] * len(words), most, int(most * OVERLAP)):
        start, end = words[first].start, words[last - 1].end
        begin = words[first + owned[0]].start
        after = first + owned[1]
        until = words[after].start if after < len(words) else len(text) + 1
        found.append(_Window(index=index, start=start, text=text[start:end], owned=(begin, until)))
    return found
