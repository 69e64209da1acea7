"""Stored corpora of tenants, and where the chunks of each lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select

from corpora.chunks import ChunkRange
from jobs.errors import UnknownFile
from jobs.records import FileView
from jobs.store import outside
from jobs.store.engine import clock
from jobs.tables import FILES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Connection

    from corpora.ingest import StoredCorpus

#: Columns that people are told of; the layout, which may be large, is read only for a job.
_TOLD = (
    FILES.c.id,
    FILES.c.tenant,
    FILES.c.name,
    FILES.c.blob,
    FILES.c.bytes,
    FILES.c.documents,
    FILES.c.created_at,
)


def add(connection: Connection, tenant: str, corpus: StoredCorpus, name: str | None) -> FileView:
    """Write down a stored corpus as a file of a tenant."""
    at = clock(connection)
    view = FileView(
        id=outside.new_file_id(at),
        tenant=tenant,
        name=outside.name(name),
        blob=corpus.key,
        bytes=corpus.bytes,
        documents=corpus.documents,
        created_at=at,
    )
    told = {column.name: getattr(view, column.name) for column in _TOLD}
    connection.execute(insert(FILES).values(**told, layout=_layout(corpus.chunks)))
    return view


def file(connection: Connection, tenant: str, file_id: str) -> FileView:
    """Return a file. Raises `UnknownFile`."""
    row = connection.execute(select(*_TOLD).where(_own(tenant, file_id))).one_or_none()
    if row is None:
        raise UnknownFile(file_id)
    return FileView(**row._mapping)


def files(connection: Connection, tenant: str, limit: int, after: str | None) -> list[FileView]:
    """Return a tenant's files, newest first, from the one after the id `after`."""
    page = select(*_TOLD).where(FILES.c.tenant == tenant)
    if after is not None:
        page = page.where(FILES.c.id < outside.file_id(after))
    rows = connection.execute(page.order_by(FILES.c.id.desc()).limit(outside.number(limit)))
    return [FileView(**row._mapping) for row in rows]


def chunks(connection: Connection, tenant: str, file_id: str) -> list[ChunkRange]:
    """Return where the chunks of a file lie. Raises `UnknownFile`."""
    layout = connection.scalar(select(FILES.c.layout).where(_own(tenant, file_id)))
    if layout is None:
        raise UnknownFile(file_id)
    columns = zip(layout["start"], layout["end"], layout["line"], layout["documents"], strict=True)
    return [
        ChunkRange(seq=seq, byte_start=start, byte_end=end, first_line=line, documents=documents)
        for seq, (start, end, line, documents) in enumerate(columns)
    ]


def _own(tenant: str, file_id: str) -> ColumnElement[bool]:
    return (FILES.c.id == outside.file_id(file_id)) & (FILES.c.tenant == tenant)


def _layout(ranges: Sequence[ChunkRange]) -> dict[str, Any]:
    return {
        "start": [each.byte_start for each in ranges],
        "end": [each.byte_end for each in ranges],
        "line": [each.first_line for each in ranges],
        "documents": [each.documents for each in ranges],
    }
