"""From the bytes of one line to a JSON object; what the object means is not decided here."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

from corpora.errors import Refusal
from corpora.quoting import quoted

#: Deeper values are refused, so that one accepted here is never too deep for a reader further down the stack.
MAX_DEPTH = 100


def decode_object(line: bytes) -> dict[str, Any]:
    """The JSON object on a line; raises `Refusal` for anything else. Of a key given twice the last counts."""
    value = _parse(_decode(line))
    _check_depth(line, value)
    if not isinstance(value, dict):
        raise Refusal("not_an_object", f'{quoted(value)} is not an object; write {{"id": ..., "text": ...}}')
    return value


def _decode(line: bytes) -> str:
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        found = f"byte 0x{line[error.start]:02x} at position {error.start:,} is not UTF-8"
        raise Refusal("invalid_utf8", f"{found}; save the file as UTF-8") from None
    nul = text.find("\x00")
    if nul >= 0:
        near = quoted(text[max(0, nul - 20) : nul + 20])
        raise Refusal("nul_character", f"a NUL character at position {nul:,}: {near}; save the file as UTF-8")
    return text


def _no_constant(name: str) -> NoReturn:
    raise Refusal("bad_json", f"{name} is not JSON; write null, or a string")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise Refusal("bad_json", f"the number {quoted(digits)} is too large; write it as a string")
    return number


_DECODER = json.JSONDecoder(parse_constant=_no_constant, parse_float=_finite)


def _parse(text: str) -> Any:  # noqa: ANN401 -- any JSON value
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        found = quoted(text[error.pos :].rstrip()) if text[error.pos :].strip() else "the end of the line"
        raise Refusal(
            "bad_json",
            f"not JSON at column {error.pos + 1:,} ({error.msg}), found {found}; write one object a line",
        ) from None
    except RecursionError:
        raise _too_deep() from None
    except ValueError:
        raise Refusal("bad_json", "a number has too many digits; write it as a string") from None


def _check_depth(line: bytes, value: object) -> None:
    if line.count(b"[") + line.count(b"{") <= MAX_DEPTH:
        return
    level, depth = _containers([value]), 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise _too_deep()
        level = [child for item in level for child in _containers(_children(item))]


def _children(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _containers(values: list[object]) -> list[object]:
    return [value for value in values if isinstance(value, dict | list)]


def _too_deep() -> Refusal:
    return Refusal("bad_json", f"values are nested more than {MAX_DEPTH} deep; flatten them")
