"""What is asked of a language model and what it answers: the words that every in-context engine shares.

Owns the vocabulary only: one window with its labels and examples, an answer in spans of that window, and what a
generator and a search for examples promise. Torch-free.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from models.types import Document, Label, Span

#: The answer held something that is no label of the job or no span of the text; it was left out.
UNPARSABLE = "unparsable"
#: The examples did not come in time or cannot be trusted.
RETRIEVAL_DEGRADED = "retrieval_degraded"
#: A window could not be shown to the model, or not wholly answered, for want of room.
WINDOW_TOO_LONG = "window_too_long"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One window of one text, with what it is to be read for."""

    text: str
    labels: tuple[Label, ...]
    #: Labelled documents, the nearest first; their entities are gold.
    examples: tuple[Document, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a language model says of one window."""

    #: Offsets into the ask's text; flat, in the order of the text; scores are those of the tokens that wrote them.
    spans: tuple[Span, ...]
    #: How many of the examples fitted the prompt.
    shown: int
    #: What is to be known of the answer, such as `UNPARSABLE`.
    flags: tuple[str, ...] = ()
    near_misses: tuple[Span, ...] = ()


class Generator(Protocol):
    """A language model that reads windows."""

    #: As doctor and receipts say it.
    name: str

    def answer(self, asks: Sequence[Ask], *, budget: int) -> Iterator[list[tuple[int, Answer | Exception]]]:
        """Answers, with the positions of their asks, after every batch of at most `budget` padded pieces.

        Every ask comes back once; one that fails comes back alone, with its error.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrieved:
    """What the search found for one text."""

    #: The nearest first.
    examples: tuple[Document, ...]
    #: The search did not answer in time or cannot be trusted: never a silent want of examples.
    degraded: bool = False


class Retriever(Protocol):
    """A search for labelled examples near a text."""

    def near(self, texts: Sequence[str]) -> list[Retrieved]:
        """What was found for each text, in their order."""
