"""A large upload to a server of its own process: memory stays flat, the job is accepted soon after the last byte."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import httpx

from jobs.keys import KeyScope
from jobs.store import Ledger
from tests.api.desk import asked, until
from tests.services import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


DOCUMENTS = 100_000
MIB = 2**20
#: Lines that are sent with one write.
TOGETHER = 200


def corpus(over: list[float]) -> Iterator[bytes]:
    """200 MB of documents, made as they are sent; the moment after the last goes to `over`."""
    filler = "the quick brown fox jumps over the lazy dog, and band after band plays on; " * 27
    text = filler[: 2_000_000_000 // 1_000_000]
    for first in range(0, DOCUMENTS, TOGETHER):
        lines = [
            f'{{"id": "document-{number}", "text": "{number} {text}"}}\n' for number in range(first, first + TOGETHER)
        ]
        yield "".join(lines).encode()
    over.append(time.monotonic())


def peak(process: int) -> int:
    """Most memory that a process ever held, in bytes."""
    with open(f"/proc/{process}/status", encoding="ascii") as file:  # noqa: PTH123 -- no file of a file system
        [line] = [line for line in file if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024


def test_200_megabytes_pass_through_little_memory(postgresql_ledger_url: str, broker_url: str, tmp_path: Path) -> None:
    # Given a server in a process of its own
    port = free_port()
    settings = {
        "TAGWERK_DATABASE_URL": postgresql_ledger_url,
        "TAGWERK_BROKER_URL": broker_url,
        "TAGWERK_BLOBS": str(tmp_path / "blobs"),
    }
    command = [sys.executable, "-m", "uvicorn", "--factory", "api.app:from_environment", "--port", str(port)]
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(command, env={**os.environ, **settings}, stdout=log, stderr=log)
    ledger = Ledger.open(postgresql_ledger_url)
    _key, token = ledger.create_key("local", KeyScope.TENANT, None)
    headers = {"Authorization": f"Bearer {token}"}
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=120) as client:
            until(lambda: answers(client), 60)
            before = peak(server.pid)
            over: list[float] = []

            # When 200 MB are uploaded and a job is submitted
            answer = client.post("/v1/files", content=corpus(over))
            assert answer.status_code == 201, answer.text
            file = answer.json()
            submitted = client.post("/v1/jobs", json=asked(file["id"]))
            seconds = time.monotonic() - over[0]

            # Then all documents are there, the job was accepted soon, and memory stayed flat
            assert file["documents"] == DOCUMENTS
            assert file["bytes"] > 200_000_000
            assert (submitted.status_code, submitted.json()["total"]) == (202, DOCUMENTS)
            assert seconds < 5
            assert peak(server.pid) < 200 * MIB
            assert peak(server.pid) - before < 64 * MIB
            assert token[13:] not in (tmp_path / "log").read_text()
    finally:
        server.terminate()
        server.wait(30)
        ledger.close()


def answers(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").is_success
    except httpx.TransportError:
        return False
