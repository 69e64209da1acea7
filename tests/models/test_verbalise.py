"""Verbalisations: what the label encoder reads, and the wordings that ship."""

from __future__ import annotations

import random
from importlib import resources

import pytest

from models.errors import BadTrainingData
from models.training.sets import load_mix
from models.types import Label
from models.verbalise import Verbalisation, as_label, draw, label_text, verbalisations

SHIPPED = sorted(
    file.name.removesuffix(".yaml")
    for file in (resources.files("models") / "verbalisations").iterdir()
    if file.name.endswith(".yaml")
)
BAND = Verbalisation(names=("band", "musical_group"), short="who plays", long="a group that plays together")


@pytest.mark.parametrize(
    ("label", "text"),
    [
        (Label(name="band"), "band"),
        (Label(name="band", description="who plays"), "band: who plays"),
        (Label(name=" musical_group ", description="  \n"), "musical group"),
        (Label(name="band", description=" who_plays "), "band: who_plays"),
    ],
)
def test_label_text(label: Label, text: str) -> None:
    assert label_text(label) == text


@pytest.mark.parametrize("data_set", SHIPPED)
def test_every_file_words_its_types(data_set: str) -> None:
    found = verbalisations(data_set)

    assert found
    for name, wording in found.items():
        assert wording.names, name
        assert len(set(wording.names)) == len(wording.names), name
        for text in (*wording.names, wording.short, wording.long):
            assert isinstance(text, str), name
            assert text == text.strip() != "", name


@pytest.mark.parametrize("data_set", SHIPPED)
def test_no_two_types_of_a_set_have_the_same_usual_name_or_description(data_set: str) -> None:
    labels = [as_label(wording) for wording in verbalisations(data_set).values()]

    assert len({label.name.lower() for label in labels}) == len(labels)
    assert len({label.description for label in labels}) == len(labels)


def test_every_set_of_the_mix_is_worded() -> None:
    mix = load_mix()

    assert set(mix.files) | {group.data_set for group in mix.held_out} <= set(SHIPPED)
    for group in mix.held_out:
        assert (group.labels or set()) <= set(verbalisations(group.data_set)), group.name


def test_types_that_say_nothing_are_left_out() -> None:
    assert set(verbalisations("wikigold")) == {"PER", "LOC", "ORG"}


def test_a_set_without_wordings_is_refused() -> None:
    with pytest.raises(BadTrainingData, match="'no_such_set'"):
        verbalisations("no_such_set")


def test_draws_are_the_same_for_a_seed() -> None:
    first, again, other = ([draw(BAND, rng) for _ in range(50)] for rng in map(random.Random, (1, 1, 2)))

    assert first == again != other


def test_every_wording_is_drawn_and_no_other() -> None:
    rng = random.Random(0)
    names = ("band", "musical group")
    texts = ("who plays", "a group that plays together")

    drawn = {draw(BAND, rng) for _ in range(500)}

    assert drawn == {*names, *texts, *(f"{name}: {text}" for name in names for text in texts)}


def test_the_usual_wording_is_a_users() -> None:
    assert as_label(BAND) == Label(name="band", description="who plays")
