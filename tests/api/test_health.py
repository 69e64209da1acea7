"""Routes for those who run the service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.api.desk import opened

if TYPE_CHECKING:
    from pathlib import Path

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


def test_any_key_opens_the_description(shared_desk: Desk) -> None:
    described = [shared_desk.ask("GET", "/openapi.json", key=key).json() for key in (None, shared_desk.metrics_key)]

    assert described[0] == described[1]
    assert described[0]["info"]["title"] == "Tagwerk"


def test_figures_are_in_the_words_of_prometheus(shared_desk: Desk) -> None:
    answer = shared_desk.ask("GET", "/metrics", key=shared_desk.metrics_key)

    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
