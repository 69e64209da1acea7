"""Label files: the entity types that a user describes in plain words, checked as a whole."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from corpora.errors import InvalidLabels, Problem, Refusal
from corpora.label_entries import parse_entry
from corpora.label_source import entries_of, entry_lines, read_entries
from corpora.problems import Problems
from corpora.quoting import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from models.types import Label

MAX_LABELS = 10_000
MAX_FILE_BYTES = 32 * 1024 * 1024
#: A longer description is longer than the label encoder reads.
LONG_DESCRIPTION = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelFile:
    """Usable labels, and what the user may want to change all the same."""

    labels: tuple[Label, ...]
    warnings: tuple[str, ...]


def load_labels(path: Path) -> LabelFile:
    """The labels of a YAML or JSON file, told apart by content.

    A list of names, a list of `{name, description?, threshold?}`, or a mapping from name to description.
    Raises `InvalidLabels`, its problems with lines where the file tells them, and `OSError` as opening does.
    """
    with path.open("rb") as file:
        data = file.read(MAX_FILE_BYTES + 1)
    try:
        text = _text(data)
        entries = read_entries(text)
    except Refusal as refusal:
        raise InvalidLabels((refusal.at(None),)) from None
    return _labels(entries, lambda: entry_lines(text))


def parse_labels(obj: object) -> LabelFile:
    """The same for data that is parsed already; problems then name the label and no line."""
    try:
        entries = entries_of(obj)
    except Refusal as refusal:
        raise InvalidLabels((refusal.at(None),)) from None
    return _labels(entries, list)


def _text(data: bytes) -> str:
    if len(data) > MAX_FILE_BYTES:
        raise Refusal("labels_too_large", f"the label file has over {MAX_FILE_BYTES:,} bytes; shorten it")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        found = f"byte 0x{data[error.start]:02x} at position {error.start:,} is not UTF-8"
        raise Refusal("invalid_utf8", f"{found}; save the file as UTF-8") from None


def _labels(entries: Sequence[object], lines: Callable[[], list[int]]) -> LabelFile:
    _check_count(len(entries))
    labels: list[Label] = []
    refused: list[tuple[int, Refusal]] = []
    first_use: dict[str, int] = {}
    for number, entry in enumerate(entries, start=1):
        try:
            label = parse_entry(entry, number)
            _check_unused(label.name, number, first_use)
            labels.append(label)
        except Refusal as refusal:
            refused.append((number, refusal))
    if refused:
        raise _invalid(refused, lines())
    return LabelFile(labels=tuple(labels), warnings=tuple(_warnings(labels)))


def _check_count(number: int) -> None:
    if not number:
        problem = Problem.at(None, "no_labels", "there are no labels; write at least one, as in - band")
        raise InvalidLabels((problem,))
    if number > MAX_LABELS:
        sentence = f"there are {number:,} labels, over the limit of {MAX_LABELS:,}; use several jobs"
        raise InvalidLabels((Problem.at(None, "too_many_labels", sentence),))


def _check_unused(name: str, number: int, first_use: dict[str, int]) -> None:
    first = first_use.setdefault(name, number)
    if first != number:
        sentence = f"the name of label {number}, {quoted(name)}, was used before, by label {first}"
        raise Refusal("duplicate_name", sentence)


def _invalid(refused: list[tuple[int, Refusal]], lines: list[int]) -> InvalidLabels:
    problems = Problems()
    for number, refusal in refused:
        problems.add(refusal.at(lines[number - 1] if number <= len(lines) else None))
    return InvalidLabels(problems.kept, problems.total)


def _warnings(labels: Sequence[Label]) -> Iterator[str]:
    for label in labels:
        if not label.description:
            yield f"label {quoted(label.name)} has no description; a sentence on what it means helps"
        elif len(label.description) > LONG_DESCRIPTION:
            size = f"{len(label.description):,} characters"
            yield f"the description of label {quoted(label.name)} has {size}; the encoder will cut it"
    for names in _sharing(labels, lambda label: label.description.casefold()):
        yield f"labels {names} have the same description; say how they differ"
    for names in _sharing(labels, lambda label: label.name.casefold()):
        yield f"labels {names} differ only by case; use one, or names that differ"


def _sharing(labels: Sequence[Label], trait: Callable[[Label], str]) -> Iterator[str]:
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for label in labels:
        groups[trait(label)].append(label.name)
    for value, names in groups.items():
        if value and len(names) > 1:
            yield " and ".join(quoted(name) for name in names[:3]) + (" and more" if len(names) > 3 else "")
