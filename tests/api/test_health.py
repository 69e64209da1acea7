"""Routes for those who run the service."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from api import readiness
from tests.api.desk import opened, until

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    import pytest

    from corpora.blobs import BlobWriter
    from tests.api.desk import Desk


def test_a_service_whose_parts_answer_is_ready(desk: Desk) -> None:
    answer = desk.http.get("/readyz")

    assert answer.status_code == 200
    assert answer.json() == {"ready": True, "ledger": "ok", "blobs": "ok", "broker": "ok"}
    assert list(desk.blobs.root.iterdir()) == []


def test_a_broker_that_is_away_does_not_cost_readiness(lonely_desk: Desk) -> None:
    answer = lonely_desk.http.get("/readyz")

    assert (answer.status_code, answer.json()["ready"], answer.json()["broker"]) == (200, True, "unavailable")


def test_a_blob_folder_that_cannot_be_written_is_not_ready(sqlite_ledger_url: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with opened(sqlite_ledger_url, tmp_path / "file" / "blobs") as desk:
        answer = desk.http.get("/readyz")

        assert answer.status_code == 503
        assert (answer.json()["ready"], answer.json()["blobs"]) == (False, "Not a directory")


def test_who_asks_often_makes_one_probe_for_all(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[None] = []
    writer = desk.blobs.writer

    def counted() -> AbstractContextManager[BlobWriter]:
        written.append(None)
        return writer()

    monkeypatch.setattr(desk.blobs, "writer", counted)

    with ThreadPoolExecutor(8) as many:
        answers = list(many.map(lambda _: desk.http.get("/readyz").status_code, range(16)))

    assert answers == [200] * 16
    # Two where the many take longer than one answer is good.
    assert 1 <= len(written) <= 2


def test_what_was_found_does_not_stay_said(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    assert desk.http.get("/readyz").status_code == 200

    monkeypatch.setattr(desk.blobs, "root", Path("/dev/null/blobs"))

    until(lambda: desk.http.get("/readyz").status_code == 503)


def test_a_broker_that_keeps_silent_holds_one_thread(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a broker that does not answer, and answers that are not kept
    asked: list[None] = []
    silence = threading.Event()
    monkeypatch.setattr(readiness, "FRESH_SECONDS", 0)

    def answers_late() -> bool:
        asked.append(None)
        return silence.wait(30)

    monkeypatch.setattr(desk.parts.bell, "answers", answers_late)

    # When it is asked for again and again
    answers = [desk.http.get("/readyz").json()["broker"] for _ in range(4)]

    # Then one thread waits for it, and when it speaks, it is heard again
    assert (answers, len(asked)) == (["unavailable"] * 4, 1)
    silence.set()
    until(lambda: desk.http.get("/readyz").json()["broker"] == "ok")


def test_any_key_opens_the_description(shared_desk: Desk) -> None:
    described = [shared_desk.ask("GET", "/openapi.json", key=key).json() for key in (None, shared_desk.metrics_key)]

    assert described[0] == described[1]
    assert described[0]["info"]["title"] == "Tagwerk"


def test_figures_are_in_the_words_of_prometheus(shared_desk: Desk) -> None:
    answer = shared_desk.ask("GET", "/metrics", key=shared_desk.metrics_key)

    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
