"""Fine types as a user lists them: names, paths or descriptions, become words and a hierarchy.

Owns reading a type file, checking it as a whole, and what a type implies. A path (`/person/musician`) is known by the
words of its last part; a set whose words would mislead says others, as data. Torch-free, so that a command can refuse
types before a job is made.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from models.errors import InvalidTypes
from models.examples import KEPT, QUOTED, Finding, Findings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_KEYS = frozenset({"name", "description", "parent", "words"})
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


@dataclass(frozen=True, slots=True, kw_only=True)
class FineType:
    """One type, as the user names it and as the model reads it."""

    #: A plain name, or a path that begins with a slash.
    name: str
    #: What its vector is made of.
    words: str
    #: Name of the type that it is a kind of.
    parent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeTree:
    """Types in the order of the file, and for each the positions of all that are broader, nearest first."""

    types: tuple[FineType, ...]
    ancestors: tuple[tuple[int, ...], ...]

    @property
    def words(self) -> tuple[str, ...]:
        """The words of each type."""
        return tuple(each.words for each in self.types)

    def positions(self, names: Iterable[str]) -> set[int]:
        """Where these types stand; raises KeyError for a name that is none of them."""
        known = {each.name: i for i, each in enumerate(self.types)}
        return {known[name] for name in names}

    def closed(self, positions: Iterable[int]) -> set[int]:
        """These types and all that they are kinds of."""
        found = set(positions)
        return found.union(*(self.ancestors[i] for i in found))

    def narrowest(self, positions: Iterable[int]) -> set[int]:
        """Those of these types that no other of them is a kind of."""
        found = set(positions)
        return found.difference(*(self.ancestors[i] for i in found))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    line: int | None
    name: str
    description: str = ""
    parent: str | None = None
    words: str | None = None


def read_types(text: str, words: Mapping[str, str] | None = None) -> TypeTree:
    """The types of a YAML or JSON list of names, of paths, or of `{name, description?, parent?, words?}`.

    `words` says by name what a type is known by instead of its own words. Where a path of one part is listed, as
    `/person`, all parents must be; otherwise those that are missing are added. Raises InvalidTypes, which tells every
    problem with its line.
    """
    entries: list[_Entry] = []
    errors: list[Finding] = []
    for found in _entries(text):
        if isinstance(found, Finding):
            errors.append(found)
        else:
            entries.append(found)
    return _tree(entries, errors, words or {})


def tree_of(names: Sequence[str], words: Mapping[str, str] | None = None) -> TypeTree:
    """The same for names and paths that are in hand already; problems then have no line."""
    return _tree([_Entry(line=None, name=name.strip()) for name in names], [], words or {})


def words_of(name: str) -> str:
    """The words that a name or a path is known by: its last part, in small letters, without underscores."""
    last = name.rstrip("/").rpartition("/")[2]
    return " ".join(_CAMEL.sub(" ", last.replace("_", " ").replace("-", " ")).lower().split())


def _entries(text: str) -> Iterator[_Entry | Finding]:
    try:
        root = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = None if mark is None else mark.line + 1
        yield _finding(line, "invalid_yaml", f"this is neither YAML nor JSON: {getattr(error, 'problem', error)}")
        return
    if root is None:
        return
    if not isinstance(root, yaml.SequenceNode):
        yield _finding(root.start_mark.line + 1, "not_a_list", "types are a list, as in - /person/musician")
        return
    for node in root.value:
        yield _entry(node)


def _entry(node: yaml.Node) -> _Entry | Finding:
    line = node.start_mark.line + 1
    if isinstance(node, yaml.ScalarNode):
        return _named(line, {"name": node.value})
    if not isinstance(node, yaml.MappingNode):
        return _finding(line, "not_a_type", "a type is a name, a path, or a mapping with a name")
    fields: dict[str, str] = {}
    for key, value in node.value:
        if key.value not in _KEYS:
            known = ", ".join(sorted(_KEYS))
            return _finding(line, "unknown_key", f"{_quoted(key.value)} says nothing of a type; use {known}")
        if not isinstance(value, yaml.ScalarNode):
            return _finding(line, "not_text", f"the {key.value} of a type must be text")
        fields[key.value] = value.value
    return _named(line, fields)


def _named(line: int, fields: Mapping[str, str]) -> _Entry | Finding:
    name = fields.get("name", "").strip()
    if not words_of(name):
        return _finding(line, "no_name", f"a type has no name: {_quoted(name)}")
    parent = fields.get("parent", "").strip() or None
    return _Entry(
        line=line,
        name=name,
        description=fields.get("description", "").strip(),
        parent=parent,
        words=fields.get("words", "").strip() or None,
    )


def _tree(entries: list[_Entry], errors: list[Finding], words: Mapping[str, str]) -> TypeTree:
    if not entries and not errors:
        errors.append(_finding(None, "no_types", "there are no types; write at least one, as in - /person/musician"))
    errors += _repeated(entries)
    if not any(_is_root(entry.name) for entry in entries):
        entries = _with_parents(entries)
    circles = list(_cycles(entries))
    # What stands on both sides of a circle has the same words, too; once is enough.
    errors += [*_orphans(entries), *(circles or _same_words(entries, words))]
    if errors:
        raise InvalidTypes(Findings(errors=tuple(errors[:KEPT]), warnings=(), total=len(errors)))
    types = tuple(
        FineType(name=entry.name, words=_words(entry, words), parent=_parent(entry) or None) for entry in entries
    )
    places = {each.name: i for i, each in enumerate(types)}
    return TypeTree(types=types, ancestors=tuple(tuple(_upwards(each, types, places)) for each in types))


def _upwards(one: FineType, types: Sequence[FineType], places: Mapping[str, int]) -> Iterator[int]:
    while one.parent is not None:
        place = places[one.parent]
        yield place
        one = types[place]


def _words(entry: _Entry, words: Mapping[str, str]) -> str:
    told = words.get(entry.name) or entry.words or words_of(entry.name)
    return f"{told}: {entry.description}" if entry.description else told


def _is_root(name: str) -> bool:
    return name.startswith("/") and name.count("/") == 1


def _parent(entry: _Entry) -> str:
    """Name of the type above, or nothing."""
    if entry.parent is not None:
        return entry.parent
    return entry.name.rstrip("/").rpartition("/")[0] if entry.name.startswith("/") else ""


def _with_parents(entries: Sequence[_Entry]) -> list[_Entry]:
    known = {entry.name for entry in entries}
    added: dict[str, _Entry] = {}
    for entry in entries:
        above = "" if entry.parent is not None else _parent(entry)
        while above and above not in known:
            added.setdefault(above, _Entry(line=entry.line, name=above))
            above = above.rpartition("/")[0]
    return [*added.values(), *entries]


def _repeated(entries: Sequence[_Entry]) -> Iterator[Finding]:
    first: dict[str, _Entry] = {}
    for entry in entries:
        if (other := first.setdefault(entry.name, entry)) is not entry:
            yield _finding(entry.line, "duplicate_type", f"{_quoted(entry.name)} is listed twice{_before(other)}")


def _orphans(entries: Sequence[_Entry]) -> Iterator[Finding]:
    known = {entry.name for entry in entries}
    for entry in entries:
        above = _parent(entry)
        if above and above not in known:
            sentence = f"the parent of {_quoted(entry.name)}, {_quoted(above)}, is not listed; add it"
            yield _finding(entry.line, "unknown_parent", sentence)


def _cycles(entries: Sequence[_Entry]) -> Iterator[Finding]:
    """Types that would be kinds of themselves, by their names or by the parts of their paths; one for each circle."""
    above: dict[str, set[str]] = {}
    first: dict[str, _Entry] = {}
    for entry in entries:
        for child, parent in _edges(entry):
            above.setdefault(child, set()).add(parent)
            first.setdefault(child, entry)
    told: set[str] = set()
    for name, entry in first.items():
        if name in told:
            continue
        circle = _reached(name, above)
        if name in circle:
            told |= {each for each in circle if name in _reached(each, above)}
            sentence = f"{_quoted(entry.name)} is in a circle: {_quoted(name)} is a kind of itself"
            yield _finding(entry.line, "cycle", sentence)


def _edges(entry: _Entry) -> Iterator[tuple[str, str]]:
    if entry.parent is not None:
        yield entry.name, entry.parent
    elif entry.name.startswith("/"):
        parts = entry.name.strip("/").split("/")
        # Parts, not paths: /person/singer beside /singer/person is a circle too.
        yield from zip(parts[1:], parts[:-1], strict=True)


def _reached(name: str, above: Mapping[str, set[str]]) -> set[str]:
    found: set[str] = set()
    ahead = list(above.get(name, ()))
    while ahead:
        if (one := ahead.pop()) not in found:
            found.add(one)
            ahead += above.get(one, ())
    return found


def _same_words(entries: Sequence[_Entry], words: Mapping[str, str]) -> Iterator[Finding]:
    first: dict[str, _Entry] = {}
    for entry in entries:
        told = _words(entry, words)
        other = first.setdefault(told.casefold(), entry)
        if other.name != entry.name:
            sentence = f"{_quoted(entry.name)} and {_quoted(other.name)} have the same words, {_quoted(told)}"
            yield _finding(entry.line, "same_words", f"{sentence}{_before(other)}; give one of them other `words`")


def _before(other: _Entry) -> str:
    return f" (first in line {other.line})" if other.line else ""


def _finding(line: int | None, code: str, sentence: str) -> Finding:
    return Finding(line=line, code=code, message=sentence if line is None else f"line {line}: {sentence}")


def _quoted(value: str) -> str:
    return repr(value if len(value) <= QUOTED else value[: QUOTED - 1] + "…")
