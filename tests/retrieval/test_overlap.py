"""Near-duplicates: what counts as the same text, and what does not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.overlap import near_duplicates, wording
from tests.models.building import hostile

LONG = "the quick harbour master of Pellmoor saw two grey ships come in at dawn on the first of May"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Copper Wrens played.", "copper wrens PLAYED!"),
        ("ẞ straße", "ss strasse"),
        ("...", "..."),
        ("one two three four five six seven eight nine ten", "one two three four five six seven eight nine"),
        (LONG, f"{LONG} again"),
        (LONG, f"Before that came something else. {LONG}. And then much more, of which nobody has ever heard a word."),
    ],
)
def test_the_same_in_the_same_words(one: str, other: str) -> None:
    assert near_duplicates(wording(one), wording(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Copper Wrens played", "Copper Wrens sang"),
        ("Pellmoor", "The river Aske floods the town of Pellmoor every spring"),
        ("play Tide by Copper Wrens", "play Ebb by Copper Wrens"),
        ("...", "!"),
        ("", "word"),
        (LONG, " ".join(reversed(LONG.split()[:12])) + " and several words which the other text has not got at all"),
    ],
)
def test_not_the_same(one: str, other: str) -> None:
    assert not near_duplicates(wording(one), wording(other))


@given(hostile)
def test_every_text_repeats_itself(text: str) -> None:
    assert near_duplicates(wording(text), wording(text))


@given(st.lists(st.sampled_from("abcdefghij"), max_size=12), st.lists(st.sampled_from("abcdefghij"), max_size=12))
def test_it_does_not_matter_which_is_first(one: list[str], other: list[str]) -> None:
    first, second = wording(" ".join(one)), wording(" ".join(other))

    assert near_duplicates(first, second) == near_duplicates(second, first)
