"""Fixtures of this room: an open ledger and a blob store; leases that ask before every batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from corpora.blobs import BlobStore
from jobs.store import Ledger
from workers import lease

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
def blobs(tmp_path: Path) -> BlobStore:
    """An empty blob store."""
    return BlobStore(tmp_path / "blobs")


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker asks the ledger after every batch, however little time went by."""
    monkeypatch.setattr(lease, "ASK_EVERY", 0.0)


@pytest.fixture
def trusting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker asks the ledger nothing between two batches."""
    monkeypatch.setattr(lease, "ASK_EVERY", 3600.0)
