"""What is wrong with a request, field by field: from the validator's findings to sentences with a pointer.

Owns the words; a value is quoted short and printable whatever it holds.
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any

from api.schemas import TOO_MANY_LABELS, Complaint
from corpora.quoting import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from corpora.errors import Problem
    from models.examples import Finding

#: Longest name, in characters, that is compared with those that are known.
NEAR_MAX = 200

_PLACES = {"query": "the parameter", "path": "the path's", "header": "the header"}
_NUMBERED = re.compile(r"\blabel (\d+)\b")
_TYPE = re.compile(r"type (\d+): ")
_FIELD = re.compile(r"the (name|description|threshold) of label")


def pointer(path: Iterable[object]) -> str:
    """A JSON pointer (RFC 6901) along these keys and indexes."""
    return "".join("/" + printable(str(part)).replace("~", "~0").replace("/", "~1") for part in path)


def printable(text: str) -> str:
    """The text without halves of surrogate pairs, which no answer can hold."""
    return text.encode("utf-8", "backslashreplace").decode()


def of_body(
    findings: Sequence[Mapping[str, Any]], body: object, known: Sequence[str], most: int
) -> tuple[list[Complaint], int]:
    """The first `most` complaints about the fields of a JSON body, and how many there are in all.

    `known` are the names that its fields may have. Only what is shown is put into words: a body may hold a million
    findings.
    """
    found: dict[str, Complaint] = {}
    total, before = 0, None
    for finding in findings:
        path = _path(finding, body)
        # What is found of one field comes in a row.
        total, before = total + (path != before), path
        if total > most:
            continue
        sentence = _sentence(finding, f"the field {quoted('/'.join(map(str, path)))}", known)
        place = pointer(path)
        if place in found:
            # A field that may be of several types is found not to be of each.
            sentence = f"{found[place].detail} or {sentence.rsplit(': ', 1)[-1]}"
        found[place] = Complaint(code=_code(finding), detail=sentence, pointer=place)
    return list(found.values()), total


def of_parameters(findings: Sequence[Mapping[str, Any]]) -> list[Complaint]:
    """Complaints about parameters and headers, as the framework finds them."""
    return [
        Complaint(
            code=_code(finding),
            detail=_sentence(finding, f"{_PLACES.get(finding['loc'][0], 'the')} {quoted(finding['loc'][-1])}", ()),
        )
        for finding in findings
    ]


def of_corpus(problems: Sequence[Problem]) -> list[Complaint]:
    """Complaints about lines of an uploaded file."""
    return [Complaint(code=each.code, detail=each.message, line=each.line) for each in problems]


def of_examples(findings: Sequence[Finding], taught: str) -> list[Complaint]:
    """Complaints about examples: those about a line point to the file, others to the field of what is `taught`."""
    return [
        Complaint(
            code=each.code, detail=each.message, line=each.line, pointer=f"/{taught}" if each.line is None else "/file"
        )
        for each in findings
    ]


def of_types(findings: Sequence[Finding]) -> list[Complaint]:
    """Complaints about types, each with a pointer to the type where it is one's."""
    return [Complaint(code=each.code, detail=each.message, pointer=_type_pointer(each.message)) for each in findings]


def of_labels(problems: Sequence[Problem], labels: list[Any] | dict[str, Any]) -> list[Complaint]:
    """Complaints about labels, each with a pointer to the label, and to its field where one is to blame."""
    return [
        Complaint(code=each.code, detail=each.message, pointer=_label_pointer(each.message, labels))
        for each in problems
    ]


def near(word: str, known: Iterable[str]) -> str:
    """What to do about a name that is not known."""
    names = sorted(known)
    found = difflib.get_close_matches(word, names, n=1) if len(word) <= NEAR_MAX else []
    return f"did you mean '{found[0]}'?" if found else listed(names)


def listed(known: Iterable[str]) -> str:
    """The names that are known."""
    names = sorted(known)
    return f"known are {', '.join(names)}" if names else "there are none here"


def _path(finding: Mapping[str, Any], body: object) -> list[object]:
    """The keys and indexes that lead to what is wrong; the validator adds names of its own, of types."""
    path: list[object] = []
    for part in finding["loc"]:
        try:
            body = body[part]  # type: ignore[index]
        except (KeyError, IndexError, TypeError):
            return [*path, part] if finding["type"] == "missing" else path
        path.append(part)
    return path


def _code(finding: Mapping[str, Any]) -> str:
    known = {"missing": "missing", "extra_forbidden": "unknown_field", TOO_MANY_LABELS: TOO_MANY_LABELS}
    return known.get(finding["type"], "invalid_value")


def _sentence(finding: Mapping[str, Any], what: str, known: Sequence[str]) -> str:
    if finding["type"] == "missing":
        return f"{what} is missing"
    if finding["type"] == "extra_forbidden":
        return f"{what} is unknown; {near(str(finding['loc'][-1]), known)}"
    if finding["type"] == TOO_MANY_LABELS:
        return str(finding["msg"])
    said = printable(str(finding["msg"]))
    if finding["type"] == "greater_than_equal" and finding["loc"][0] == "hours":
        said = "a job has at least a minute, which is 1/60 of an hour"
    return f"{what} is {quoted(finding['input'])}: {said[:1].lower()}{said[1:]}"


def _type_pointer(message: str) -> str:
    found = _TYPE.match(message)
    return pointer(["types"]) if found is None else pointer(["types", int(found[1]) - 1])


def _label_pointer(message: str, labels: list[Any] | dict[str, Any]) -> str:
    """Where in the body a message about labels points: the room that writes them counts labels from 1."""
    found = _NUMBERED.search(message)
    if found is None:
        return "/labels"
    index = int(found[1]) - 1
    if isinstance(labels, dict):
        return pointer(["labels", list(labels)[index]])
    field = _FIELD.search(message)
    blamed = [field[1]] if field and isinstance(labels[index], dict) else []
    return pointer(["labels", index, *blamed])
