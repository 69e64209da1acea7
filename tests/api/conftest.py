"""Fixtures of this room: the service, on SQLite where nothing else is said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from tests.api.desk import copied, opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from structlog.typing import EventDict

    from tests.api.desk import Desk


@pytest.fixture(scope="module", autouse=True)
def log() -> Iterator[list[EventDict]]:
    """What the tests of a module had logged so far."""
    with capture_logs() as entries:
        yield entries


@pytest.fixture
def desk(sqlite_ledger_url: str, broker_url: str, tmp_path: Path) -> Iterator[Desk]:
    """The service with a broker."""
    with opened(sqlite_ledger_url, tmp_path / "blobs", broker_url) as desk:
        yield desk


@pytest.fixture(scope="module")
def shared_desk(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """The service, without a broker, for all tests of a module: for those that make no job."""
    folder = tmp_path_factory.mktemp("shared")
    with opened(copied(sqlite_template, folder), folder / "blobs") as desk:
        yield desk


@pytest.fixture
def lonely_desk(sqlite_ledger_url: str, tmp_path: Path) -> Iterator[Desk]:
    """The service whose broker is not there."""
    with opened(sqlite_ledger_url, tmp_path / "blobs") as desk:
        yield desk
