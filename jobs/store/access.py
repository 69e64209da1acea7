"""Keys to the service: made, listed, revoked, and found by the token that a request brings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import insert, select, update

from jobs.errors import UnknownKey
from jobs.keys import ApiKey, digest, is_key_id, new_key
from jobs.store import outside
from jobs.store.engine import clock
from jobs.tables import API_KEYS

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from jobs.keys import KeyScope

_TOLD = (
    API_KEYS.c.id,
    API_KEYS.c.tenant,
    API_KEYS.c.name,
    API_KEYS.c.scope,
    API_KEYS.c.created_at,
    API_KEYS.c.revoked_at,
)


def create(connection: Connection, tenant: str, scope: KeyScope, name: str | None) -> tuple[ApiKey, str]:
    """Write a new key and return it with its token."""
    key_id, token = new_key()
    key = ApiKey(
        id=key_id,
        tenant=outside.tenant(tenant),
        name=outside.name(name),
        scope=scope,
        created_at=clock(connection),
        revoked_at=None,
    )
    told = {column.name: getattr(key, column.name) for column in _TOLD}
    connection.execute(insert(API_KEYS).values(**told, digest=digest(token)))
    return key, token


def keys(connection: Connection, tenant: str | None) -> list[ApiKey]:
    """Return all keys, or one tenant's, oldest first."""
    wanted = select(*_TOLD).order_by(API_KEYS.c.created_at, API_KEYS.c.id)
    if tenant is not None:
        wanted = wanted.where(API_KEYS.c.tenant == outside.tenant(tenant))
    return [ApiKey(**row._mapping) for row in connection.execute(wanted)]


def revoke(connection: Connection, key_id: str) -> ApiKey:
    """Stamp a key as revoked, once, and return it. Raises `UnknownKey`."""
    if not is_key_id(key_id):
        raise UnknownKey(key_id)
    own = API_KEYS.c.id == key_id
    stamp = update(API_KEYS).where(own, API_KEYS.c.revoked_at.is_(None))
    connection.execute(stamp.values(revoked_at=clock(connection)))
    row = connection.execute(select(*_TOLD).where(own)).one_or_none()
    if row is None:
        raise UnknownKey(key_id)
    return ApiKey(**row._mapping)


def authenticate(connection: Connection, token: str) -> ApiKey | None:
    """Return the key that a token stands for; None where there is none or it is revoked."""
    wanted = select(*_TOLD).where(API_KEYS.c.digest == digest(token), API_KEYS.c.revoked_at.is_(None))
    row = connection.execute(wanted).one_or_none()
    return None if row is None else ApiKey(**row._mapping)
