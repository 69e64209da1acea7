"""Taggers taught by a support set: what shares a training, and what does not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from benchmarks.methods import METHODS
from benchmarks.school import School
from models.encoder import load_encoder
from models.training.extend import ExtendConfig
from tests.models.building import tiny_model, tiny_tagger
from tests.models.training.support_set import PERSON, PLACE, documents

if TYPE_CHECKING:
    from pathlib import Path

    from models.tagger import Tagger

LABELS = [PERSON, PLACE]
SAME = documents(4)
PLAIN = ExtendConfig(least_steps=2, most_steps=2, budget=256)


@pytest.fixture
def base(tmp_path: Path) -> Tagger:
    """An untrained tagger of this test's own."""
    folder = tmp_path / "tiny"
    tiny_model().save_pretrained(folder)
    load_encoder().tokenizer.save_pretrained(folder)
    return tiny_tagger(load_encoder(str(folder)))


def test_how_a_memory_is_read_is_no_training_of_its_own(base: Tagger) -> None:
    school = School()

    both, _ = school.teach(METHODS["both"](PLAIN), base, documents(4), LABELS)
    without, _ = school.teach(METHODS["no nearest"](PLAIN), base, documents(4), LABELS)

    assert len(school.taught) == 1
    assert without.network is both.network
    assert both.memory is not None
    assert (both.memory.recall.share, without.memory) == (0.4, None)


def test_another_method_or_seed_is_taught_anew(base: Tagger) -> None:
    school = School()

    for config in (PLAIN, METHODS["both"](PLAIN), replace(PLAIN, seed=1)):
        school.teach(config, base, documents(4), LABELS)

    assert len(school.taught) == 3


def test_other_examples_or_labels_take_the_place_of_the_last(base: Tagger) -> None:
    school = School()
    first, _ = school.teach(PLAIN, base, documents(4), LABELS)

    # The same texts, of which less is asked.
    persons = [replace(each, entities=tuple(s for s in each.entities or () if s.label == PERSON.name)) for each in SAME]
    fewer, _ = school.teach(PLAIN, base, persons, [PERSON])
    again, _ = school.teach(PLAIN, base, SAME, LABELS)

    assert len({id(each.network) for each in (first, fewer, again)}) == 3
    assert len(school.taught) == 1


def test_without_examples_nothing_is_learnt(base: Tagger) -> None:
    tagger, seconds = School().teach(METHODS["both"](PLAIN), base, [], LABELS)

    assert (tagger.memory, seconds) == (None, 0.0)
