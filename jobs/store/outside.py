"""What comes from outside and is looked at before a statement holds it: ids, names, tenants, numbers.

Owns the form of ids. What cannot be an id is unknown without asking: PostgreSQL answers a NUL character or half
a surrogate pair with an error rather than with nothing.
"""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING

from jobs.errors import BadName, BadTenant, UnknownFile, UnknownJob

if TYPE_CHECKING:
    from datetime import datetime

#: Longest name of a job, a file or a key, in characters.
NAME_MAX = 200

#: A number larger than any id or line, that a column can still be compared with, and with one added as well.
NUMBER_MAX = 2**63 - 2

_DIGITS = "0123456789abcdefghijklmnopqrstuv"
_RANDOM_BITS = 52
_JOB = re.compile(r"job_[0-9a-v]{20}", re.ASCII)
_FILE = re.compile(r"file_[0-9a-v]{20}", re.ASCII)
_TENANT = re.compile(r"[a-z0-9_-]{1,64}", re.ASCII)


def new_job_id(at: datetime) -> str:
    """Return `job_` and 20 base-32 digits: ids sort by time."""
    return "job_" + _digits(at)


def new_file_id(at: datetime) -> str:
    """Return `file_` and 20 base-32 digits: ids sort by time."""
    return "file_" + _digits(at)


def _digits(at: datetime) -> str:
    """Return 48 bits of milliseconds, then 52 random ones."""
    milliseconds = int(at.timestamp() * 1000)
    number = (milliseconds << _RANDOM_BITS) | secrets.randbits(_RANDOM_BITS)
    return "".join(_DIGITS[(number >> shift) & 31] for shift in range(95, -1, -5))


def job_id(text: str) -> str:
    """Return the id of a job. Raises `UnknownJob` where no job can have it."""
    if not _JOB.fullmatch(text):
        raise UnknownJob(text)
    return text


def file_id(text: str) -> str:
    """Return the id of a file. Raises `UnknownFile` where no file can have it."""
    if not _FILE.fullmatch(text):
        raise UnknownFile(text)
    return text


def tenant(text: str) -> str:
    """Return the name of a tenant. Raises `BadTenant`."""
    if not _TENANT.fullmatch(text):
        raise BadTenant(text)
    return text


def name(text: str | None) -> str | None:
    """Return a name that both databases can hold. Raises `BadName`."""
    if text is None:
        return None
    if len(text) > NAME_MAX:
        raise BadName(text, f"has {len(text):,} characters, over the limit of {NAME_MAX}; shorten it")
    if "\0" in text:
        raise BadName(text, "holds a NUL character; remove it")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise BadName(text, "holds half a surrogate pair; write the character whole")
    return text


def number(value: int) -> int:
    """Return the number, or the nearest that a column holds; ids beyond it are as good as the last."""
    return min(max(value, -1), NUMBER_MAX)
