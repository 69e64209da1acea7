"""Mentions whose types are known, checked before a typer learns from them: one finding a complaint, with its line.

Owns what a mention's own types are, and what an adaptation of a typer may be given. Torch-free, as `models.examples`.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from models.examples import FEW, KEPT, Finding, Findings
from models.type_entries import Place, finding, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from models.types import Document, Span
    from models.typing_hierarchy import TypeTree

#: Types without an example that a warning names.
_NAMED = 5


def types_of(span: Span) -> tuple[str, ...]:
    """The types that a mention was given by hand; its label alone stands for them where it has no others."""
    if span.types:
        return tuple(each.name for each in span.types)
    return (span.label,) if span.label else ()


def check_typed_examples(examples: Sequence[tuple[int, Document]], tree: TypeTree) -> Findings:
    """Check documents whose mentions carry types, each with its line, against the types that are to be learnt."""
    known = {each.name for each in tree.types}
    errors = [each for line, document in examples for each in _unusable(line, document, known)]
    errors += _contradictions(examples)
    counts = Counter(
        name for _, document in examples for span in document.entities or () for name in types_of(span) if name in known
    )
    if not counts and not errors:
        errors.append(finding(Place(), "no_mentions", "no mention has a type; mark some as entities, with their types"))
    warnings = [*_unseen(tree, counts), *_scarce(counts)]
    return Findings(errors=tuple(errors[:KEPT]), warnings=tuple(warnings[:KEPT]), total=len(errors))


def _unusable(line: int, document: Document, known: set[str]) -> Iterator[Finding]:
    for number, span in enumerate(document.entities or (), start=1):
        names = types_of(span)
        if not names:
            sentence = f"entity {number} [{span.start}, {span.end}) has neither types nor a label that is one"
            yield finding(Place(line=line), "no_types", sentence)
        for name in names:
            if name not in known:
                sentence = f"entity {number} has the unknown type {quoted(name)}; list it among the types"
                yield finding(Place(line=line), "unknown_type", sentence)


def _contradictions(examples: Sequence[tuple[int, Document]]) -> Iterator[Finding]:
    first: dict[tuple[str, int, int], tuple[int, frozenset[str]]] = {}
    for line, document in examples:
        for span in document.entities or ():
            told = frozenset(types_of(span))
            before = first.setdefault((document.text, span.start, span.end), (line, told))
            if before[1] != told:
                what = quoted(document.text[span.start : span.end])
                sentence = f"the mention {what} has other types on line {before[0]}; keep one of the two"
                yield finding(Place(line=line), "contradiction", sentence)


def _unseen(tree: TypeTree, counts: Counter[str]) -> Iterator[Finding]:
    seen = {tree.types[i].name for i in tree.closed(tree.positions(counts))}
    unseen = [each.name for each in tree.types if each.name not in seen]
    if unseen:
        more = f" and {len(unseen) - _NAMED:,} more" if len(unseen) > _NAMED else ""
        said = "has no example and is" if len(unseen) == 1 else "have no example and are"
        sentence = f"{', '.join(map(quoted, unseen[:_NAMED]))}{more} {said} known by words alone"
        yield finding(Place(), "types_without_example", sentence)


def _scarce(counts: Counter[str]) -> Iterator[Finding]:
    for name, number in counts.items():
        if number < FEW:
            said = f"type {quoted(name)} has {number} example{'s' if number > 1 else ''}"
            yield finding(Place(), "few_examples", f"{said}; {FEW} or more make its score mean something")
