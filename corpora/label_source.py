"""From the text of a label file, YAML or JSON, to one raw entry a label.

What an entry says is not checked here.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import yaml

from corpora.errors import InvalidLabels, Problem, Refusal
from corpora.quoting import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable

#: What a broken file makes the YAML reader raise: its own errors, impossible dates and numbers, deep nesting.
_UNREADABLE = (yaml.YAMLError, ValueError, TypeError, RecursionError)


class _Pairs(dict[str, Any]):
    """A mapping that remembers keys given twice, which a plain dict forgets."""

    def __init__(self, pairs: Iterable[tuple[Any, Any]]) -> None:
        self.pairs = list(pairs)
        super().__init__(self.pairs)


def read_entries(text: str) -> list[object]:
    """One raw entry a label, in the order of the file; raises `InvalidLabels` or `Refusal`."""
    return entries_of(_parse(text))


def entries_of(value: object) -> list[object]:
    """The same for data that is parsed already: a list, or a mapping from name to description."""
    if isinstance(value, dict):
        pairs = value.pairs if isinstance(value, _Pairs) else value.items()
        return [{"name": name, "description": description} for name, description in pairs]
    if value is None:
        return []
    if not isinstance(value, list):
        raise Refusal("not_a_list", f"{quoted(value)} is not a list of labels; write one label a line, as in - band")
    return value


def entry_lines(text: str) -> list[int]:
    """The line each entry begins on, from 1; empty where the text does not tell."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except _UNREADABLE:
        return []
    if isinstance(node, yaml.MappingNode):
        return [key.start_mark.line + 1 for key, _ in node.value]
    if isinstance(node, yaml.SequenceNode):
        return [item.start_mark.line + 1 for item in node.value]
    return []


def _parse(text: str) -> object:
    # JSON is tried first: YAML's reader takes neither tabs between JSON's tokens nor its surrogate pairs.
    if text.lstrip()[:1] in {"[", "{", '"'}:
        try:
            return json.loads(text, object_pairs_hook=_Pairs)
        except (ValueError, RecursionError):
            pass
    return _parse_yaml(text)


def _parse_yaml(text: str) -> object:
    try:
        return _construct(yaml.SafeLoader(text))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise _unreadable(None if mark is None else mark.line + 1, error.problem or "unknown error") from None
    except _UNREADABLE as error:
        raise _unreadable(None, str(error).split("\n", maxsplit=1)[0]) from None


def _construct(loader: yaml.SafeLoader) -> object:
    try:
        node = loader.get_single_node()
        if isinstance(node, yaml.MappingNode):
            build = loader.construct_object
            return _Pairs((build(key, deep=True), build(value, deep=True)) for key, value in node.value)
        return None if node is None else loader.construct_document(node)
    finally:
        loader.dispose()


def _unreadable(line: int | None, reason: str) -> InvalidLabels:
    sentence = f"the label file is neither YAML nor JSON: {reason}"
    return InvalidLabels((Problem.at(line, "bad_yaml", sentence),))
