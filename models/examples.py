"""Labelled examples, checked before anything is learnt from them: one finding a complaint, with its line.

Owns what an adaptation may be given. Torch-free, so that a command can refuse examples before a job is made.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from models.words import split_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from models.types import Document, Label, Span

#: Most findings of either kind that are kept.
KEPT = 20
#: Most characters of a value that a message quotes.
QUOTED = 60
#: Fewest examples of a label below which its score after learning is a guess.
FEW = 5
#: Examples from which on learning is bound by its steps, so that each is seen less often than is best.
MANY = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One complaint about the examples; `message` is the whole sentence, line and value included."""

    #: Line of the file, from 1; None where the complaint is about the labels.
    line: int | None
    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What stands in the way of learning, and what does not but should be known."""

    errors: tuple[Finding, ...]
    warnings: tuple[Finding, ...]
    #: How many errors there are in all; `errors` holds the first of them.
    total: int


def check_examples(examples: Sequence[tuple[int, Document]], labels: Sequence[Label]) -> Findings:
    """Check labelled documents, each with its line, against the labels that are to be learnt."""
    known = {label.name for label in labels}
    errors = [
        finding
        for line, document in examples
        for finding in (*_unknown(line, document, known), *_misaligned(line, document))
    ]
    errors += _contradictions(examples)
    counts = Counter(span.label for _, document in examples for span in document.entities or ())
    errors += _without_examples(labels, counts)
    warnings = [*_alone(labels), *_plenty(examples), *_overlapping(examples), *_scarce(labels, counts)]
    warnings += _repeated(examples)
    return Findings(errors=tuple(errors[:KEPT]), warnings=tuple(warnings[:KEPT]), total=len(errors))


def _unknown(line: int, document: Document, known: set[str]) -> Iterator[Finding]:
    for number, span in enumerate(document.entities or (), start=1):
        if span.label not in known:
            names = ", ".join(sorted(known)[:10])
            said = f"has the unknown label {_quoted(span.label)}" if span.label else "has no label"
            yield _at(line, "unknown_label", f"entity {number} {said}; the labels are {names}")


def _misaligned(line: int, document: Document) -> Iterator[Finding]:
    words = split_words(document.text)
    starts, ends = {word.start for word in words}, {word.end for word in words}
    for number, span in enumerate(document.entities or (), start=1):
        if span.start in starts and span.end in ends:
            continue
        inside = [document.text[w.start : w.end] for w in words if w.start < span.start < w.end]
        inside += [document.text[w.start : w.end] for w in words if w.start < span.end < w.end]
        where = f"cuts the word {_quoted(inside[0])}" if inside else "begins or ends in white space"
        found = f"entity {number} [{span.start}, {span.end}) {_quoted(document.text[span.start : span.end])} {where}"
        yield _at(line, "misaligned_span", f"{found}; entities are whole words")


def _contradictions(examples: Sequence[tuple[int, Document]]) -> Iterator[Finding]:
    first: dict[str, tuple[int, set[tuple[int, int, str]]]] = {}
    for line, document in examples:
        spans = {(span.start, span.end, span.label) for span in document.entities or ()}
        before = first.setdefault(document.text, (line, spans))
        if before[1] != spans:
            sentence = f"the text {_quoted(document.text)} has other entities on line {before[0]}; keep one of the two"
            yield _at(line, "contradiction", sentence)


def _without_examples(labels: Sequence[Label], counts: Counter[str]) -> Iterator[Finding]:
    for label in labels:
        if not counts[label.name]:
            sentence = f"label {_quoted(label.name)} has no example; give one or leave the label out"
            yield Finding(line=None, code="label_without_example", message=sentence)


def _alone(labels: Sequence[Label]) -> Iterator[Finding]:
    if len(labels) == 1:
        sentence = f"label {_quoted(labels[0].name)} is the only one; types that it is mistaken for would sharpen it"
        yield Finding(line=None, code="one_label", message=sentence)


def _plenty(examples: Sequence[tuple[int, Document]]) -> Iterator[Finding]:
    if len(examples) >= MANY:
        sentence = f"there are {len(examples):,} examples; from {MANY:,} on each is seen less often than is best"
        yield Finding(line=None, code="many_examples", message=sentence)


def _overlapping(examples: Sequence[tuple[int, Document]]) -> Iterator[Finding]:
    for line, document in examples:
        for one, two in pairwise(sorted(document.entities or (), key=_place)):
            if two.start < one.end:
                sentence = f"entities [{one.start}, {one.end}) and [{two.start}, {two.end}) overlap"
                yield _at(line, "overlapping_spans", f"{sentence}; both are learnt, but answers never overlap")


def _scarce(labels: Sequence[Label], counts: Counter[str]) -> Iterator[Finding]:
    for label in labels:
        if 0 < counts[label.name] < FEW:
            number = counts[label.name]
            said = f"label {_quoted(label.name)} has {number} example{'s' if number > 1 else ''}"
            yield Finding(
                line=None, code="few_examples", message=f"{said}; {FEW} or more make its score mean something"
            )


def _repeated(examples: Sequence[tuple[int, Document]]) -> Iterator[Finding]:
    lines: defaultdict[str, list[int]] = defaultdict(list)
    for line, document in examples:
        lines[document.text].append(line)
    for text, used in lines.items():
        if len(used) > 1:
            yield _at(used[1], "repeated_text", f"the text {_quoted(text)} is also on line {used[0]}")


def _at(line: int, code: str, sentence: str) -> Finding:
    return Finding(line=line, code=code, message=f"line {line}: {sentence}")


def _place(span: Span) -> tuple[int, int]:
    return span.start, span.end


def _quoted(value: str) -> str:
    return repr(value if len(value) <= QUOTED else value[:QUOTED] + "…")
