"""The broad set: a mention is several types at once, what is not known of it is not judged, test sentences stay out."""

from __future__ import annotations

from collections import Counter

import pytest

from models.training.sets import Mix
from models.training.ultrafine import NOUNS, PRONOUNS, BroadSet, MentionSampler, Typed, build, frequent, label_types
from tests.models.building import record, write_set
from tests.models.typing_sets import names, sentences

MIX = Mix(files={"wikigold": ("all",)}, weights={"wikigold": 1.0}, held_out=(), forbidden=("*/test",))


@pytest.fixture(scope="module")
def broad(tmp_path_factory: pytest.TempPathFactory) -> BroadSet:
    folder = tmp_path_factory.mktemp("data")
    seen = record("Nina Simone , an American singer , loved the city .", (0, 2, "PER"))
    write_set(folder, "wikigold", "all", [seen, *sentences(90, 1), record("Bo of Utrecht", (0, 1, "PER"))])
    write_set(folder, "wikigold", "test", [record("Bo of Utrecht", (0, 1, "PER"))])
    return build(folder, MIX, lambda _: None)


def types_of(broad: BroadSet, typed: Typed, *, judged: bool = False) -> set[str]:
    rows = broad.judged if judged else broad.positive
    return {broad.types[i] for i in rows[typed.kind].nonzero().flatten().tolist()}


def test_a_mention_is_its_label_what_that_is_a_kind_of_and_what_is_said_beside_it(broad: BroadSet) -> None:
    [simone] = [each for each in broad.sources["wikigold"] if names([each.mention]) == ["Nina Simone"]]
    assert {"person", "human", "singer", "musician", "artist", "living thing"} <= types_of(broad, simone)
    assert "name of a person" in types_of(broad, simone)


def test_what_might_be_said_more_exactly_is_not_judged(broad: BroadSet) -> None:
    anna = next(each for each in broad.sources["wikigold"] if names([each.mention]) == ["Anna"])
    assert "person" in types_of(broad, anna)
    judged = types_of(broad, anna, judged=True)
    assert {"city", "person", "company"} <= judged
    assert not {"singer", "politician", "man"} & judged
    assert types_of(broad, anna) <= judged


def test_nouns_and_pronouns_join_in(broad: BroadSet) -> None:
    assert set(names([each.mention for each in broad.sources[NOUNS]])) == {
        "the old doctor",
        "the city",
        "an American singer",
    }
    [he] = {each.kind for each in broad.sources[PRONOUNS]}
    assert {"male", "person"} <= types_of(broad, Typed(broad.sources[PRONOUNS][0].mention, he))


def test_sentences_of_test_splits_and_held_out_ones_are_not_learnt(broad: BroadSet) -> None:
    learnt = {each.mention.text for each in broad.mentions()}
    assert "Bo of Utrecht" not in learnt
    assert broad.held_out
    assert broad.counts["mentions"] == sum(map(len, broad.sources.values()))
    assert broad.counts["held-out mentions"] == len(broad.held_out)


def test_names_of_a_label_that_mean_something_else_are_left_out() -> None:
    assert "organization" not in label_types("stackoverflow_ner", "Library")
    assert {"software library", "software"} <= label_types("stackoverflow_ner", "Library")


def test_a_step_draws_the_same_mentions_every_time_and_rare_kinds_too(broad: BroadSet) -> None:
    sampler = MentionSampler(broad, 3)
    assert sampler.draw(5, 40) == MentionSampler(broad, 3).draw(5, 40)
    assert sampler.draw(5, 40) != sampler.draw(6, 40)
    drawn = Counter(names([each.mention])[0] for step in range(40) for each in sampler.draw(step, 40))
    assert drawn["Nina Simone"] > 1600 / len(broad.sources["wikigold"])  # more often than one in so many


def test_counts_are_told_by_type(broad: BroadSet) -> None:
    top = dict(frequent(broad, 400))
    assert top["doctor"] == sum("doctor" in names([each.mention])[0] for each in broad.sources[NOUNS])
