"""The folders of an adaptation: taken over whole, placed once, removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.jobs.building import adapt_job, claim_adaptation
from workers.workshop import Workshop

if TYPE_CHECKING:
    from pathlib import Path

    from jobs.records import Claim
    from jobs.store import Ledger


@pytest.fixture
def claims(ledger: Ledger) -> list[Claim]:
    """Two claims of one adaptation, the first of which was lost."""
    adapt_job(ledger)
    first = claim_adaptation(ledger)
    ledger.void_leases()
    return [first, claim_adaptation(ledger)]


def opened(taggers: Path, claim: Claim) -> Workshop:
    shop = Workshop.of(taggers, claim)
    shop.open()
    return shop


def make(shop: Workshop, what: str) -> None:
    """Write what stands for an artifact."""
    shop.made.mkdir()
    (shop.made / "tagger.json").write_text(what)


def test_an_attempt_takes_over_what_the_last_one_left(claims: list[Claim], tmp_path: Path) -> None:
    # Given an attempt that died while it wrote a checkpoint and an artifact
    first = opened(tmp_path, claims[0])
    (first.work / "learning").mkdir()
    (first.work / "learning" / "checkpoint.pt").write_text("step 7")
    (first.work / "learning" / "checkpoint.partial").write_text("st")
    (first.work / ".tagger.partial").mkdir()

    # When the next begins
    second = opened(tmp_path, claims[1])

    # Then it has the checkpoint, and the first has no folder to write into
    assert (second.work / "learning" / "checkpoint.pt").read_text() == "step 7"
    assert [path.name for path in second.work.rglob("*")] == ["learning", "checkpoint.pt"]
    assert not first.work.exists()


def test_whoever_still_holds_a_half_written_file_open_harms_nobody(claims: list[Claim], tmp_path: Path) -> None:
    first = opened(tmp_path, claims[0])
    with (first.work / "checkpoint.partial").open("w") as held:
        second = opened(tmp_path, claims[1])
        (second.work / "checkpoint.partial").write_text("mine")
        held.write("not mine")

    assert (second.work / "checkpoint.partial").read_text() == "mine"


def test_opening_again_changes_nothing(claims: list[Claim], tmp_path: Path) -> None:
    shop = opened(tmp_path, claims[1])
    make(shop, "whole")

    shop.open()

    assert (shop.made / "tagger.json").read_text() == "whole"


def test_an_artifact_is_placed_once(claims: list[Claim], tmp_path: Path) -> None:
    shop = opened(tmp_path, claims[1])
    for what in ("first", "second"):
        make(shop, what)
        shop.place()

    assert (shop.artifact / "tagger.json").read_text() == "first"


def test_an_artifact_that_cannot_be_placed_is_no_secret(claims: list[Claim], tmp_path: Path) -> None:
    shop = opened(tmp_path, claims[1])

    with pytest.raises(FileNotFoundError):
        shop.place()


def test_closing_keeps_the_artifact_and_discarding_does_not(claims: list[Claim], tmp_path: Path) -> None:
    taggers = tmp_path / "taggers"
    shop = opened(taggers, claims[1])
    make(shop, "whole")
    shop.place()

    shop.close()
    assert sorted(path.name for path in taggers.rglob("*")) == [".work", claims[1].job_id, "tagger.json"]
    shop.discard()
    shop.discard()
    assert [path.name for path in taggers.rglob("*")] == [".work"]
