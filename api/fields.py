"""Which fields of a request for a job go together: what each kind of job needs, and what it has no use for.

Owns the combinations alone; what a field holds is looked at elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.errors import InvalidRequest
from api.schemas import Complaint
from jobs import taggers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from api.schemas import JobRequest

_NO_METHOD = "the field 'method' is of adaptations alone; leave it out, or ask for a job of the kind 'adapt'"
_NO_NAME = "the field 'name' is missing; a job of the kind 'adapt' makes a tagger of this name"
_NO_LABELS = "the field 'labels' is missing"
_NO_TYPES = "the field 'types' is missing; it lists the types that mentions are given"
_MISSING = {_NO_NAME, _NO_LABELS, _NO_TYPES}
_NOT_LABELS = "the field 'labels' is of no use where types are told; leave it out, or list its names as 'types'"
_NOT_TYPES = "the field 'types' is of no use to this method; leave it out, or choose the method 'finetype'"
_NOT_TYPER = "the field 'typer' is of jobs that tag and have 'types'; leave it out, or name it as 'tagger'"


def method_of(asked: JobRequest) -> str:
    """The method that an adaptation asks for, or what stands for it where it names none."""
    if asked.method is not None:
        return asked.method
    return taggers.METHOD if asked.types is None else taggers.TYPING_METHOD


def check(asked: JobRequest) -> None:
    """Raise `InvalidRequest` for a field too many or too few."""
    complaints = [
        Complaint(code="missing" if sentence in _MISSING else "unknown_field", detail=sentence, pointer=f"/{field}")
        for field, sentence in _odd(asked)
    ]
    if complaints:
        raise InvalidRequest(complaints)


def _odd(asked: JobRequest) -> Iterator[tuple[str, str]]:
    adapts = asked.kind == "adapt"
    typed = taggers.METHODS.get(method_of(asked)) == taggers.TYPING if adapts else asked.kind == "type"
    if typed and asked.types is None:
        yield "types", _NO_TYPES
    if typed and asked.labels is not None:
        yield "labels", _NOT_LABELS
    if not typed and asked.labels is None:
        yield "labels", _NO_LABELS
    if adapts and not typed and asked.types is not None:
        yield "types", _NOT_TYPES
    if asked.typer is not None and (asked.kind != "tag" or asked.types is None):
        yield "typer", _NOT_TYPER
    if asked.method is not None and not adapts:
        yield "method", _NO_METHOD
    if adapts and asked.name is None:
        yield "name", _NO_NAME
