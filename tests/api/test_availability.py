"""What else may be away: the broker costs nothing but time, without the ledger everyone is asked to come again."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import httpx
import pytest

from api.app import create_app
from api.parts import Parts
from api.settings import ApiSettings
from corpora.settings import CorporaSettings
from jobs.settings import JobsSettings
from jobs.store import Ledger
from tests.api.desk import NO_BROKER, NO_DATABASE, opened, problem, until
from tests.api.test_tenancy import KEYED, NAMING
from tests.listening import listening

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from structlog.typing import EventDict

    from tests.api.desk import Desk
    from tests.services import Server

#: Less than the seconds for which the broker's client waits for an answer.
SILENCE = 4.5
A_KEY = "tw_aaaaaaaaaa_" + "x" * 43


def test_a_job_is_accepted_at_once_without_a_broker(
    sqlite_ledger_url: str, tmp_path: Path, silent_broker: str, log: list[EventDict]
) -> None:
    # Given a broker that takes connections and says nothing
    with opened(sqlite_ledger_url, tmp_path / "blobs", silent_broker) as desk:
        file = desk.upload()

        # When a job is submitted
        started = time.monotonic()
        job_id = desk.submit(file)

        # Then it is queued without waiting for the broker, and its bell is owed
        assert time.monotonic() - started < SILENCE
        assert desk.get(f"/v1/jobs/{job_id}").json()["state"] == "queued"
        assert len(desk.ledger.owed("tag", 10)) == 1

        # Neither does who asks whether the service is ready
        started = time.monotonic()
        answer = desk.http.get("/readyz")
        assert (answer.status_code, answer.json()["broker"]) == (200, "unavailable")
        assert time.monotonic() - started < SILENCE


def test_the_operator_is_told_of_a_broker_that_is_away(lonely_desk: Desk, log: list[EventDict]) -> None:
    lonely_desk.submit()

    until(lambda: any(entry["event"] == "bells_owed" for entry in log))


def test_bells_that_were_owed_ring_with_the_next_job(desk: Desk, lonely_desk: Desk) -> None:
    # Given a job whose bell no broker heard, on the ledger of a service that has one
    job_id = lonely_desk.submit()
    assert len(desk.ledger.owed("tag", 10)) == 1

    # When another is submitted there
    desk.submit()

    # Then both ring
    until(lambda: desk.parts.bell.depth("tag") == 2)
    assert desk.ledger.job(job_id).queue == "tag"


@pytest.fixture
def silent_broker() -> Iterator[str]:
    """The address of a broker that takes connections and says nothing, until the service ends."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        accepted: list[socket.socket] = []
        threading.Thread(target=hang_up, args=(listener, accepted), daemon=True).start()
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0"


def hang_up(listener: socket.socket, accepted: list[socket.socket]) -> None:
    """Take connections, and close each after a time that is longer than any test waits."""
    with suppress(OSError):
        while True:
            accepted.append(listener.accept()[0])


@pytest.fixture(scope="module")
def without_ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """The service whose database is not there."""
    parts = Parts(
        database_url=NO_DATABASE,
        broker_url=NO_BROKER,
        blobs=tmp_path_factory.mktemp("blobs"),
        jobs=JobsSettings(),
        corpora=CorporaSettings(),
        settings=ApiSettings(),
    )
    headers = {"Authorization": f"Bearer {A_KEY}"}
    with listening(create_app(parts)) as url, httpx.Client(base_url=url, headers=headers, timeout=30) as client:
        yield client


@pytest.mark.parametrize("route", sorted({*NAMING, *KEYED}))
def test_without_a_ledger_every_route_asks_to_come_again(without_ledger: httpx.Client, route: str) -> None:
    method, path = route.split()

    answer = without_ledger.request(method, path.format(id="job_x", name="x"))

    assert (answer.status_code, problem(answer)["code"]) == (503, "ledger_unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert problem(answer)["detail"] == "the ledger does not answer; try again"


def test_without_a_ledger_the_process_lives_and_is_not_ready(without_ledger: httpx.Client) -> None:
    ready = without_ledger.get("/readyz")

    assert without_ledger.get("/healthz").status_code == 200
    assert ready.status_code == 503
    assert ready.json() == {"ready": False, "ledger": "unavailable", "blobs": "ok", "broker": "unavailable"}


def test_a_ledger_that_goes_away_and_comes_back(own_postgres: Server, tmp_path: Path) -> None:
    from migrations.running import upgrade

    upgrade(own_postgres.url)
    with opened(own_postgres.url, tmp_path / "blobs") as desk:
        file = desk.upload()

        # When the database is killed, and the service asked by many at once
        own_postgres.kill()
        answers: list[httpx.Response] = []
        threads = [threading.Thread(target=lambda: answers.append(desk.get(f"/v1/files/{file}"))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        # Then all are asked to come again
        assert [(each.status_code, problem(each)["code"]) for each in answers] == [(503, "ledger_unavailable")] * 8

        # And are served again when it is back, without a restart
        own_postgres.start()
        assert desk.get(f"/v1/files/{file}").status_code == 200


def test_a_ledger_without_tables_is_said_to_be_so(sqlite_bare_url: str, sqlite_ledger_url: str, tmp_path: Path) -> None:
    with opened(sqlite_ledger_url, tmp_path / "blobs") as desk:
        # Given a service whose ledger has no tables yet
        desk.parts._database_url = sqlite_bare_url

        # Then it is not ready and asks to come again
        assert desk.http.get("/readyz").json()["ledger"] == "not_migrated"
        answer = desk.get("/v1/jobs")
        assert (answer.status_code, problem(answer)["code"]) == (503, "ledger_not_migrated")

        # And serves once they are there
        desk.parts._database_url = sqlite_ledger_url
        assert desk.get("/v1/jobs").status_code == 200
        until(lambda: desk.http.get("/readyz").status_code == 200)


def test_the_address_of_the_ledger_is_told_to_nobody(without_ledger: httpx.Client, log: list[EventDict]) -> None:
    assert "127.0.0.1:1" not in without_ledger.get("/v1/jobs").text
    assert "secret-of-the-database" not in repr(log)


def test_opening_a_ledger_connects_to_nothing() -> None:
    Ledger.open(NO_DATABASE).close()
