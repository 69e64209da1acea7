"""Gold entities of a document: reading and checking what the caller marked."""

from __future__ import annotations

from typing import Any

from corpora.characters import check_characters
from corpora.errors import Refusal
from corpora.quoting import quoted
from models.types import Span, TypeScore


def parse_entities(value: object, length: int) -> tuple[Span, ...] | None:
    """The spans of a document's `entities`, in the order given, for a text of `length` code points.

    Null counts as absent, of an entity's label and types, too: a mention needs neither to be given types. Entities may
    overlap; keys other than start, end, label and types are ignored.
    """
    if value is None:
        return None
    if not isinstance(value, list):
        raise _bad(f"entities is {quoted(value)}, not a list")
    return tuple(_entity(item, number, length) for number, item in enumerate(value, start=1))


def _entity(item: object, number: int, length: int) -> Span:
    if not isinstance(item, dict):
        raise _bad(f'entity {number} is {quoted(item)}, not an object with "start", "end" and "label"')
    start, end = _offset(item, "start", number), _offset(item, "end", number)
    if not 0 <= start <= end <= length:
        raise _bad(f"entity {number} [{quoted(start)}, {quoted(end)}) lies outside the text (length {length})")
    if start == end:
        raise _bad(f"entity {number} [{start}, {end}) is empty; end is the position after the last character")
    return Span(start=start, end=end, label=_label(item, number), types=_types(item.get("types"), number))


def _offset(item: dict[str, Any], key: str, number: int) -> int:
    if key not in item:
        raise _bad(f'entity {number} has no "{key}": {quoted(item)}')
    value = item[key]
    if isinstance(value, bool) or not isinstance(value, int):
        raise _bad(f"entity {number} has {key} {quoted(value)}, not a whole number")
    return value


def _label(item: dict[str, Any], number: int) -> str:
    label = item.get("label")
    if label is None:
        return ""
    if not isinstance(label, str) or not label.strip():
        raise _bad(f"entity {number} has label {quoted(label)}, not a name")
    check_characters(f"the label of entity {number}", label)
    return label


def _types(value: object, number: int) -> tuple[TypeScore, ...] | None:
    """Names, or objects with a name as result lines have them, so that corrected results are read again."""
    if value is None:
        return None
    if not isinstance(value, list):
        raise _bad(f"entity {number} has types {quoted(value)}, not a list of names")
    return tuple(_type(each.get("name") if isinstance(each, dict) else each, number) for each in value)


def _type(name: object, number: int) -> TypeScore:
    if not isinstance(name, str) or not name.strip():
        raise _bad(f"entity {number} has the type {quoted(name)}, not a name")
    check_characters(f"a type of entity {number}", name)
    return TypeScore(name=name)


def _bad(sentence: str) -> Refusal:
    return Refusal("bad_entity", sentence)
