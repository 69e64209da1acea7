"""The result line: what is said of one document, in the shape that every reader of results knows."""

from __future__ import annotations

import json
from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from models.types import Document, Prediction, Span

_DIGITS = 4
_LAST_SINGLE_UNIT = "\uffff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalation:
    """Why a document goes to people, and how likely it is wrong."""

    #: Machine words such as `low_confidence`, most telling first.
    reasons: tuple[str, ...]
    #: In [0, 1].
    risk: float


def result_line(
    document: Document,
    prediction: Prediction,
    escalation: Escalation | None,
    *,
    tagger: str,
    engine: str,
    typer: str | None = None,
) -> dict[str, Any]:
    """The line of a document that was tagged or typed; offsets count code points, scores have four digits.

    `typer` is the tagger that gave types to what another one found.
    """
    told = {
        "id": document.id,
        "entities": [_entity(document.text, span) for span in prediction.spans],
        "escalation": None if escalation is None else _escalation(escalation),
        "tagger": tagger,
        "engine": engine,
        "windows": prediction.windows,
    }
    return told if typer is None else told | {"typer": typer}


def error_line(id: str, code: str, message: str) -> dict[str, Any]:  # noqa: A002 -- the field's own name
    """The line of a document that failed."""
    return {"id": id, "error": {"code": code, "message": message}}


def utf16_offsets(line: dict[str, Any], text: str) -> dict[str, Any]:
    """The same line with offsets in UTF-16 code units, as JavaScript and Java count; `line` is untouched.

    `text` is the document's own. A line without entities, such as an error, comes back as it is.
    """
    if "entities" not in line:
        return line
    wide = [index for index, character in enumerate(text) if character > _LAST_SINGLE_UNIT]
    return {**line, "entities": [_shifted(entity, wide) for entity in line["entities"]]}


def dump(line: dict[str, Any]) -> str:
    """Compact JSON without a line break, other scripts left readable."""
    return json.dumps(line, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _entity(text: str, span: Span) -> dict[str, Any]:
    found = {
        "start": span.start,
        "end": span.end,
        "text": text[span.start : span.end],
        "label": span.label or None,
        "score": round(float(span.score), _DIGITS),
    }
    if span.types is not None:
        found["types"] = [{"name": each.name, "score": round(float(each.score), _DIGITS)} for each in span.types]
    return found


def _escalation(escalation: Escalation) -> dict[str, Any]:
    return {"reasons": list(escalation.reasons), "risk": round(float(escalation.risk), _DIGITS)}


def _shifted(entity: dict[str, Any], wide: list[int]) -> dict[str, Any]:
    # Every character above the basic plane before an offset takes one unit more than one code point.
    start, end = entity["start"], entity["end"]
    return {**entity, "start": start + bisect_left(wide, start), "end": end + bisect_left(wide, end)}
