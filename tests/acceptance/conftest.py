"""Fixtures of the acceptance tests: an installation of the test's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.acceptance.operations import Site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.services import Server


@pytest.fixture
def site(tmp_path: Path, own_postgres: Server, own_redis: Server) -> Iterator[Site]:
    """Servers without anything on them; every process that is started is killed at the end."""
    site = Site(tmp_path, own_postgres, own_redis)
    yield site
    site.end()
