"""Uploads that do not go well: senders that are slow, silent or gone, bodies that are too large, disks that fail."""

from __future__ import annotations

import errno
import gzip
import socket
import sqlite3
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest

from corpora.blobs import BlobWriter
from corpora.identifiers import SeenIds
from tests.api.desk import CORPUS, opened, problem, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from structlog.typing import EventDict

    from tests.api.desk import Desk

MIB = 2**20


def in_flight(desk: Desk) -> float:
    """How many uploads are being read, as the figures tell."""
    text = desk.ask("GET", "/metrics", key=desk.metrics_key).text
    [line] = [line for line in text.splitlines() if line.startswith("tagwerk_uploads_in_flight ")]
    return float(line.split()[1])


@contextmanager
def half_sent(desk: Desk, sent: bytes = b'{"id": "a", "te', length: int = 100) -> Iterator[socket.socket]:
    """An upload of which only a part came, its connection still open."""
    before = in_flight(desk)
    url = httpx.URL(desk.url)
    with socket.create_connection((url.host, url.port or 80)) as connection:
        head = [
            "POST /v1/files HTTP/1.1",
            "Host: x",
            f"Authorization: Bearer {desk.key}",
            f"Content-Length: {length}",
        ]
        connection.sendall("\r\n".join([*head, "", ""]).encode() + sent)
        until(lambda: in_flight(desk) == before + 1)
        yield connection


def test_a_sender_that_goes_away_leaves_nothing(desk: Desk, log: list[EventDict]) -> None:
    # Given an upload in the middle of its body
    said = len(log)
    with half_sent(desk):
        assert len(list(desk.blobs.root.iterdir())) == 1

    # When its connection closes, then nothing of it is stored, and no error is logged
    until(lambda: list(desk.blobs.root.iterdir()) == [])
    until(lambda: in_flight(desk) == 0)
    assert desk.get("/v1/files").json()["data"] == []
    until(lambda: 499 in [entry.get("status") for entry in log[said:]])
    assert {entry["log_level"] for entry in log[said:]} == {"info"}


def test_slow_uploads_starve_nobody(sqlite_ledger_url: str, tmp_path: Path) -> None:
    # Given as many uploads in the middle of their bodies as may be read at a time
    with opened(sqlite_ledger_url, tmp_path / "blobs", max_uploads=2, upload_wait_seconds=0.2) as desk:
        with half_sent(desk), half_sent(desk):
            # Then all else is answered at once
            started = time.monotonic()
            assert desk.http.get("/healthz").status_code == 200
            assert desk.get("/v1/jobs").status_code == 200
            assert time.monotonic() - started < 10

            # And a further upload is told to come again
            answer = desk.post("/v1/files", content=CORPUS)
            assert (answer.status_code, problem(answer)["code"]) == (503, "too_many_uploads")
            assert int(answer.headers["Retry-After"]) > 0

        # When they are over, then there is room again
        until(lambda: in_flight(desk) == 0)
        assert desk.post("/v1/files", content=CORPUS).status_code == 201


def test_more_uploads_than_threads_all_arrive(sqlite_ledger_url: str, tmp_path: Path) -> None:
    with opened(sqlite_ledger_url, tmp_path / "blobs", max_uploads=2) as desk:
        threads = [
            threading.Thread(target=desk.upload, args=(f'{{"id": "{number}", "text": ""}}',)) for number in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert len(desk.get("/v1/files").json()["data"]) == 8


def test_a_sender_that_falls_silent_is_given_up(sqlite_ledger_url: str, tmp_path: Path) -> None:
    with (
        opened(sqlite_ledger_url, tmp_path / "blobs", upload_stall_seconds=1) as desk,
        half_sent(desk) as connection,
    ):
        answer = b"".join(iter(lambda: connection.recv(10_000), b""))

        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b'"upload_stalled"' in answer
        assert list(desk.blobs.root.iterdir()) == []


@pytest.mark.parametrize("content", [b"x" * 2001, gzip.compress(b" \n" * 2000, mtime=0)])
def test_a_corpus_over_the_limit_is_refused(sqlite_ledger_url: str, tmp_path: Path, content: bytes) -> None:
    with opened(sqlite_ledger_url, tmp_path / "blobs", max_corpus_bytes=2000) as desk:
        answer = desk.post("/v1/files", content=content)
        unannounced = desk.post("/v1/files", content=iter([content]))

        for each in (answer, unannounced):
            assert (each.status_code, problem(each)["code"]) == (413, "corpus_too_large")
        assert [*tmp_path.glob("blobs/*")] == []


def test_an_early_refusal_reaches_a_sender_in_the_middle_of_a_large_body(
    sqlite_ledger_url: str, tmp_path: Path
) -> None:
    line = b'{"id": "a", "text": "' + b"x" * MIB + b'"}\n'
    with opened(sqlite_ledger_url, tmp_path / "blobs", max_corpus_bytes=4 * MIB) as desk:
        for _ in range(5):
            with httpx.Client(base_url=desk.url, timeout=30) as client:
                for key, status in ((desk.key, 413), ("tw_x", 401)):
                    headers = {"Authorization": f"Bearer {key}"}
                    answer = client.post("/v1/files", headers=headers, content=(line for _ in range(40)))
                    assert answer.status_code == status


def fails(error: Exception) -> Callable[..., None]:
    """A function that does not succeed."""

    def fail(*_arguments: object) -> None:
        raise error

    return fail


def full_sqlite() -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorcode = sqlite3.SQLITE_FULL
    return error


@pytest.mark.parametrize(
    ("where", "method", "error", "status", "code"),
    [
        (BlobWriter, "write", OSError(errno.ENOSPC, "No space left on device"), 507, "storage_full"),
        (BlobWriter, "commit", OSError(errno.EDQUOT, "Disk quota exceeded"), 507, "storage_full"),
        (BlobWriter, "commit", OSError(errno.EIO, "Input/output error"), 503, "storage_unavailable"),
        (SeenIds, "_flush", full_sqlite(), 507, "storage_full"),
    ],
)
def test_a_disk_that_fails_is_told_of_and_nothing_stays(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, where: type, method: str, error: Exception, status: int, code: str
) -> None:
    monkeypatch.setattr(where, method, fails(error))

    answer = desk.post("/v1/files", content=CORPUS)

    assert (answer.status_code, problem(answer)["code"]) == (status, code)
    assert ("Retry-After" in answer.headers) == (status == 503)
    assert list(desk.blobs.root.iterdir()) == []


def test_a_blob_folder_that_cannot_be_is_told_of(sqlite_ledger_url: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with opened(sqlite_ledger_url, tmp_path / "file" / "blobs") as desk:
        answer = desk.post("/v1/files", content=CORPUS)

        assert (answer.status_code, problem(answer)["code"]) == (503, "storage_unavailable")
        assert str(tmp_path) not in answer.text
