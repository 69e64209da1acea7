"""What taggers are called: a name of one's own, and with its version `music@3`, which never means another.

Owns the form of names; which taggers there are is the ledger's business. Shipped taggers have no version.
"""

from __future__ import annotations

import re

from jobs.errors import BadTaggerName
from models.shipped import MANIFEST, SHIPPED

#: Tagger of jobs that name none, of those that name the engine `llm` alone, and what gives types to mentions.
DEFAULT = "default"
COMPACT = "compact"
TYPER = "typer"

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.ASCII)
_ASKED = re.compile(rf"({_NAME.pattern})(?:@([1-9][0-9]{{0,8}}))?", re.ASCII)


def shipped() -> list[str]:
    """Names of the taggers that ship with the project."""
    return sorted(manifest.parent.name for manifest in SHIPPED.glob(f"*/{MANIFEST}"))


def check_name(name: str) -> str:
    """Return a name that a tagger made here may have. Raises `BadTaggerName`."""
    if not _NAME.fullmatch(name):
        raise BadTaggerName(name, "cannot be a tagger's; use 1 to 64 of a-z, 0-9, _ and -, a letter or digit first")
    if name in {DEFAULT, COMPACT, TYPER, *shipped()}:
        raise BadTaggerName(name, "is that of a tagger that ships with the project; choose another")
    return name


def versioned(name: str, version: int) -> str:
    """Return the full name, `music@3`."""
    return f"{name}@{version}"


def parts(asked: str) -> tuple[str, int | None] | None:
    """Return name and version of `music@3`, no version of `music`, and None of what no tagger can be called."""
    found = _ASKED.fullmatch(asked)
    return found and (found[1], int(found[2]) if found[2] else None)


def is_versioned(asked: str) -> bool:
    """Say whether a name is a full one, `music@3`."""
    return (parts(asked) or ("", None))[1] is not None
