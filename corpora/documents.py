"""One line of a corpus as a document, with every check that a line can fail by itself.

Checks across lines (an id used twice, a file without documents) belong to the scan of the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from corpora.characters import check_characters, check_nested_characters
from corpora.entities import parse_entities
from corpora.errors import InvalidCorpus, Refusal
from corpora.json_lines import decode_object
from corpora.quoting import counted, quoted
from models.types import Document

MAX_ID_CHARACTERS = 512
_SHOWN_KEYS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberedDocument:
    """A document and the line of the file it came from, counted from 1."""

    line: int
    document: Document


def parse_document(line_bytes: bytes, line: int) -> Document:
    """The document on one line (line break optional), or `InvalidCorpus` with the first problem found.

    Keys other than id, text, meta and entities are ignored; null for meta or entities counts as absent.
    """
    try:
        return _document(decode_object(line_bytes))
    except Refusal as refusal:
        raise InvalidCorpus((refusal.at(line),)) from None


def _document(fields: dict[str, Any]) -> Document:
    identifier, text = _id(fields), _text(fields)
    return Document(
        id=identifier,
        text=text,
        meta=_meta(fields),
        entities=parse_entities(fields.get("entities"), len(text)),
    )


def _id(fields: dict[str, Any]) -> str:
    if "id" not in fields:
        raise Refusal("missing_id", f'no "id" among {_keys(fields)}; give every document one')
    value = fields["id"]
    if not isinstance(value, str):
        raise Refusal("id_not_a_string", f"id is {quoted(value)}, not a string; put it in quotes")
    if not value:
        raise Refusal("id_not_a_string", "id is ''; give it at least one character")
    if len(value) > MAX_ID_CHARACTERS:
        size = f"{counted(len(value))} characters long, over the limit of {MAX_ID_CHARACTERS}"
        raise Refusal("id_too_long", f"id {quoted(value)} is {size}; shorten it")
    check_characters("id", value)
    return value


def _text(fields: dict[str, Any]) -> str:
    if "text" not in fields:
        raise Refusal("missing_text", f'no "text" among {_keys(fields)}; an empty text is written as ""')
    value = fields["text"]
    if not isinstance(value, str):
        raise Refusal("text_not_a_string", f"text is {quoted(value)}, not a string")
    check_characters("text", value)
    return value


def _meta(fields: dict[str, Any]) -> dict[str, Any] | None:
    value = fields.get("meta")
    if value is None:
        return None
    if not isinstance(value, dict):
        raise Refusal("bad_meta", f'meta is {quoted(value)}, not an object; write {{"key": value}}')
    check_nested_characters("meta", value)
    return value


def _keys(fields: dict[str, Any]) -> str:
    if not fields:
        return "the keys of {}"
    shown = ", ".join(quoted(key) for key in list(fields)[:_SHOWN_KEYS])
    return f"the keys {shown}" + (", …" if len(fields) > _SHOWN_KEYS else "")
