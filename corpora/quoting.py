"""How a refused value is shown in a message: short, printable, bounded however big the value is."""

from __future__ import annotations

import reprlib

MAX_SHOWN = 60

_JSON_WORDS = {None: "null", True: "true", False: "false"}


def _limited() -> reprlib.Repr:
    # A YAML file can build a value that is exponentially big when printed: depth and width are both held.
    limited = reprlib.Repr()
    limited.maxlevel = 3
    limited.maxdict = limited.maxlist = 4
    limited.maxstring = limited.maxother = limited.maxlong = MAX_SHOWN
    return limited


def quoted(value: object) -> str:
    """`value` as a message shows it: strings in quotes, JSON's words, cut to about 60 characters."""
    if value is None or isinstance(value, bool):
        return _JSON_WORDS[value]
    try:
        shown = repr(value[: MAX_SHOWN + 1]) if isinstance(value, str) else _limited().repr(value)
    except ValueError:  # an integer with more digits than Python agrees to print
        return f"a {type(value).__name__} too long to show"
    return shown if len(shown) <= MAX_SHOWN + 2 else shown[: MAX_SHOWN - 1] + "…"


def counted(number: int) -> str:
    """A number with thousands separated, as in `1,048,576`."""
    return f"{number:,}"
