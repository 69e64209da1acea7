"""A finding: what was looked at, how it is, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """How something is."""

    OK = "ok"
    #: Works, and will hurt some day.
    WARN = "warn"
    #: Does not work, or loses what it should keep.
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at; no secret is in it."""

    #: What was looked at, in a word or two.
    check: str
    status: Status
    #: What was found.
    found: str
    #: What to set or to run; None where all is well.
    advice: str | None = None


def ok(check: str, found: str) -> Finding:
    """All is well."""
    return Finding(check=check, status=Status.OK, found=found)


def warn(check: str, found: str, advice: str) -> Finding:
    """It works, and will hurt some day."""
    return Finding(check=check, status=Status.WARN, found=found, advice=advice)


def fail(check: str, found: str, advice: str) -> Finding:
    """It does not work."""
    return Finding(check=check, status=Status.FAIL, found=found, advice=advice)
