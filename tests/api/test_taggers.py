"""Routes of taggers: what there is, and nothing of where it lies."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from models.shipped import MANIFEST
from tests.api.desk import asked, opened, problem
from tests.jobs.building import made_tagger

if TYPE_CHECKING:
    from pathlib import Path

    from tests.api.desk import Desk


def test_the_shipped_taggers_are_listed(shared_desk: Desk) -> None:
    compact, tagger, typer = shared_desk.get("/v1/taggers").json()["data"]

    assert (tagger["name"], tagger["engine"]) == ("default", "biencoder")
    assert (compact["name"], compact["engine"]) == ("compact", "llm")
    assert (typer["name"], typer["engine"]) == ("typer", "typer")
    assert set(tagger) == {"name", "engine", "base", "receipt", "state", "created_at"}
    assert (tagger["state"], tagger["created_at"]) == (None, None)
    assert shared_desk.get("/v1/taggers/default").json() == tagger


@pytest.mark.parametrize("name", ["music", "..", "%2e%2e", "%00", "x" * 1000, "default%0a"])
def test_a_tagger_that_is_not_there(shared_desk: Desk, name: str) -> None:
    answer = shared_desk.get(f"/v1/taggers/{name}")

    assert answer.status_code == 404
    assert problem(answer)["code"] in ("unknown_tagger", "not_found")


def test_taggers_made_here_are_listed_and_may_be_named(sqlite_ledger_url: str, tmp_path: Path) -> None:
    # Given a tagger of one's own, promoted, and a version that is not
    with opened(sqlite_ledger_url, tmp_path / "blobs", taggers=tmp_path / "taggers") as desk:
        folders = [made(desk, tmp_path / "taggers", promote=promote) for promote in (True, False)]

        # Then they are listed after those that ship
        found = desk.get("/v1/taggers").json()["data"]
        assert [each["name"] for each in found] == ["compact", "default", "typer", "music@1", "music@2"]
        assert found[3]["receipt"]["after"] == {"f1": 0.5}
        assert [each["state"] for each in found] == [None, None, None, "promoted", "candidate"]
        assert found[3]["created_at"] < found[4]["created_at"]

        # And a job may name each, and keeps the version that the name stands for
        for asked_for, kept in (("music", "music@1"), ("music@1", "music@1"), ("music@2", "music@2")):
            assert desk.get(f"/v1/taggers/{asked_for}").json()["name"] == kept
            assert desk.get(f"/v1/jobs/{desk.submit(tagger=asked_for)}").json()["tagger"] == kept

        # And where one is damaged, the answer says so without its folder
        (folders[0] / MANIFEST).write_text("{")
        answer = desk.get("/v1/taggers/music")
        assert (answer.status_code, problem(answer)["code"]) == (503, "damaged_tagger")
        assert str(tmp_path) not in answer.text


def test_a_replay_is_answered_with_the_first_job_whatever_the_name_stands_for_now(
    sqlite_ledger_url: str, tmp_path: Path
) -> None:
    with opened(sqlite_ledger_url, tmp_path / "blobs", taggers=tmp_path / "taggers") as desk:
        made(desk, tmp_path / "taggers")
        ask = {"json": asked(desk.upload(), tagger="music"), "headers": {"Idempotency-Key": "order-17"}}
        first = desk.post("/v1/jobs", **ask)
        made(desk, tmp_path / "taggers")

        again = desk.post("/v1/jobs", **ask)

        assert desk.get("/v1/taggers/music").json()["name"] == "music@2"
        assert (again.status_code, again.json()) == (202, first.json())


def test_promoting_and_rolling_back_twice_is_as_once(sqlite_ledger_url: str, tmp_path: Path) -> None:
    # Given three versions, of which the last is a candidate
    with opened(sqlite_ledger_url, tmp_path / "blobs", taggers=tmp_path / "taggers") as desk:
        for promote in (True, True, False):
            made(desk, tmp_path / "taggers", promote=promote)

        # When it is promoted, and the request comes again
        answers = [desk.post("/v1/taggers/music@3/promote") for _ in range(2)]

        # Then the name stands for it
        assert answers[0].json() == answers[1].json() == desk.get("/v1/taggers/music").json()
        assert (answers[0].status_code, answers[0].json()["name"], answers[0].json()["state"]) == (
            200,
            "music@3",
            "promoted",
        )

        # When it is rolled back from that version, and the request comes again
        answers = [desk.post("/v1/taggers/music/rollback?from=music@3") for _ in range(2)]

        # Then the name stands for the one before, and not for the one before that
        assert [(each.status_code, each.json()["name"]) for each in answers] == [(200, "music@2")] * 2
        assert desk.get("/v1/taggers/music").json() == answers[1].json()

        # And without a version it goes on to that
        assert desk.post("/v1/taggers/music/rollback").json()["name"] == "music@1"
        assert problem(desk.post("/v1/taggers/music/rollback"))["code"] == "nothing_to_roll_back"


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("music/promote", 422, "bad_tagger_name"),
        ("music@1/rollback", 422, "bad_tagger_name"),
        ("music/rollback?from=music", 422, "bad_tagger_name"),
        ("music/rollback?from=jazz@1", 422, "bad_tagger_name"),
        ("music/rollback?from=music@9", 404, "unknown_tagger"),
        ("music/rollback?from=%00", 404, "unknown_tagger"),
        ("music/rollback", 409, "nothing_to_roll_back"),
        ("music@9/promote", 404, "unknown_tagger"),
        ("default@1/promote", 404, "unknown_tagger"),
        ("default/rollback", 404, "unknown_tagger"),
        ("%00/promote", 404, "unknown_tagger"),
    ],
)
def test_what_cannot_be_promoted_or_rolled_back(lonely_desk: Desk, path: str, status: int, code: str) -> None:
    made_tagger(lonely_desk.ledger, tenant="local")

    answer = lonely_desk.post(f"/v1/taggers/{path}")

    assert (answer.status_code, problem(answer)["code"]) == (status, code)
    assert lonely_desk.get("/v1/taggers/music").json()["name"] == "music@1"


def test_a_tagger_without_a_promoted_version_says_so(lonely_desk: Desk) -> None:
    made_tagger(lonely_desk.ledger, promote=False, tenant="local")

    for answer in (lonely_desk.get("/v1/taggers/music"), lonely_desk.post("/v1/taggers/music/rollback")):
        assert (answer.status_code, problem(answer)["code"]) == (404, "nothing_promoted")


def test_a_tagger_whose_files_are_gone_is_not_promoted(sqlite_ledger_url: str, tmp_path: Path) -> None:
    with opened(sqlite_ledger_url, tmp_path / "blobs", taggers=tmp_path / "taggers") as desk:
        for promote in (True, False):
            folder = made(desk, tmp_path / "taggers", promote=promote)
        (folder / MANIFEST).unlink()

        answer = desk.post("/v1/taggers/music@2/promote")

        assert (answer.status_code, problem(answer)["code"]) == (503, "damaged_tagger")
        assert desk.get("/v1/taggers/music").json()["name"] == "music@1"


def made(desk: Desk, taggers: Path, *, promote: bool = True) -> Path:
    """The folder of a tagger `music` that the desk's tenant has just made."""
    folder = taggers / made_tagger(desk.ledger, promote=promote, tenant="local").folder
    folder.mkdir(parents=True)
    (folder / MANIFEST).write_text(json.dumps({"engine": "biencoder", "base": "b", "receipt": {}}))
    return folder
