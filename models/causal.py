"""Any causal language model as a generator: it reads asks and answers in spans.

Owns the way from asks to answers on one device: prompts that fit, batches by token budget, decoding held to the
grammar, memory that does not suffice. A span's score is the chance of its line (mention and label) among all lines
that the grammar lets be written there: the product of its pieces' chances, each among the pieces allowed. Where
only one piece may come, its chance is 1, so long words cost nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from models.asking import WINDOW_TOO_LONG, Answer
from models.batching import by_length
from models.errors import WindowTooLong
from models.grammar import Grammar, Writing
from models.parsing import parse
from models.prompting import fit, window_words
from models.stepping import write
from models.tagger import is_device_lost, is_out_of_memory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from models.asking import Ask
    from models.language import LanguageModel


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    """An ask whose prompt fits."""

    ask: Ask
    prompt: list[int]
    shown: int
    room: int


class CausalGenerator:
    """A language model, with or without one of its adapters, as a `Generator`."""

    def __init__(self, language: LanguageModel, adapter: Path | None = None, *, constrained: bool = True) -> None:
        """Answers are held to the grammar, unless `constrained` is False: then they are parsed, for measuring."""
        self.language = language
        self.constrained = constrained
        self.adapter = None if adapter is None else language.adopt(adapter)
        self.name = language.name if adapter is None else f"{language.name}+{adapter.name}"
        #: Words that one window of a long text should have.
        self.window = window_words(language.context)

    def answer(self, asks: Sequence[Ask], *, budget: int) -> Iterator[list[tuple[int, Answer | Exception]]]:
        """As `Generator.answer`, where the room for an answer counts as its prompt does.

        A batch that does not fit the device's memory is tried again in halves; the error of a single ask that does
        not is raised.
        """
        tasks: dict[int, _Task] = {}
        failed: list[tuple[int, Answer | Exception]] = []
        for i, ask in enumerate(asks):
            try:
                tasks[i] = self._task(ask)
            except WindowTooLong:
                failed.append((i, Answer(spans=(), shown=0, flags=(WINDOW_TOO_LONG,))))
            except Exception as error:  # noqa: BLE001 - one bad ask fails alone, whatever it met
                failed.append((i, error))
        if failed:
            yield failed
        places = list(tasks)
        for group in by_length([len(tasks[i].prompt) + tasks[i].room for i in places], budget):
            chosen = [places[i] for i in group]
            yield list(zip(chosen, self._answers([tasks[i] for i in chosen]), strict=True))

    def _task(self, ask: Ask) -> _Task:
        language = self.language
        prompt = fit(ask, lambda text: len(language.framed(text)), language.context)
        return _Task(ask=ask, prompt=language.framed(prompt.text), shown=prompt.shown, room=prompt.room)

    def _answers(self, tasks: list[_Task]) -> list[Answer | Exception]:
        """Answers, or the errors that single tasks met; a batch that fails is halved, as the bi-encoder's are."""
        try:
            return [*self._written(tasks)]
        except RuntimeError as error:
            if is_device_lost(error) or (len(tasks) == 1 and is_out_of_memory(error)):
                raise
            if len(tasks) == 1:
                return [error]
        if self.language.device.type == "cuda":
            torch.cuda.empty_cache()
        half = len(tasks) // 2
        return self._answers(tasks[:half]) + self._answers(tasks[half:])

    def _written(self, tasks: list[_Task]) -> list[Answer]:
        rooms = [task.room for task in tasks]
        prompts = [task.prompt for task in tasks]
        with self.language.wearing(self.adapter) as model:
            if self.constrained:
                writings = [self._writing(task.ask) for task in tasks]
                write(model, prompts, writings, rooms)
                return [_held(writing, task) for writing, task in zip(writings, tasks, strict=True)]
            drafts = [_Draft(self._text, self.language.speller.marks.ends) for _ in tasks]
            write(model, prompts, drafts, rooms)
        return [
            parse(draft.text, task.ask, task.shown, whole=draft.finished, scores=draft.scores)
            for draft, task in zip(drafts, tasks, strict=True)
        ]

    def _writing(self, ask: Ask) -> Writing:
        speller = self.language.speller
        return Writing(Grammar(speller.script(ask.text), ask.labels, speller.labels(ask.labels), speller.marks))

    def _text(self, pieces: Sequence[int]) -> str:
        return str(self.language.tokenizer.decode(list(pieces), clean_up_tokenization_spaces=False))


class _Draft:
    """An answer that is written freely; it ends with the model's own end, or with an empty line."""

    allowed = None

    def __init__(self, decode: Callable[[Sequence[int]], str], ends: Sequence[int]) -> None:
        self._decode, self._ends = decode, ends
        self._pieces: list[int] = []
        self.finished = False
        #: Chance of each line so far.
        self.scores = [1.0]

    @property
    def text(self) -> str:
        """What was written."""
        return self._decode(self._pieces)

    def take(self, piece: int, chance: float) -> None:
        """Go on with a piece."""
        self.scores[-1] *= chance
        if piece in self._ends:
            self.finished = True
            return
        self._pieces.append(piece)
        breaks = self._decode([piece]).count("\n")
        self.scores += [1.0] * breaks
        self.finished = breaks > 0 and self.text.endswith("\n\n")


def _held(writing: Writing, task: _Task) -> Answer:
    flags = () if writing.finished else (WINDOW_TOO_LONG,)
    return Answer(spans=writing.spans, shown=task.shown, flags=flags)
