"""The registry: versions that rise, one promoted version a name, and the way back."""

from __future__ import annotations

import multiprocessing
from typing import TYPE_CHECKING

import pytest

from jobs.errors import BadTaggerName, NothingPromoted, NothingToRollBack, UnknownTagger
from jobs.records import NewTagger
from jobs.states import TaggerState
from jobs.store import Ledger, TenantLedger
from tests.jobs.building import adapt_job, claim_adaptation, made_tagger

if TYPE_CHECKING:
    from multiprocessing.synchronize import Barrier

    from jobs.records import Claim

CANDIDATE, PROMOTED, RETIRED = TaggerState.CANDIDATE, TaggerState.PROMOTED, TaggerState.RETIRED
#: Processes that share no connection, as workers are.
SPAWN = multiprocessing.get_context("spawn")
ROUNDS = 10


@pytest.fixture
def mine(ledger: Ledger) -> TenantLedger:
    return ledger.tenant("local")


def states(mine: TenantLedger) -> list[TaggerState]:
    """The states of all versions, in order."""
    return [each.state for each in mine.taggers()]


def test_versions_rise_and_the_last_promoted_is_what_the_name_stands_for(ledger: Ledger, mine: TenantLedger) -> None:
    for promote in (True, False, True):
        made_tagger(ledger, promote=promote)

    assert [each.full_name for each in mine.taggers()] == ["music@1", "music@2", "music@3"]
    assert states(mine) == [RETIRED, CANDIDATE, PROMOTED]
    assert mine.tagger("music") == mine.tagger("music@3")
    assert mine.tagger("music@2").version == 2


def test_a_tagger_knows_how_it_came_to_be(ledger: Ledger, mine: TenantLedger) -> None:
    made = made_tagger(ledger, "jazz")

    assert mine.tagger("jazz") == made
    assert (made.folder, made.engine, made.receipt["encoder"]) == (made.job_id, "biencoder", "mini")
    assert made.created_at <= (made.promoted_at or made.created_at) <= ledger.now()


def test_names_are_counted_apart(ledger: Ledger, mine: TenantLedger) -> None:
    for name in ("music", "jazz", "music"):
        made_tagger(ledger, name)

    assert [each.full_name for each in mine.taggers()] == ["jazz@1", "music@1", "music@2"]


def test_promoting_retires_what_was_promoted(ledger: Ledger, mine: TenantLedger) -> None:
    made_tagger(ledger)
    made_tagger(ledger, promote=False)

    assert mine.promote("music@2").state is PROMOTED

    assert states(mine) == [RETIRED, PROMOTED]


def test_promoting_what_is_promoted_changes_nothing(ledger: Ledger, mine: TenantLedger) -> None:
    made = made_tagger(ledger)

    assert mine.promote("music@1") == made


def test_the_way_back_goes_from_promotion_to_promotion(ledger: Ledger, mine: TenantLedger) -> None:
    # Given four versions, of which 1, 2, 4 and then 2 again were promoted, within one tick of the clock
    for promote in (True, True, False, True):
        made_tagger(ledger, promote=promote)
    mine.promote("music@2")

    # When they are rolled back, one after the other
    versions = [mine.rollback("music").version for _ in range(2)]

    # Then each stands that stood before, down to the first
    assert versions == [4, 1]
    assert states(mine) == [PROMOTED, RETIRED, CANDIDATE, RETIRED]
    with pytest.raises(NothingToRollBack):
        mine.rollback("music")
    assert mine.tagger("music").version == 1


def test_a_rollback_comes_back_to_what_stood_before_not_to_what_was_rolled_back(
    ledger: Ledger, mine: TenantLedger
) -> None:
    # Given a version that was rolled back, and a newer one
    made_tagger(ledger)
    made_tagger(ledger)
    mine.rollback("music")
    made_tagger(ledger)

    # When the newer one is rolled back
    again = mine.rollback("music")

    # Then the first stands
    assert again.version == 1


