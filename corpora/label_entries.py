"""One raw entry of a label file as a label, with every check that an entry can fail by itself."""

from __future__ import annotations

import difflib
from typing import Any

from corpora.characters import check_characters
from corpora.errors import Refusal
from corpora.quoting import quoted
from models.types import Label

_KEYS = ("name", "description", "threshold")


def parse_entry(entry: object, number: int) -> Label:
    """The label of entry `number` (from 1): a name alone, or an object; raises `Refusal`.

    White space around names and descriptions is dropped.
    """
    if isinstance(entry, str):
        return Label(name=_name(entry, number))
    if not isinstance(entry, dict):
        if entry is None or isinstance(entry, list):
            sentence = f"label {number} is {quoted(entry)}, not a name or an object with a name"
            raise Refusal("label_not_an_object", sentence)
        return Label(name=_name(entry, number))
    _check_keys(entry, number)
    if "name" not in entry:
        raise Refusal("missing_name", f'label {number} has no "name": {quoted(dict(entry))}')
    return Label(
        name=_name(entry["name"], number),
        description=_description(entry.get("description"), number),
        threshold=_threshold(entry.get("threshold"), number),
    )


def _check_keys(entry: dict[Any, Any], number: int) -> None:
    for key in entry:
        if key not in _KEYS:
            near = difflib.get_close_matches(str(key), _KEYS, n=1)
            advice = f"did you mean '{near[0]}'?" if near else f"the keys are {', '.join(_KEYS)}"
            raise Refusal("unknown_key", f"label {number} has the unknown key {quoted(key)}; {advice}")


def _name(value: object, number: int) -> str:
    if not isinstance(value, str):
        sentence = f"the name of label {number} is {quoted(value)}, not a string; put it in quotes"
        raise Refusal("name_not_a_string", sentence)
    if not value.strip():
        raise Refusal("blank_name", f"the name of label {number} is {quoted(value)}; give it a name")
    check_characters(f"the name of label {number}", value)
    return value.strip()


def _description(value: object, number: int) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        sentence = f"the description of label {number} is {quoted(value)}, not a string; put it in quotes"
        raise Refusal("bad_description", sentence)
    check_characters(f"the description of label {number}", value)
    return value.strip()


def _threshold(value: object, number: int) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        sentence = f"the threshold of label {number} is {quoted(value)}, not a number from 0 to 1"
        raise Refusal("bad_threshold", sentence)
    return float(value)
