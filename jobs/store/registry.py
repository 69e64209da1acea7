"""The registry of taggers made here: numbered versions of a name, and which of them the name stands for.

Owns the order of versions and of promotions. Every statement holds the tenant, so that another's tagger cannot be
told from one that never was: both raise `UnknownTagger`. What a tagger can do lies in its folder, not here.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import func, insert, select, update

from jobs.errors import BadTaggerName, NothingPromoted, NothingToRollBack, UnknownTagger
from jobs.records import StoredTagger
from jobs.states import TaggerState
from jobs.store.engine import clock, lock_number
from jobs.tables import JOBS, TAGGERS
from jobs.tagger_names import check_name, parts, shipped, versioned

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection, Row, Select

    from jobs.records import Claim, NewTagger

#: Two promotions never bear the same time, so that each has one before it.
_APART = timedelta(microseconds=1)

_TOLD = (
    TAGGERS.c.name,
    TAGGERS.c.version,
    TAGGERS.c.job_id,
    TAGGERS.c.folder,
    TAGGERS.c.state,
    TAGGERS.c.receipt,
    TAGGERS.c.created_at,
    TAGGERS.c.promoted_at,
    JOBS.c.engine,
)


def register(connection: Connection, claim: Claim, made: NewTagger, *, promote: bool) -> StoredTagger:
    """Write the tagger of a claim that is held as the next version of its name. Raises `BadTaggerName`."""
    name = check_name(made.name)
    _lock(connection, claim.tenant, name)
    version = 1 + (connection.scalar(select(func.max(TAGGERS.c.version)).where(_own(claim.tenant, name))) or 0)
    row = {
        "job_id": claim.job_id,
        "tenant": claim.tenant,
        "name": name,
        "version": version,
        "folder": claim.job_id,
        "state": TaggerState.CANDIDATE,
        "receipt": made.receipt,
        "created_at": clock(connection),
    }
    connection.execute(insert(TAGGERS).values(row))
    if promote:
        _promote(connection, claim.tenant, name, version)
    return _version(connection, claim.tenant, name, version)


def taggers(connection: Connection, tenant: str) -> list[StoredTagger]:
    """Return a tenant's taggers by name and version."""
    wanted = _told().where(TAGGERS.c.tenant == tenant).order_by(TAGGERS.c.name, TAGGERS.c.version)
    return [_stored(row) for row in connection.execute(wanted)]


def tagger(connection: Connection, tenant: str, asked: str) -> StoredTagger:
    """Return `music@3`, or of `music` the promoted version. Raises `UnknownTagger`."""
    name, version = _parts(connection, tenant, asked)
    if version is None:
        version = _current(connection, tenant, name).version
    return _version(connection, tenant, name, version)


def promote(connection: Connection, tenant: str, asked: str) -> StoredTagger:
    """Let the name of `music@3` stand for it, as it may already. Raises `UnknownTagger` or `BadTaggerName`."""
    name, version = _parts(connection, tenant, asked)
    if version is None:
        raise BadTaggerName(asked, "says no version; write one, as in music@3")
    _lock(connection, tenant, name)
    chosen = _version(connection, tenant, name, version)
    if chosen.state is not TaggerState.PROMOTED:
        _promote(connection, tenant, name, version)
    return _version(connection, tenant, name, version)


def rollback(connection: Connection, tenant: str, asked: str, since: str | None = None) -> StoredTagger:
    """Let a name stand for the version that was promoted before; asked again, for the one before that.

    With `since`, as `music@3`, only while the name stands for that: what it stands for then is returned as it is.
    Raises `UnknownTagger`, `BadTaggerName` or `NothingToRollBack`.
    """
    name, version = _parts(connection, tenant, asked)
    if version is not None:
        raise BadTaggerName(asked, f"says a version; write {name} alone")
    _lock(connection, tenant, name)
    current = _current(connection, tenant, name)
    if since is not None and current.version != _version_of(connection, tenant, name, since):
        return _version(connection, tenant, name, current.version)
    earlier = select(TAGGERS.c.version).where(_own(tenant, name), TAGGERS.c.promoted_at < current.promoted_at)
    before = connection.scalar(earlier.order_by(TAGGERS.c.promoted_at.desc()).limit(1))
    if before is None:
        raise NothingToRollBack(name)
    # Its promotion is undone: a later rollback must not come back to it.
    _set(connection, tenant, name, current.version, state=TaggerState.RETIRED, promoted_at=None)
    _set(connection, tenant, name, before, state=TaggerState.PROMOTED)
    return _version(connection, tenant, name, before)


