"""An adaptation from mentions with types to a typer and its receipt: what it is worth, and what it learnt.

Owns the estimate, the threshold that follows from it, the verdict and the receipt; the recipe is
`models.training.finetype`, checking the examples beforehand is the caller's. Every figure is of a typer that was taught
without the documents it is measured on, its threshold chosen without them; the final one is taught by all of them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from models.mentions import Mention
from models.training.adapting import BETTER, PICTURE, UNKNOWN, WORSE, Clock
from models.training.course import Course
from models.training.finetype import GRID, Example, finetype
from models.training.judging import COVERED, RESAMPLES, parts_of
from models.typed_examples import types_of
from models.typer import Judgement, Typer, chosen
from models.types import Document, Span

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from models.training.finetype import FineTypeConfig
    from models.typing_hierarchy import TypeTree

#: Minutes between checkpoints.
CHECKPOINT_MINUTES = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptedTyper:
    """A typer that was taught by examples."""

    typer: Typer
    #: Plain values that JSON can hold; `verdict` is `better`, `worse` or `unknown`.
    receipt: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Heard:
    """What two typers told of the mentions of one held-out document, the second one at every threshold."""

    wanted: list[set[int]]
    before: list[set[int]]
    after: dict[float, list[set[int]]]


class _Lesson:
    """What is taught and how, for every training of one adaptation."""

    def __init__(
        self, config: FineTypeConfig, base: Typer, documents: Sequence[Document], tree: TypeTree, minutes: float
    ) -> None:
        self.base, self.documents, self.tree, self.minutes = base, documents, tree, minutes
        places = {each.name: i for i, each in enumerate(tree.types)}
        self.wanted = [
            [tree.closed(places[name] for name in types_of(span)) for span in document.entities or ()]
            for document in documents
        ]
        single = all(len(tree.narrowest(types)) == 1 for mentions in self.wanted for types in mentions)
        # Where each mention has one narrowest type, one is told of each.
        self.config = replace(config, single=single)
        self.thresholds = (base.judgement.threshold,) if single else GRID

    def taught(self, positions: Sequence[int], folder: Path, watch: Callable[[float], None]) -> Typer:
        """A typer that has learnt these documents; `folder` keeps what a killed run goes on from."""
        return finetype(
            self.config,
            self.base,
            [each for i in positions for each in self._examples(i)],
            self.tree,
            folder,
            watch=watch,
            minutes=self.minutes,
            checkpoint_minutes=CHECKPOINT_MINUTES,
        )

    def heard(self, typer: Typer, position: int) -> _Heard:
        """What the base and a typer tell of a document's mentions."""
        before = self._told(self.base, position, (self.base.judgement.threshold,))
        return _Heard(
            wanted=self.wanted[position],
            before=next(iter(before.values())),
            after=self._told(typer, position, self.thresholds),
        )

    def parts(self) -> tuple[list[list[int]], str]:
        """Which documents are held out together, rare types spread over all parts; those without mentions teach."""
        marked = [i for i, mentions in enumerate(self.wanted) if mentions]
        parts, how = parts_of([self._labelled(i) for i in marked], self.config.seed)
        return [[marked[i] for i in part] for part in parts], how.replace("label", "type")

    def _labelled(self, position: int) -> Document:
        document = self.documents[position]
        spans = [
            Span(start=span.start, end=span.end, label=self.tree.types[min(self.tree.narrowest(types))].name)
            for span, types in zip(document.entities or (), self.wanted[position], strict=True)
        ]
        return replace(document, entities=tuple(spans))

    def _examples(self, position: int) -> list[Example]:
        document = self.documents[position]
        return [
            Example(mention=Mention(text=document.text, start=span.start, end=span.end), types=types_of(span))
            for span in document.entities or ()
        ]

    def _told(self, typer: Typer, position: int, thresholds: Sequence[float]) -> dict[float, list[set[int]]]:
        mentions = [example.mention for example in self._examples(position)]
        told = {threshold: [set[int]() for _ in mentions] for threshold in thresholds}
        for rows, logits in typer.scored(mentions, self.tree.words):
            for threshold, found in told.items():
                judgement = Judgement(threshold=threshold, single=typer.judgement.single)
                for row, types in zip(rows, chosen(logits, judgement, self.tree), strict=True):
                    found[row] = {i for i, _ in types}
        return told


def adapt_typer(
    config: FineTypeConfig,
    base: Typer,
    documents: Sequence[Document],
    tree: TypeTree,
    folder: Path,
    watch: Callable[[str, float], None],
    *,
    minutes: float,
) -> AdaptedTyper:
    """Teach a typer by documents that were checked; `folder` keeps what a killed run goes on from.

    Each training has so many `minutes` at most. `watch` is told which of the stages `judging` and `learning` is done to
    which share, in [0, 1]; what it raises ends the work.
    """
    clock, lesson = Clock(folder), _Lesson(config, base, documents, tree, minutes)

    def tell(stage: str, share: float) -> None:
        clock.keep()
        watch(stage, share)

    parts, how = lesson.parts()
    heard = _held_out(lesson, parts, folder / "judging", lambda share: tell("judging", share))
    everything = range(len(documents))
    typer = lesson.taught(everything, folder / "learning", lambda share: tell("learning", share))
    threshold = _best([each for part in heard for each in part], lesson.thresholds, base.judgement.threshold)
    typer = Typer(
        typer.encoder,
        typer.network,
        replace(typer.judgement, threshold=threshold),
        device=base.device,
        dtype=base.dtype,
    )
    course = Course.of(folder / "learning")
    course.draw(folder / "learning" / PICTURE)
    receipt = {
        **_judged(heard, how, lesson),
        "examples": len(documents),
        "mentions": sum(map(len, lesson.wanted)),
        "listed": len(tree.types),
        "single": lesson.config.single,
        "threshold": threshold,
        "encoder": base.encoder.name,
        "config": asdict(lesson.config),
        **course.told(),
    }
    receipt["verdict"] = _verdict(receipt)
    receipt["seconds"] = round(clock.seconds, 1)
    return AdaptedTyper(typer=typer, receipt=receipt)


