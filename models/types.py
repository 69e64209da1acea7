"""The vocabulary every room speaks: documents, labels, spans, predictions.

Plain frozen values without torch, so that rooms which never run a model can import them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """An entity type in plain words: what the user calls it and what it means."""

    name: str
    description: str = ""
    #: Least score, in [0, 1], at which a span of this label is reported; None leaves it to the tagger.
    threshold: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeScore:
    """A fine type of a mention and how likely it is, in [0, 1]."""

    name: str
    score: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A labelled stretch of text, `text[start:end]`, in Unicode code points of the caller's own string."""

    start: int
    end: int
    #: Empty: a mention that the caller gave no label.
    label: str
    #: Probability, in [0, 1], that the span is an entity of this label.
    score: float = 1.0
    #: The likeliest first, with all that they are kinds of; None: nobody asked for types, or told any.
    types: tuple[TypeScore, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One text of a corpus; `entities` are gold annotations where the caller gave some."""

    id: str
    text: str
    meta: dict[str, Any] | None = None
    entities: tuple[Span, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What an engine says of one document."""

    #: Flat (never overlapping), in the order of the text.
    spans: tuple[Span, ...]
    #: Best spans that stayed just under their threshold and overlap no reported span.
    near_misses: tuple[Span, ...] = ()
    #: How many overlapping windows the text was read in.
    windows: int = 1
    #: Threshold that each label was held to.
    thresholds: dict[str, float] = field(default_factory=dict)
    #: What is to be known of how it came about: `retrieval_degraded`, `unparsable`, `window_too_long`.
    flags: tuple[str, ...] = ()
