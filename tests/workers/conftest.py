"""Fixtures of this room: an open ledger and a blob store; leases that ask before every batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from corpora.blobs import BlobStore
from jobs.store import Ledger
from models import artifact
from models.encoder import load_encoder
from tests.models.building import tiny_model, tiny_tagger
from tests.retrieval.standin import StandIn
from tests.workers.prompting import places, ship
from tests.workers.school import School
from workers import adapting, lease

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


@pytest.fixture
def chatty(monkeypatch: pytest.MonkeyPatch) -> None:
    """An adaptation tells of every step."""
    monkeypatch.setattr(adapting, "TOLD_SHARE", 0.0)
    monkeypatch.setattr(adapting, "TOLD_SECONDS", 0.0)


@pytest.fixture(scope="package")
def tiny_artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained tagger on a small random encoder, which an adaptation learns from in a second."""
    folder = tmp_path_factory.mktemp("tiny")
    tokenizer = load_encoder().tokenizer
    tiny_model().save_pretrained(folder / "encoder")
    tokenizer.save_pretrained(folder / "encoder")
    tagger = tiny_tagger(load_encoder(str(folder / "encoder")))
    artifact.save(folder / "tagger", tagger, name="tiny", receipt={"verdict": "unknown"})
    return folder / "tagger"


@pytest.fixture(scope="package")
def tiny_shipped(tiny_artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of shipped taggers, a bi-encoder and a compact language model, both small and random."""
    return ship(tmp_path_factory.mktemp("shipped"), tiny_artifact)


@pytest.fixture
def shipping(tiny_shipped: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """These are what ships."""
    for module, name, value in places(tiny_shipped):
        monkeypatch.setattr(module, name, value)
    return tiny_shipped


@pytest.fixture
def standin() -> Iterator[StandIn]:
    """A stand-in for a Qdrant server, empty."""
    standin = StandIn()
    yield standin
    standin.stop()


@pytest.fixture
def school(ledger: Ledger, blobs: BlobStore, tiny_artifact: Path, tmp_path: Path) -> School:
    """A place to make taggers in, with `tiny@1` as their base."""
    return School.founded(ledger, blobs, tmp_path / "taggers", tiny_artifact)
