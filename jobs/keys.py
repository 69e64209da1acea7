"""Keys to the service: what one looks like, what it opens, and what is kept of it.

Owns the form of a token. A token is told once, when it is made; the ledger keeps its hash alone. It is random
enough that a plain hash cannot be reversed, so none of the slow ones for passwords is needed.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

_DIGITS = "abcdefghijklmnopqrstuvwxyz234567"
_ID_LENGTH = 10
_SECRET_BYTES = 32
_TOKEN = re.compile(r"tw_[a-z2-7]{10}_[A-Za-z0-9_-]{43}", re.ASCII)
_ID = re.compile(r"key_[a-z2-7]{10}", re.ASCII)


class KeyScope(StrEnum):
    """What a key opens."""

    TENANT = "tenant"  # everything of one tenant
    METRICS = "metrics"  # the service's figures and nothing else


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key, without its token."""

    #: `key_` and the ten characters that the token shows after `tw_`.
    id: str
    tenant: str
    name: str | None
    scope: KeyScope
    created_at: datetime
    revoked_at: datetime | None


def new_key() -> tuple[str, str]:
    """Return a new key's id and its token: `tw_`, the id's ten characters, `_` and 32 random bytes as text."""
    name = "".join(secrets.choice(_DIGITS) for _ in range(_ID_LENGTH))
    return f"key_{name}", f"tw_{name}_{secrets.token_urlsafe(_SECRET_BYTES)}"


def digest(token: str) -> str:
    """Return what is kept of a token: its SHA-256 in hexadecimal digits."""
    return hashlib.sha256(token.encode()).hexdigest()


def is_token(text: str) -> bool:
    """Say whether the text has the form of a token."""
    return _TOKEN.fullmatch(text) is not None


def is_key_id(text: str) -> bool:
    """Say whether the text has the form of a key's id."""
    return _ID.fullmatch(text) is not None