def folder(connection: Connection, tenant: str, full_name: str) -> str | None:
    """Return where `music@3` lies below the folder of taggers; None where there is none, or it ships."""
    name, version = parts(full_name) or (full_name, None)
    wanted = select(TAGGERS.c.folder).where(_own(tenant, name), TAGGERS.c.version == version)
    return None if version is None else connection.scalar(wanted)


def _parts(connection: Connection, tenant: str, asked: str) -> tuple[str, int | None]:
    found = parts(asked)
    if found is None:
        raise _unknown(connection, tenant, asked)
    return found


def _version_of(connection: Connection, tenant: str, name: str, full_name: str) -> int:
    named, version = _parts(connection, tenant, full_name)
    if named != name or version is None:
        raise BadTaggerName(full_name, f"is no version of {name}; write one, as in {name}@3")
    return _version(connection, tenant, name, version).version


def _lock(connection: Connection, tenant: str, name: str) -> None:
    """Let nobody else number or promote versions of a name until the transaction ends.

    PostgreSQL has no row to lock before there is a version. SQLite needs no lock: one transaction writes at a time.
    Taken after the lock on a job, where there is one.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(lock_number(f"tagger {tenant} {name}"))))


def _promote(connection: Connection, tenant: str, name: str, version: int) -> None:
    latest: datetime | None = connection.scalar(select(func.max(TAGGERS.c.promoted_at)).where(_own(tenant, name)))
    at = clock(connection) if latest is None else max(clock(connection), latest + _APART)
    superseded = update(TAGGERS).where(_own(tenant, name), TAGGERS.c.state == TaggerState.PROMOTED)
    connection.execute(superseded.values(state=TaggerState.RETIRED))
    _set(connection, tenant, name, version, state=TaggerState.PROMOTED, promoted_at=at)


def _set(connection: Connection, tenant: str, name: str, version: int, **values: Any) -> None:  # noqa: ANN401
    chosen = update(TAGGERS).where(_own(tenant, name), TAGGERS.c.version == version)
    connection.execute(chosen.values(values))


def _current(connection: Connection, tenant: str, name: str) -> Row[Any]:
    """Return version and time of the promoted version. Raises `UnknownTagger`."""
    wanted = select(TAGGERS.c.version, TAGGERS.c.state, TAGGERS.c.promoted_at).where(_own(tenant, name))
    rows = connection.execute(wanted.order_by(TAGGERS.c.version)).all()
    if not rows:
        raise _unknown(connection, tenant, name)
    for row in rows:
        if row.state is TaggerState.PROMOTED:
            return cast("Row[Any]", row)
    raise NothingPromoted(name, [versioned(name, row.version) for row in rows])


def _version(connection: Connection, tenant: str, name: str, version: int) -> StoredTagger:
    row = connection.execute(_told().where(_own(tenant, name), TAGGERS.c.version == version)).one_or_none()
    if row is None:
        raise _unknown(connection, tenant, versioned(name, version))
    return _stored(row)


def _unknown(connection: Connection, tenant: str, asked: str) -> UnknownTagger:
    return UnknownTagger(asked, [*shipped(), *(each.full_name for each in taggers(connection, tenant))])


def _own(tenant: str, name: str) -> ColumnElement[bool]:
    return (TAGGERS.c.tenant == tenant) & (TAGGERS.c.name == name)


def _told() -> Select[Any]:
    return select(*_TOLD).join(JOBS, JOBS.c.id == TAGGERS.c.job_id)


def _stored(row: Row[Any]) -> StoredTagger:
    return StoredTagger(full_name=versioned(row.name, row.version), **row._mapping)
