"""From the text of a type file, YAML or JSON, or from parsed data, to one entry a type.

Owns what an entry may say and where it stands; what the entries mean together is the hierarchy's. Torch-free.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from models.examples import QUOTED, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_KEYS = frozenset({"name", "description", "parent", "words"})
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an entry stands."""

    #: Line of the file, from 1; None where there is no file.
    line: int | None = None
    #: Which type it is, from 1; None where nobody counts them.
    number: int | None = None

    def __str__(self) -> str:
        """As messages name it, empty where nothing is known."""
        if self.line is not None:
            return f"line {self.line}"
        return "" if self.number is None else f"type {self.number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One type as it is listed."""

    place: Place
    name: str
    description: str = ""
    parent: str | None = None
    words: str | None = None


def entries_in(text: str) -> Iterator[Entry | Finding]:
    """The entries of a file, each with its line, or what is wrong with it."""
    try:
        root = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        yield from _json_entries(text, error)
        return
    if root is None:
        return
    if not isinstance(root, yaml.SequenceNode):
        yield finding(Place(line=root.start_mark.line + 1), "not_a_list", "types are a list, as in - /person/musician")
        return
    for number, node in enumerate(root.value, start=1):
        yield _of_node(Place(line=node.start_mark.line + 1, number=number), node)


def entries_of(values: Sequence[object]) -> Iterator[Entry | Finding]:
    """The same of data that is parsed already, which has no lines."""
    for number, value in enumerate(values, start=1):
        yield _of_value(Place(number=number), value)


def words_of(name: str) -> str:
    """The words that a name or a path is known by: its last part, in small letters, without underscores."""
    last = name.rstrip("/").rpartition("/")[2]
    return " ".join(_CAMEL.sub(" ", last.replace("_", " ").replace("-", " ")).lower().split())


def finding(place: Place, code: str, sentence: str) -> Finding:
    """A complaint whose message begins with its place."""
    return Finding(line=place.line, code=code, message=f"{place}: {sentence}" if str(place) else sentence)


def quoted(value: object) -> str:
    """A value as messages show it."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return repr(text if len(text) <= QUOTED else text[: QUOTED - 1] + "…")


def _json_entries(text: str, error: yaml.YAMLError) -> Iterator[Entry | Finding]:
    """JSON that YAML's reader does not take, such as with tabs between its tokens."""
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        mark = getattr(error, "problem_mark", None)
        place = Place(line=None if mark is None else mark.line + 1)
        yield finding(place, "invalid_yaml", f"this is neither YAML nor JSON: {getattr(error, 'problem', error)}")
        return
    if isinstance(values, list):
        yield from entries_of(values)
    else:
        yield finding(Place(line=1), "not_a_list", "types are a list, as in - /person/musician")


def _of_node(place: Place, node: yaml.Node) -> Entry | Finding:
    if isinstance(node, yaml.ScalarNode):
        return _of_value(place, node.value)
    if not isinstance(node, yaml.MappingNode):
        return _of_value(place, [])
    return _of_value(place, {str(key.value): _said(value) for key, value in node.value})


def _said(node: yaml.Node) -> object:
    """What stands behind a key: text as it is written, or nothing."""
    if not isinstance(node, yaml.ScalarNode):
        return []
    return None if node.tag == "tag:yaml.org,2002:null" else node.value


def _of_value(place: Place, value: object) -> Entry | Finding:
    if isinstance(value, str):
        return _named(place, {"name": value})
    if not isinstance(value, dict):
        return finding(place, "not_a_type", "a type is a name, a path, or a mapping with a name")
    fields: dict[str, str] = {}
    for key, said in value.items():
        if key not in _KEYS:
            known = ", ".join(sorted(_KEYS))
            return finding(place, "unknown_key", f"{quoted(key)} says nothing of a type; use {known}")
        if said is None:
            continue
        if not isinstance(said, str):
            return finding(place, "not_text", f"the {key} of a type must be text")
        fields[key] = said
    return _named(place, fields)


def _named(place: Place, said: Mapping[str, str]) -> Entry | Finding:
    fields = {key: _paired(value).strip() for key, value in said.items()}
    for key, value in fields.items():
        if not _is_storable(value):
            shown = ascii(value[:QUOTED])
            return finding(place, "bad_character", f"the {key} {shown} has a character that no text has")
    name = fields.get("name", "")
    if not words_of(name):
        return finding(place, "no_name", f"a type has no name: {quoted(name)}")
    return Entry(
        place=place,
        name=name,
        description=fields.get("description", ""),
        parent=fields.get("parent") or None,
        words=fields.get("words") or None,
    )


def _paired(value: str) -> str:
    """The text with halves of surrogate pairs put together, as YAML's reader leaves those that JSON escapes."""
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def _is_storable(value: str) -> bool:
    return "\x00" not in value and not any("\ud800" <= character <= "\udfff" for character in value)