def test_a_rollback_from_a_version_is_made_once(ledger: Ledger, mine: TenantLedger) -> None:
    # Given three versions, promoted one after the other
    for _ in range(3):
        made_tagger(ledger)

    # When the last is rolled back, and again, and a newer one is promoted meanwhile
    versions = [mine.rollback("music", since="music@3").version for _ in range(2)]
    made_tagger(ledger)
    versions.append(mine.rollback("music", since="music@3").version)

    # Then it was rolled back once, and what came after it stands
    assert versions == [2, 2, 4]
    assert states(mine) == [RETIRED, RETIRED, RETIRED, PROMOTED]


@pytest.mark.parametrize(
    ("since", "error"),
    [("music", BadTaggerName), ("jazz@1", BadTaggerName), ("music@9", UnknownTagger), ("a\0", UnknownTagger)],
)
def test_a_rollback_from_what_is_no_version_of_the_name_changes_nothing(
    ledger: Ledger, mine: TenantLedger, since: str, error: type[Exception]
) -> None:
    for _ in range(2):
        made_tagger(ledger)

    with pytest.raises(error):
        mine.rollback("music", since=since)

    assert mine.tagger("music").version == 2


def test_a_name_of_which_nothing_is_promoted_says_what_there_is(ledger: Ledger, mine: TenantLedger) -> None:
    for _ in range(2):
        made_tagger(ledger, promote=False)

    for ask in (mine.tagger, mine.rollback):
        with pytest.raises(NothingPromoted, match="one of music@1, music@2, or promote one"):
            ask("music")


@pytest.mark.parametrize("asked", ["musik", "music@2", "music@0", "music@", "@1", "", "M", "music@99999999999", "a\0b"])
def test_what_is_not_there_is_told_with_what_is(ledger: Ledger, mine: TenantLedger, asked: str) -> None:
    made_tagger(ledger)

    with pytest.raises(
        UnknownTagger, match=r"there is no tagger .*; known are compact, default, typer, music@1"
    ) as caught:
        mine.tagger(asked)
    assert ascii(asked) in str(caught.value)


def test_promoting_needs_a_version_and_a_rollback_none(ledger: Ledger, mine: TenantLedger) -> None:
    made_tagger(ledger)

    with pytest.raises(BadTaggerName, match="'music' says no version; write one, as in music@3"):
        mine.promote("music")
    with pytest.raises(BadTaggerName, match="'music@1' says a version; write music alone"):
        mine.rollback("music@1")


def commit_rounds(url: str, rounds: list[Claim], start: Barrier) -> list[str]:
    """Commit a tagger a round, each at the same moment as the other process; return what they are called."""
    ledger = Ledger.open(url)
    ledger.jobs()
    named = []
    for claim in rounds:
        start.wait()
        made = ledger.commit_tagger(claim, NewTagger(name="music", receipt={}, promote=True))
        named.append(made.full_name if made else "")
    ledger.close()
    return named


def test_two_that_make_a_tagger_of_one_name_at_once_make_two_versions(
    ledger: Ledger, ledger_url: str, mine: TenantLedger
) -> None:
    # Given adaptations that two processes hold
    claims = []
    for _ in range(2 * ROUNDS):
        adapt_job(ledger)
        claims.append(claim_adaptation(ledger))

    # When both commit, again and again at the same moment
    with SPAWN.Manager() as manager, SPAWN.Pool(2) as pool:
        start = manager.Barrier(2)
        named = pool.starmap(commit_rounds, [(ledger_url, claims[side::2], start) for side in (0, 1)], chunksize=1)

    # Then every version is there once, and one is promoted
    assert sorted(name for side in named for name in side) == sorted(f"music@{n}" for n in range(1, 2 * ROUNDS + 1))
    assert states(mine).count(PROMOTED) == 1
    assert mine.tagger("music").version == 2 * ROUNDS
