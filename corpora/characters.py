"""The two kinds of character that no text may hold, because databases and UTF-8 cannot store them."""

from __future__ import annotations

from corpora.errors import Refusal
from corpora.quoting import counted, quoted

_AROUND = 20


def check_characters(what: str, value: str) -> None:
    """Refuse a NUL or half a surrogate pair in `value`, which a message calls `what`."""
    nul = value.find("\x00")
    if nul >= 0:
        raise Refusal("nul_character", f"{what} has a NUL character at {_place(value, nul)}; remove it")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise Refusal(
            "lone_surrogate",
            f"{what} has half a surrogate pair at {_place(value, error.start)}; "
            "write the character in UTF-8 or as both halves",
        ) from None


def check_nested_characters(what: str, value: object) -> None:
    """Refuse the same in every string inside a JSON value, keys included."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            check_characters(what, item)
        elif isinstance(item, dict):
            waiting += [*item.keys(), *item.values()]
        elif isinstance(item, list):
            waiting += item


def _place(value: str, index: int) -> str:
    begin = max(0, index - _AROUND)
    return f"position {counted(index)}: {quoted(value[begin : index + _AROUND])}"
