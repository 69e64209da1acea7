"""Fine types as a user lists them: names, paths or descriptions, become words and a hierarchy.

Owns checking a list of types as a whole, and what a type implies. A path (`/person/musician`) is known by the
words of its last part; a set whose words would mislead says others, as data. Torch-free, so that a command can refuse
types before a job is made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.errors import InvalidTypes
from models.examples import KEPT, Finding, Findings
from models.type_entries import Entry, Place, entries_in, entries_of, finding, quoted, words_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = [
    "MAX_FILE_BYTES",
    "MAX_TYPES",
    "FineType",
    "TypeTree",
    "load_types",
    "parse_types",
    "read_types",
    "restored",
    "stored",
    "tree_of",
    "words_of",
]

#: Most types of a job, and most bytes of a file of them.
MAX_TYPES = 20_000
MAX_FILE_BYTES = 32 * 1024 * 1024


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


def read_types(text: str, words: Mapping[str, str] | None = None) -> TypeTree:
    """The types of a YAML or JSON list of names, of paths, or of `{name, description?, parent?, words?}`.

    `words` says by name what a type is known by instead of its own words. Where a path of one part is listed, as
    `/person`, all parents must be; otherwise those that are missing are added. Raises InvalidTypes, which tells every
    problem with its line.
    """
    return _checked(entries_in(text), words or {})


def load_types(path: Path) -> TypeTree:
    """The same of a file; raises also `OSError` as opening does."""
    with path.open("rb") as file:
        data = file.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise _refused("types_too_large", f"the type file has over {MAX_FILE_BYTES:,} bytes; shorten it")
    try:
        return read_types(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        found = f"byte 0x{data[error.start]:02x} at position {error.start:,} is not UTF-8"
        raise _refused("invalid_utf8", f"{found}; save the file as UTF-8") from None


def parse_types(values: object) -> TypeTree:
    """The same of data that is parsed already: problems name the type, counted from 1, and no line."""
    if not isinstance(values, list):
        raise _refused("not_a_list", "types are a list, as in ['/person/musician']")
    _check_count(len(values))
    return _checked(entries_of(values), {})


def tree_of(names: Sequence[str], words: Mapping[str, str] | None = None) -> TypeTree:
    """The same for names and paths that are in hand already; problems then have no line."""
    return _tree([Entry(place=Place(), name=name.strip()) for name in names], [], words or {})


def stored(tree: TypeTree) -> list[dict[str, str]]:
    """The types as plain values: name, words and, where there is one, parent."""
    return [
        {"name": each.name, "words": each.words} | ({} if each.parent is None else {"parent": each.parent})
        for each in tree.types
    ]


def restored(types: Sequence[Mapping[str, str]]) -> TypeTree:
    """The tree that was stored."""
    return _grown(tuple(FineType(name=each["name"], words=each["words"], parent=each.get("parent")) for each in types))


def _refused(code: str, sentence: str) -> InvalidTypes:
    found = Finding(line=None, code=code, message=sentence)
    return InvalidTypes(Findings(errors=(found,), warnings=(), total=1))


def _checked(found: Iterable[Entry | Finding], words: Mapping[str, str]) -> TypeTree:
    entries: list[Entry] = []
    errors: list[Finding] = []
    for each in found:
        if isinstance(each, Finding):
            errors.append(each)
        else:
            entries.append(each)
    _check_count(len(entries) + len(errors))
    return _tree(entries, errors, words)


def _check_count(number: int) -> None:
    if number > MAX_TYPES:
        sentence = f"there are {number:,} types, over the limit of {MAX_TYPES:,}; use several jobs"
        raise _refused("too_many_types", sentence)


def _tree(entries: list[Entry], errors: list[Finding], words: Mapping[str, str]) -> TypeTree:
    if not entries and not errors:
        errors.append(finding(Place(), "no_types", "there are no types; write at least one, as in - /person/musician"))
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
    return _grown(types)


def _grown(types: tuple[FineType, ...]) -> TypeTree:
    places = {each.name: i for i, each in enumerate(types)}
    return TypeTree(types=types, ancestors=tuple(tuple(_upwards(each, types, places)) for each in types))


def _upwards(one: FineType, types: Sequence[FineType], places: Mapping[str, int]) -> Iterator[int]:
    while one.parent is not None:
        place = places[one.parent]
        yield place
        one = types[place]


def _words(entry: Entry, words: Mapping[str, str]) -> str:
    told = words.get(entry.name) or entry.words or words_of(entry.name)
    return f"{told}: {entry.description}" if entry.description else told


def _is_root(name: str) -> bool:
    return name.startswith("/") and name.count("/") == 1


def _parent(entry: Entry) -> str:
    """Name of the type above, or nothing."""
    if entry.parent is not None:
        return entry.parent
    return entry.name.rstrip("/").rpartition("/")[0] if entry.name.startswith("/") else ""


def _with_parents(entries: Sequence[Entry]) -> list[Entry]:
    known = {entry.name for entry in entries}
    added: dict[str, Entry] = {}
    for entry in entries:
        above = "" if entry.parent is not None else _parent(entry)
        while above and above not in known:
            added.setdefault(above, Entry(place=entry.place, name=above))
            above = above.rpartition("/")[0]
    return [*added.values(), *entries]


def _repeated(entries: Sequence[Entry]) -> Iterator[Finding]:
    first: dict[str, Entry] = {}
    for entry in entries:
        if (other := first.setdefault(entry.name, entry)) is not entry:
            yield finding(entry.place, "duplicate_type", f"{quoted(entry.name)} is listed twice{_before(other)}")


def _orphans(entries: Sequence[Entry]) -> Iterator[Finding]:
    known = {entry.name for entry in entries}
    for entry in entries:
        above = _parent(entry)
        if above and above not in known:
            sentence = f"the parent of {quoted(entry.name)}, {quoted(above)}, is not listed; add it"
            yield finding(entry.place, "unknown_parent", sentence)


def _cycles(entries: Sequence[Entry]) -> Iterator[Finding]:
    """Types that would be kinds of themselves, by their names or by the parts of their paths; one for each circle."""
    above: dict[str, set[str]] = {}
    first: dict[str, Entry] = {}
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
            sentence = f"{quoted(entry.name)} is in a circle: {quoted(name)} is a kind of itself"
            yield finding(entry.place, "cycle", sentence)


def _edges(entry: Entry) -> Iterator[tuple[str, str]]:
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


def _same_words(entries: Sequence[Entry], words: Mapping[str, str]) -> Iterator[Finding]:
    first: dict[str, Entry] = {}
    for entry in entries:
        told = _words(entry, words)
        other = first.setdefault(told.casefold(), entry)
        if other.name != entry.name:
            sentence = f"{quoted(entry.name)} and {quoted(other.name)} have the same words, {quoted(told)}"
            yield finding(entry.place, "same_words", f"{sentence}{_before(other)}; give one of them other words")


def _before(other: Entry) -> str:
    if other.place.line is not None:
        return f" (first in line {other.place.line})"
    return "" if other.place.number is None else f" (first {other.place})"
