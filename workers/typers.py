"""Fine types of mentions in one worker process: which typer a folder means, each loaded once, and what it tells.

Owns the way from predictions without types to predictions with them. A document that the typer cannot read fails alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from corpora.documents import NumberedDocument
    from models.mentions import Mention
    from models.tagger import Outcome
    from models.typer import Typer
    from models.types import Prediction, TypeScore
    from models.typing_hierarchy import TypeTree

#: Typers kept loaded; the one used longest ago goes first.
LOADED = 2
#: Mentions from which on a batch of documents is full.
FULL = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class FineTypes:
    """A typer and the types that a job asks for."""

    typer: Typer
    tree: TypeTree
    #: Most padded pieces of a batch.
    budget: int

    @property
    def doubtful(self) -> float:
        """A mention whose likeliest type is less likely than this is told it only because each is told one."""
        return self.typer.judgement.threshold

    def given(self, outcomes: Sequence[Outcome], texts: Sequence[str]) -> list[Outcome]:
        """The same outcomes with the types of every span; one that has a span too long to be read is an error."""
        from models.errors import MentionTooLong

        try:
            return self._given(outcomes, texts)
        except MentionTooLong as error:
            if len(outcomes) == 1:
                return [replace(outcomes[0], prediction=None, error=error)]
            return [each for outcome in outcomes for each in self.given([outcome], texts)]

    def _given(self, outcomes: Sequence[Outcome], texts: Sequence[str]) -> list[Outcome]:
        mentions = [mention for outcome in outcomes for mention in _mentions(outcome, texts)]
        told = iter(self.typer.tell(mentions, self.tree, budget=self.budget))
        return [
            outcome
            if outcome.prediction is None
            else replace(outcome, prediction=_with_types(outcome.prediction, told))
            for outcome in outcomes
        ]


class Typers:
    """Loads typers and keeps some, and the types of the job at hand. Not thread-safe, as the runtime above it."""

    def __init__(self, load: Callable[[Path], Typer], budget: int) -> None:
        self._load, self._budget = load, budget
        self._loaded: dict[Path, Typer] = {}
        self._types: tuple[Sequence[Mapping[str, str]], TypeTree] | None = None

    def ready(self, folder: Path, types: Sequence[Mapping[str, str]]) -> FineTypes:
        """The typer of a folder and the types of a job; raises a ModelError where its files are not whole."""
        return FineTypes(typer=self.typer(folder), tree=self._tree(types), budget=self._budget)

    def typer(self, folder: Path) -> Typer:
        """The typer that lies in a folder; raises as `ready`."""
        if folder not in self._loaded:
            self._loaded[folder] = self._load(folder)
            if len(self._loaded) > LOADED:
                del self._loaded[next(iter(self._loaded))]
        self._loaded[folder] = self._loaded.pop(folder)
        return self._loaded[folder]

    def _tree(self, types: Sequence[Mapping[str, str]]) -> TypeTree:
        # Chunks of one job come one after the other, and ten thousand types take a while to be put in order.
        if self._types is None or self._types[0] != types:
            from models.typing_hierarchy import restored

            self._types = (types, restored(types))
        return self._types[1]


def marked(documents: Sequence[NumberedDocument]) -> Iterator[list[Outcome]]:
    """The mentions that documents carry, as if they had been found; each has its own label, and is certain."""
    from models.tagger import Outcome
    from models.types import Prediction

    batch: list[Outcome] = []
    waiting = 0
    for index, numbered in enumerate(documents):
        spans = tuple(replace(span, types=None) for span in numbered.document.entities or ())
        batch.append(Outcome(index=index, prediction=Prediction(spans=spans)))
        waiting += len(spans)
        if waiting >= FULL:
            yield batch
            batch, waiting = [], 0
    yield batch


def _mentions(outcome: Outcome, texts: Sequence[str]) -> Iterator[Mention]:
    from models.mentions import Mention

    for span in outcome.prediction.spans if outcome.prediction else ():
        yield Mention(text=texts[outcome.index], start=span.start, end=span.end)


def _with_types(prediction: Prediction, told: Iterator[tuple[TypeScore, ...]]) -> Prediction:
    spans = tuple(replace(span, types=types) for span, types in zip(prediction.spans, told, strict=False))
    return replace(prediction, spans=spans)
