"""Fixtures of this room: an open ledger, a doorbell, a blob store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from corpora.blobs import BlobStore
from jobs.queue import Doorbell
from jobs.store import Ledger

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    """An empty ledger, once on SQLite and once on PostgreSQL."""
    ledger = Ledger.open(ledger_url)
    yield ledger
    ledger.close()


@pytest.fixture
def bell(broker_url: str) -> Iterator[Doorbell]:
    """A doorbell on an empty broker."""
    bell = Doorbell.at(broker_url)
    yield bell
    bell.close()


@pytest.fixture
def dead_bell() -> Doorbell:
    """A doorbell whose broker is not there: nothing listens on port 1."""
    return Doorbell.at("redis://127.0.0.1:1/0")


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    """An empty blob store."""
    return BlobStore(tmp_path / "blobs")
