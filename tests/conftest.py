"""What every room's tests stand on: a database and a broker of their own on real servers.

Owns the fixtures that several rooms share and nothing of one room. The servers come from tests/services.py,
by way of `make test`.
"""

from __future__ import annotations

import itertools
import os
import shutil
import sqlite3
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
import pytest
import redis
from psycopg import sql

from tests import finding, services

if TYPE_CHECKING:
    from collections.abc import Iterator

HOW_TO_RUN = (
    "{variable} is not set: these tests need real servers. Run `make test`, or a part of them by "
    "`.venv/bin/python tests/services.py -- .venv/bin/python -m pytest tests/jobs`."
)
#: Which of the processes that share the tests this one is.
_SHARE = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
#: Redis databases of this process's own; 0 is left to the address itself.
_broker_numbers = itertools.cycle(range(1 + 15 * _SHARE, 16 + 15 * _SHARE))
_home_numbers = itertools.count()


@pytest.fixture(scope="session", autouse=True)
def own_temporary_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What killed processes leave in the temporary folder goes when the run ends; its path is short."""
    # pytest's own folder is to be looked at afterwards: it is made before, where it always is.
    tmp_path_factory.getbasetemp()
    place = os.environ.get(services.FOLDER)
    with (
        tempfile.TemporaryDirectory(prefix="temp-", dir=place, ignore_cleanup_errors=True) as folder,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("TMPDIR", folder)
        patch.setattr(tempfile, "tempdir", folder)
        yield


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No setting of the developer's shell reaches a test, and no test the developer's home."""
    for name in os.environ:
        if name.startswith("TAGWERK_") and not name.startswith("TAGWERK_TEST_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TAGWERK_HOME", str(tmp_path_factory.getbasetemp() / f"home{next(_home_numbers)}"))


@pytest.fixture(scope="session")
def postgres_url() -> str:
    """Address of the PostgreSQL server, its maintenance database; `postgresql+psycopg://...`."""
    return _address(finding.POSTGRES.url)


@pytest.fixture(scope="session")
def redis_url() -> str:
    """Address of the Redis server; `redis://...`."""
    return _address(finding.REDIS.url)


def _address(variable: str) -> str:
    if not os.environ.get(variable):
        pytest.fail(HOW_TO_RUN.format(variable=variable), pytrace=False)
    return os.environ[variable]


@pytest.fixture
def broker_url(redis_url: str) -> Iterator[str]:
    """A Redis database of the test's own, empty before and after."""
    url = urlunsplit(urlsplit(redis_url)._replace(path=f"/{next(_broker_numbers)}"))
    with closing(redis.Redis.from_url(url)) as client:
        client.flushdb()
        yield url
        client.flushdb()


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request: pytest.FixtureRequest) -> str:
    """A migrated ledger database of the test's own, without rows; once on SQLite, once on PostgreSQL."""
    url: str = request.getfixturevalue(f"{request.param}_ledger_url")
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def bare_url(request: pytest.FixtureRequest) -> str:
    """A database of the test's own without any table; once on SQLite, once on PostgreSQL."""
    url: str = request.getfixturevalue(f"{request.param}_bare_url")
    return url


@pytest.fixture
def sqlite_bare_url(tmp_path: Path) -> str:
    """A SQLite database that does not exist yet."""
    return f"sqlite:///{tmp_path / 'bare.db'}"


@pytest.fixture
def sqlite_ledger_url(tmp_path: Path, sqlite_template: Path) -> str:
    """A migrated SQLite database of the test's own."""
    path = tmp_path / "ledger.db"
    # Not a copy of the file: rows of the template may still be in its write-ahead log.
    with closing(sqlite3.connect(sqlite_template)) as source, closing(sqlite3.connect(path)) as target:
        source.backup(target)
    return f"sqlite:///{path}"


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Migrated once, copied for each test."""
    from migrations.running import upgrade

    path = tmp_path_factory.mktemp("template") / "ledger.db"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
def postgresql_bare_url(postgres_url: str) -> Iterator[str]:
    """An empty PostgreSQL database of the test's own."""
    with _database(postgres_url, template="template0") as url:
        yield url


@pytest.fixture
def postgresql_ledger_url(postgres_url: str, postgresql_template: str) -> Iterator[str]:
    """A migrated PostgreSQL database of the test's own."""
    with _database(postgres_url, template=postgresql_template) as url:
        yield url


@pytest.fixture(scope="session")
def postgresql_template(postgres_url: str) -> Iterator[str]:
    """Name of a database migrated once, copied for each test."""
    from migrations.running import upgrade

    with _database(postgres_url, template="template0") as url:
        upgrade(url)
        yield urlsplit(url).path.removeprefix("/")


@contextmanager
def _database(server_url: str, *, template: str) -> Iterator[str]:
    parts = urlsplit(server_url)
    name = f"tagwerk_{uuid4().hex[:12]}"
    names = {"name": sql.Identifier(name), "template": sql.Identifier(template)}
    with psycopg.connect(urlunsplit(parts._replace(scheme="postgresql")), autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {name} TEMPLATE {template}").format(**names))
        yield urlunsplit(parts._replace(path=f"/{name}"))
        server.execute(sql.SQL("DROP DATABASE {name} WITH (FORCE)").format(**names))


@pytest.fixture
def server_folder() -> Iterator[Path]:
    """A folder for servers that the test starts: its path is short and PostgreSQL's user may enter it."""
    folder = Path(tempfile.mkdtemp(prefix="server-", dir=os.environ.get(services.FOLDER)))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def own_postgres(server_folder: Path) -> Iterator[services.Server]:
    """A PostgreSQL server that the test may kill and restart."""
    server = services.start_postgres(server_folder / "postgres")
    yield server
    server.stop()


@pytest.fixture
def own_redis(server_folder: Path) -> Iterator[services.Server]:
    """A Redis server with its append-only file on that the test may kill and restart."""
    server = services.start_redis(server_folder / "redis")
    yield server
    server.stop()