def _held_out(
    lesson: _Lesson, parts: Sequence[Sequence[int]], folder: Path, watch: Callable[[float], None]
) -> list[list[_Heard]]:
    heard = []
    for number, part in enumerate(parts):
        seen = [i for i in range(len(lesson.documents)) if i not in set(part)]

        def share(done: float, number: int = number) -> None:
            watch((number + done) / len(parts))

        typer = lesson.taught(seen, folder / f"part-{number}", share)
        heard.append([lesson.heard(typer, i) for i in part])
    # Thresholds are chosen by other documents than those that they are judged by.
    return heard if len(heard) != 1 else [heard[0][::2], heard[0][1::2]]


def _best(heard: Sequence[_Heard], thresholds: Sequence[float], usual: float) -> float:
    """The threshold with the best macro-F1, the nearest to the usual one among equals."""
    if not heard or len(thresholds) == 1:
        return usual
    return max(thresholds, key=lambda threshold: (_macro(heard, threshold), -abs(threshold - usual)))


def _macro(heard: Sequence[_Heard], threshold: float) -> float:
    return float(_figures(_table(heard, [each.after[threshold] for each in heard]).sum(0))[2])


def _judged(heard: Sequence[Sequence[_Heard]], how: str, lesson: _Lesson) -> dict[str, Any]:
    """Scores before and after, each with its interval; nothing where nothing could be held out."""
    flat = [each for part in heard for each in part]
    counts = Counter(i for mentions in lesson.wanted for types in mentions for i in types)
    names = {lesson.tree.types[i].name: {"mentions": count} for i, count in sorted(counts.items())}
    if not flat:
        return {"held_out": how, "documents": 0, "types": names}
    after = []
    for number, part in enumerate(heard):
        others = [each for other, rest in enumerate(heard) if other != number for each in rest]
        threshold = _best(others, lesson.thresholds, lesson.base.judgement.threshold)
        after += [each.after[threshold] for each in part]
    return {
        "held_out": how,
        "documents": len(flat),
        "before": _scores(flat, [each.before for each in flat]),
        "after": _scores(flat, after),
        "types": names,
    }


def _scores(heard: Sequence[_Heard], told: Sequence[Sequence[set[int]]]) -> dict[str, float | int]:
    """Strict accuracy, micro- and macro-F1 over all mentions, each with its bootstrap interval over documents."""
    table = _table(heard, told)
    drawn = np.random.default_rng(0).integers(len(table), size=(RESAMPLES, len(table)))
    low, high = np.quantile(
        _figures(table[drawn].sum(axis=1)), [(1 - COVERED) / 2, (1 + COVERED) / 2], axis=0
    )  # each (3,)
    found: dict[str, float | int] = {"mentions": int(table[:, 0].sum())}
    for i, name in enumerate(("accuracy", "micro_f1", "macro_f1")):
        found[name] = float(_figures(table.sum(axis=0))[i])
        found[f"{name}_low"], found[f"{name}_high"] = float(low[i]), float(high[i])
    return found


def _table(heard: Sequence[_Heard], told: Sequence[Sequence[set[int]]]) -> NDArray[np.float64]:
    """A row a document: mentions, exact ones, types right, told and wanted, sums of precisions and of recalls."""
    rows = []
    for each, found in zip(heard, told, strict=True):
        pairs = list(zip(each.wanted, found, strict=True))
        right = [len(gold & types) for gold, types in pairs]
        rows.append(
            [
                len(pairs),
                sum(gold == types for gold, types in pairs),
                sum(right),
                sum(len(types) for _, types in pairs),
                sum(len(gold) for gold, _ in pairs),
                sum(n / len(types) for n, (_, types) in zip(right, pairs, strict=True)),
                sum(n / len(gold) for n, (gold, _) in zip(right, pairs, strict=True)),
            ]
        )
    return np.array(rows, dtype=np.float64)


def _figures(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Accuracy, micro- and macro-F1 (..., 3) from sums (..., 7) of rows; every mention is told a type and has one."""
    mentions, exact, right, told, wanted, precisions, recalls = np.moveaxis(sums, -1, 0)
    precision, recall = precisions / mentions, recalls / mentions
    micro = 2 * right / (told + wanted)
    macro = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    return np.stack([exact / mentions, micro, macro], axis=-1)


def _verdict(receipt: dict[str, Any]) -> str:
    """Whether a typer is better than its base by held-out macro-F1."""
    if "after" not in receipt:
        return UNKNOWN
    gained = receipt["after"]["macro_f1"] - receipt["before"]["macro_f1"]
    return UNKNOWN if gained == 0 else BETTER if gained > 0 else WORSE
