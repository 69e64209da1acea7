"""An adaptation of a language model: what examples beside a text are worth, and what tuning by them adds.

Owns the order of the steps, the verdict and the receipt of the engine `llm`. Nothing is learnt by showing examples, so
every example is asked about with the others beside it; where a model is tuned, it is asked about what it has not seen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from models.llm import CALIBRATION, LLMTagger, calibrated
from models.training import judging
from models.training.adapting import BETTER, PICTURE, UNKNOWN, WORSE, Clock, described
from models.training.course import Course
from models.training.judging import Judged
from models.training.support import folds

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from models.asking import Generator, Retriever
    from models.tagger import Calibration
    from models.types import Document, Label, Prediction, Span

#: Most examples that are asked about, twice each.
JUDGED = 200
#: Margins tried, and the largest share of documents that may have a score within the margin of its threshold.
MARGINS = tuple(round(0.02 * i, 2) for i in range(1, 31))
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
    #: Most words of a window.
    window: int
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompted:
    """What an adaptation makes."""

    calibration: Calibration
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
        course = Course.of(folder / "learning")
        course.draw(folder / "learning" / PICTURE)
        learnt = course.told()
    calibration, judged = _calibrated(judged)
    held_out = judging.receipt(judged, lesson.labels, calibration.threshold)
    receipt = {
        **held_out,
        "labels": described(lesson.labels, lesson.examples, held_out.get("labels", {})),
        "examples": len(lesson.examples),
        "llm": lesson.generator.name,
        "verdict": verdict(held_out),
        **({"doubts": notes} if notes else {}),
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
) -> tuple[Judged | None, dict[str, int]]:
    """Answers before and after, and how many of them are doubtful for what."""
    parts, how = _parts(lesson) if tune is None else judging.parts_of(lesson.examples, lesson.seed)
    if not parts:
        return None, {}
    documents: list[Document] = []
    # Faint answers too: scores are calibrated by them.
    faint = [replace(label, threshold=judging.FAINT) for label in lesson.labels]
    before, after = _Answers(lesson, lesson.labels), _Answers(lesson, faint)
    for number, part in enumerate(parts):
        unseen = [lesson.examples[i] for i in part]
        here = _share(watch, number / len(parts), 1 / len(parts))
        before.ask(lesson.generator, None, unseen, _share(here, 0.0, 0.2))
        generator = lesson.generator
        if tune is not None:
            seen = [example for i, example in enumerate(lesson.examples) if i not in set(part)]
            generator = tune(seen, folder / f"part-{number}", _share(here, 0.2, 0.6)).generator
        after.ask(generator, lesson.retriever, unseen, _share(here, 0.8, 0.2))
        documents += unseen
    judged = Judged(how=how, documents=tuple(documents), before=tuple(before.spans), after=tuple(after.spans))
    return judged, before.doubts("before") | after.doubts("after")


def _share(watch: Callable[[float], None], start: float, size: float) -> Callable[[float], None]:
    """Tells of a part of some work as a share of the whole."""
    return lambda done: watch(start + size * done)


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

    def __init__(self, lesson: Lesson, labels: Sequence[Label]) -> None:
        self._lesson, self._labels = lesson, labels
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
        """Answers to all; `watch` is told the share before and after every batch."""
        watch(0.0)
        tagger = LLMTagger(generator, retriever, window=self._lesson.window)
        found: dict[int, Prediction | None] = {}
        texts = [document.text for document in documents]
        for batch in tagger.tag(texts, self._labels, budget=self._lesson.budget):
            found.update({outcome.index: outcome.prediction for outcome in batch})
            watch(len(found) / len(texts))
        for i in range(len(texts)):
            self._add(found[i])

    def doubts(self, when: str) -> dict[str, int]:
        """How many answers were none, or are flagged, by what is the matter with them."""
        said = {"failed": self._failed} | self._flags
        return {f"{what} {when}": count for what, count in said.items() if count}

    def _add(self, prediction: Prediction | None) -> None:
        if prediction is None:
            self._failed += 1
            self.spans.append(())
            return
        self.spans.append(prediction.spans)
        for flag in prediction.flags:
            self._flags[flag] = self._flags.get(flag, 0) + 1


def _calibrated(judged: Judged | None) -> tuple[Calibration, Judged | None]:
    """How scores are read from now on, and the answers read so.

    By the temperature that held-out answers ask for, and the widest margin that flags no more than the wanted share of
    their documents.
    """
    if judged is None:
        return CALIBRATION, None
    found = judging.calibrated(CALIBRATION, judged)
    after = tuple(tuple(replace(span, score=calibrated(span.score, found)) for span in spans) for spans in judged.after)
    nearest = [min((abs(span.score - found.threshold) for span in spans), default=1.0) for spans in after]
    flagged = {margin: sum(distance < margin for distance in nearest) / len(nearest) for margin in MARGINS}
    margin = max((margin for margin in MARGINS if flagged[margin] <= FLAGGED), default=MARGINS[0])
    return replace(found, margin=margin), replace(judged, after=after)
