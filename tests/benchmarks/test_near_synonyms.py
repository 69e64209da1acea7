"""The written table of near-synonyms fits the wordings, and its groups are averaged as they say."""

from __future__ import annotations

import pytest

from benchmarks import crossner
from benchmarks.near_synonyms import means, near_synonyms, trained_types
from models.verbalise import verbalisations


def test_every_near_synonym_is_a_type_of_the_shipped_wordings() -> None:
    written = [each for types in near_synonyms().values() for synonyms in types.values() for each in synonyms]

    assert written
    for synonym in written:
        data_set, label = synonym.split("/", 1)
        assert label in verbalisations(data_set), synonym


def test_all_domains_are_there_without_misc() -> None:
    written = near_synonyms()

    assert tuple(written) == crossner.DOMAINS
    assert all("misc" not in types for types in written.values())


def test_types_that_training_never_shows_do_not_count() -> None:
    trained = trained_types()

    assert "snips/country" in trained
    assert {"multiconer2_en/WrittenWork", "litbank/PER"} <= trained  # held out until all was chosen
    assert "anatem/Anatomy" not in trained  # a set that is not drawn


def test_groups_are_averaged_by_type_and_empty_types_left_out() -> None:
    rows = [
        {"near-synonym in training": synonym, "entities": entities, "F1": f1}
        for synonym, entities, f1 in (("a/x", 900, 60.0), ("a/y", 1, 20.0), ("none", 5, 10.0), ("none", 0, 0.0))
    ]

    having, without = means(rows)

    assert (having["F1"], having["entities"], having["type"]) == (40.0, 901, "mean of 2 types")
    assert having["deviation"] == pytest.approx(800**0.5)
    assert (without["F1"], without["deviation"], without["type"]) == (10.0, None, "mean of 1 types")
