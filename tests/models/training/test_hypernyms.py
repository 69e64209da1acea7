"""The table of broader and narrower types: it is free of circles, and what it says of some types is right."""

from __future__ import annotations

import pytest

from models.training.hypernyms import hypernyms, table_of

SMALL = table_of(
    {
        "person/human": [{"artist": ["singer", {"painter": None}]}, "official"],
        "place": ["bank", {"city/town": ["capital"]}],
        "company/firm": ["bank", "painter"],
        "living thing": ["person"],
    }
)


def test_a_type_is_all_that_it_stands_under_and_what_names_the_same() -> None:
    assert SMALL.upwards["singer"] == {"singer", "artist", "person", "human", "living thing"}
    assert SMALL.upwards["capital"] == {"capital", "city", "town", "place"}
    assert SMALL.closed(["singer", "unheard of"]) == SMALL.upwards["singer"] | {"unheard of"}


def test_a_word_of_several_meanings_has_the_first() -> None:
    assert SMALL.upwards["bank"] == {"bank", "place"}
    assert "company" not in SMALL.upwards["painter"]


def test_what_is_narrower_than_the_narrowest_known_is_unknown() -> None:
    assert SMALL.narrower(SMALL.closed(["person"])) == {"artist", "singer", "painter", "official"}
    assert SMALL.narrower(SMALL.closed(["artist"])) == {"singer", "painter"}
    assert SMALL.narrower(SMALL.closed(["town"])) == {"capital"}


def test_a_noun_adds_only_what_agrees_with_what_is_known() -> None:
    person = SMALL.closed(["person"])
    assert SMALL.sense("singer", person) == SMALL.upwards["singer"]
    assert SMALL.sense("capital", person) == frozenset()
    assert SMALL.sense("unheard of", person) == frozenset()


def test_a_circle_is_refused() -> None:
    with pytest.raises(ValueError, match="each a kind of the other"):
        table_of({"a": [{"b": ["c"]}, {"c": ["b"]}]})


@pytest.mark.parametrize(
    ("narrow", "broad"),
    [("jazz musician", "musician"), ("orchestra", "musical group"), ("senator", "politician"), ("river", "location"),
     ("novel", "written work"), ("earthquake", "disaster"), ("malware", "software"), ("mother", "woman")],
)  # fmt: skip
def test_the_table_of_the_package_knows(narrow: str, broad: str) -> None:
    if narrow == "mother":
        assert "female" in hypernyms().upwards[narrow]
    else:
        assert broad in hypernyms().upwards[narrow]
    assert narrow not in hypernyms().upwards[broad]


def test_the_table_of_the_package_is_broad() -> None:
    assert len(hypernyms().upwards) > 2000
    assert not [name for name in hypernyms().upwards if name != name.strip().lower()]
