"""Routes of taggers: what there is, and nothing of where it lies."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from models.shipped import MANIFEST
from tests.api.desk import asked, opened, problem

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
    # Given a tagger of one's own, whose receipt holds what no JSON answer can
    folder = tmp_path / "taggers" / "music@1"
    folder.mkdir(parents=True)
    receipt = {"note": "half a pair: \ud83c", "score": 0.5}
    (folder / MANIFEST).write_text(json.dumps({"engine": "biencoder", "base": "b", "receipt": receipt}))
    with opened(sqlite_ledger_url, tmp_path / "blobs", taggers=tmp_path / "taggers") as desk:
        # Then it is listed after the shipped one and a job may name it
        found = desk.get("/v1/taggers").json()["data"]
        assert [each["name"] for each in found] == ["default", "music@1"]
        assert found[1]["receipt"]["score"] == 0.5
        assert desk.post("/v1/jobs", json=asked(desk.upload(), tagger="music@1")).status_code == 202

        # And where one is damaged, the answer says so without its folder
        (folder / MANIFEST).write_text("{")
        answer = desk.get("/v1/taggers")
        assert (answer.status_code, problem(answer)["code"]) == (503, "damaged_tagger")
        assert str(tmp_path) not in answer.text
