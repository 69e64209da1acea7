"""Exact detection of ids used twice, in bounded memory for any number of documents.

Ids go to a temporary table on disk and are sorted once, at the end. SQLite deletes the file's name as it
makes it (in `SQLITE_TMPDIR`, `TMPDIR` or /var/tmp), so nothing is left behind even by a killed process.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Self

from corpora.errors import KEPT_PROBLEMS, Problem
from corpora.quoting import quoted

if TYPE_CHECKING:
    from types import TracebackType

    from corpora.problems import Problems

_BATCH = 5_000
_CACHE_KIB = 16 * 1024

_FIRST_DUPLICATES = """
SELECT seen.line, seen.id, twice.first
FROM (SELECT id, MIN(line) AS first FROM seen GROUP BY id HAVING COUNT(*) > 1) AS twice
JOIN seen ON seen.id = twice.id AND seen.line > twice.first
ORDER BY seen.line LIMIT ?
"""


class SeenIds:
    """The ids of one file with their lines; a context manager, as it holds a file open."""

    def __init__(self) -> None:
        # A generator that reads documents may be advanced from more than one thread, one at a time.
        self._database = sqlite3.connect("", check_same_thread=False)
        self._batch: list[tuple[str, int]] = []
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "temp_store=FILE", f"cache_size=-{_CACHE_KIB}"):
            self._database.execute(f"PRAGMA {pragma}")
        self._database.execute("CREATE TABLE seen (id TEXT NOT NULL, line INTEGER NOT NULL)")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()

    def add(self, identifier: str, line: int) -> None:
        """Note that `identifier` stands on `line`."""
        self._batch.append((identifier, line))
        if len(self._batch) >= _BATCH:
            self._flush()

    def report(self, problems: Problems) -> None:
        """Add every later use of an id to `problems`, with the line of its first; call once, at the end."""
        self._flush()
        self._database.execute("CREATE INDEX seen_id ON seen (id, line)")
        (total,) = self._database.execute("SELECT COUNT(*) - COUNT(DISTINCT id) FROM seen").fetchone()
        if total:
            rows = self._database.execute(_FIRST_DUPLICATES, (KEPT_PROBLEMS,))
            problems.extend([_used_before(*row) for row in rows], total=total)

    def _flush(self) -> None:
        self._database.executemany("INSERT INTO seen VALUES (?, ?)", self._batch)
        self._batch.clear()


def _used_before(line: int, identifier: str, first: int) -> Problem:
    sentence = f"id {quoted(identifier)} was used before, on line {first}"
    return Problem.at(line, "duplicate_id", sentence)
