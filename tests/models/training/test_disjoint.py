"""The written table: which types of other sets a type rules out."""

from __future__ import annotations

from importlib import resources

import yaml

from models.training.disjoint import disjoint_with
from models.training.sets import load_mix
from models.verbalise import verbalisations


def table() -> dict[str, dict[str, dict[str, list[str]]]]:
    text = (resources.files("models.training") / "disjoint.yaml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(text))


def test_a_person_is_no_chemical_and_no_place_and_may_be_a_cook() -> None:
    found = disjoint_with("wikigold", "PER")

    assert {("bc5cdr", "Chemical"), ("uner_ewt", "LOC"), ("craft", "Taxon")} <= found
    assert ("uner_ewt", "PER") not in found


def test_what_shares_is_not_ruled_out() -> None:
    places = disjoint_with("uner_ewt", "LOC")

    assert ("multiconer2_en", "ORG") not in places
    assert ("bc5cdr", "Disease") in places


def test_a_type_in_no_family_rules_nothing_out() -> None:
    assert disjoint_with("snips", "artist") == frozenset()


def test_types_of_the_set_itself_are_never_among_them() -> None:
    for families in table()["families"].values():
        for data_set, labels in families.items():
            assert all(other != data_set for label in labels for other, _ in disjoint_with(data_set, label))


def test_being_disjoint_goes_both_ways() -> None:
    everything = [(s, label) for sets in table()["families"].values() for s, labels in sets.items() for label in labels]

    for one in everything:
        for other in disjoint_with(*one):
            assert one in disjoint_with(*other)


def test_every_type_of_the_table_is_one_of_its_set_and_in_one_family() -> None:
    seen = [(s, label) for sets in table()["families"].values() for s, labels in sets.items() for label in labels]

    assert len(seen) == len(set(seen))
    assert all(label in verbalisations(data_set) for data_set, label in seen)
    assert {data_set for data_set, _ in seen} <= set(load_mix().weights)


def test_every_family_of_a_pair_is_there_and_every_pair_is_written_once() -> None:
    raw = table()
    pairs = [frozenset((one, other)) for one, others in raw["disjoint"].items() for other in others]

    assert len(pairs) == len(set(pairs))
    assert all(len(pair) == 2 and pair <= set(raw["families"]) for pair in pairs)
