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


def test_the_shipped_tagger_is_listed(shared_desk: Desk) -> None:
    [tagger] = shared_desk.get("/v1/taggers").json()["data"]

    assert (tagger["name"], tagger["engine"]) == ("default", "biencoder")
    assert set(tagger) == {"name", "engine", "base", "receipt"}
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

        # Then they are listed after the shipped one
        found = desk.get("/v1/taggers").json()["data"]
        assert [each["name"] for each in found] == ["default", "music@1", "music@2"]
        assert found[1]["receipt"]["after"] == {"f1": 0.5}

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


def made(desk: Desk, taggers: Path, *, promote: bool = True) -> Path:
    """The folder of a tagger `music` that the desk's tenant has just made."""
    folder = taggers / made_tagger(desk.ledger, promote=promote, tenant="local").folder
    folder.mkdir(parents=True)
    (folder / MANIFEST).write_text(json.dumps({"engine": "biencoder", "base": "b", "receipt": {}}))
    return folder
