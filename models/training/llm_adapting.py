"""An adaptation of a language model: what examples beside a text are worth, and what tuning by them adds.

Owns the order of the steps, the verdict and the receipt of the engine `llm`. Nothing is learnt by showing examples, so
every example is asked about with the others beside it; where a model is tuned, it is asked about what it has not seen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from models.llm import LLMCalibration, LLMTagger
from models.training import judging
from models.training.adapting import BETTER, UNKNOWN, WORSE, Clock, described, points
from models.training.judging import Judged
from models.training.loop import losses
from models.training.support import folds

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from models.asking import Generator, Retriever
    from models.types import Document, Label, Prediction, Span

#: Most examples that are asked about, twice each.
JUDGED = 200
#: Texts that are asked about between two looks at whether to go on.
TOGETHER = 16
#: Margins tried, and the largest share of documents that may have a score within the margin.
MARGINS = tuple(round(0.05 * i, 2) for i in range(1, 20))
FLAGGED = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """A language model that learnt."""

    generator: Generator
    #: Writes its adapter as a new folder.
    write: Callable[[Path], None]


#: Tunes by documents; keeps checkpoints in a folder, is told to tell the share that is done.
Tuner = Callable[["Sequence[Document]", "Path", "Callable[[float], None]"], Tuned]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What a language model is to be judged by."""

    #: The model as it is.
    generator: Generator
    #: Finds the nearest of the examples; never a text itself.
    retriever: Retriever
    examples: Sequence[Document]
    labels: Sequence[Label]
    #: Most padded pieces in a batch.
    budget: int
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompted:
    """What an adaptation makes."""

    calibration: LLMCalibration
    #: None where nothing was to be learnt.
    tuned: Tuned | None
    #: Plain values that JSON can hold; `verdict` is `better`, `worse` or `unknown`.
    receipt: dict[str, Any]


def adapt(lesson: Lesson, tune: Tuner | None, folder: Path, watch: Callable[[str, float], None]) -> Prompted:
    """Judge by examples that were checked, and tune where there is a tuner; a killed run goes on from `folder`.

    `watch` is told the stage (`judging`, `learning`) and which share of it is done, in [0, 1]; what it raises ends the
    work.
    """
    clock = Clock(folder)

    def tell(stage: str, share: float) -> None:
        clock.keep()
        watch(stage, share)

    judged, notes = _judged(lesson, tune, folder / "judging", lambda done: tell("judging", done))
    tuned, learnt = None, {}
    if tune is not None:
        tuned = tune(lesson.examples, folder / "learning", lambda done: tell("learning", done))
        curve = losses(folder / "learning")
        learnt = {"steps": len(curve), "loss": points(curve)}
    calibration = LLMCalibration(margin=_margin(judged))
    held_out = judging.receipt(judged, lesson.labels, calibration.threshold)
    receipt = {
        **held_out,
        "labels": described(lesson.labels, lesson.examples, held_out.get("labels", {})),
        "examples": len(lesson.examples),
        "llm": lesson.generator.name,
        "verdict": verdict(held_out),
        **notes,
        **learnt,
        "seconds": round(clock.seconds, 1),
    }
    return Prompted(calibration=calibration, tuned=tuned, receipt=receipt)


def verdict(held_out: dict[str, Any]) -> str:
    """Whether held-out F1 is better than that of the same language model without examples."""
    gained = held_out["after"]["f1"] - held_out["before"]["f1"] if "after" in held_out else 0.0
    return UNKNOWN if gained == 0 else BETTER if gained > 0 else WORSE


def _judged(
    lesson: Lesson, tune: Tuner | None, folder: Path, watch: Callable[[float], None]
) -> tuple[Judged | None, dict[str, Any]]:
    """Answers before and after, and what else is to be known of them."""
    parts, how = _parts(lesson) if tune is None else judging.parts_of(lesson.examples, lesson.seed)
    if not parts:
        return None, {}
    documents: list[Document] = []
    before, after = _Answers(lesson), _Answers(lesson)
    for number, part in enumerate(parts):
        unseen = [lesson.examples[i] for i in part]

        def share(done: float, number: int = number) -> None:
            watch((number + done) / len(parts))

        before.ask(lesson.generator, None, unseen, lambda done, share=share: share(0.2 * done))
        generator = lesson.generator
        if tune is not None:
            seen = [example for i, example in enumerate(lesson.examples) if i not in set(part)]
            generator = tune(seen, folder / f"part-{number}", lambda done, share=share: share(0.2 + 0.6 * done)).generator
        after.ask(generator, lesson.retriever, unseen, lambda done, share=share: share(0.8 + 0.2 * done))
        documents += unseen
    judged = Judged(how=how, documents=tuple(documents), before=tuple(before.spans), after=tuple(after.spans))
    return judged, before.notes("before") | after.notes("after")


def _parts(lesson: Lesson) -> tuple[list[list[int]], str]:
    """All examples at once, or so many that it takes no longer than need be: whoever is asked about is never shown."""
    number = len(lesson.examples)
    if number < 2:
        return [], "one example cannot be held out"
    if number <= JUDGED:
        return [list(range(number))], f"each of {number} examples in turn, the others being those to be shown"
    part = folds(lesson.examples, -(-number // JUDGED), lesson.seed)[0]
    return [part], f"each of {len(part)} examples of {number} in turn, the others being those to be shown"


class _Answers:
    """Spans of documents, and what went wrong with them."""

    def __init__(self, lesson: Lesson) -> None:
        self._lesson = lesson
        self.spans: list[tuple[Span, ...]] = []
        self._failed = 0
        self._flags: dict[str, int] = {}

    def ask(
        self,
        generator: Generator,
        retriever: Retriever | None,
        documents: Sequence[Document],
        watch: Callable[[float], None],
    ) -> None:
        """Answers to all, a few at a time; `watch` is told the share."""
        tagger = LLMTagger(generator, retriever, LLMCalibration())
        for first in range(0, len(documents), TOGETHER):
            watch(first / len(documents))
            texts = [document.text for document in documents[first : first + TOGETHER]]
            found: dict[int, Prediction | None] = {}
            for batch in tagger.tag(texts, self._lesson.labels, budget=self._lesson.budget):
                found.update({outcome.index: outcome.prediction for outcome in batch})
            for i in range(len(texts)):
                self._add(found[i])

    def notes(self, when: str) -> dict[str, Any]:
        """What a receipt says of answers that were none, or that nobody can vouch for."""
        said = {"failed": self._failed} | self._flags
        return {f"{when}_{what}": count for what, count in said.items() if count}

    def _add(self, prediction: Prediction | None) -> None:
        if prediction is None:
            self._failed += 1
            self.spans.append(())
            return
        self.spans.append(prediction.spans)
        for flag in prediction.flags:
            self._flags[flag] = self._flags.get(flag, 0) + 1


def _margin(judged: Judged | None) -> float:
    """The widest margin above the threshold that flags no more than the wanted share of the documents."""
    if judged is None:
        return LLMCalibration().margin
    least = [min((span.score for span in spans), default=1.0) for spans in judged.after]
    flagged = {margin: sum(score < margin for score in least) / len(least) for margin in MARGINS}
    return max((margin for margin in MARGINS if flagged[margin] <= FLAGGED), default=MARGINS[0])
