"""Episodes: what Few-NERD's sampling promises, whatever the sentences."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.episodes import EpisodeSampler
from models.errors import BadTrainingData
from models.types import Document, Span

if TYPE_CHECKING:
    from collections.abc import Sequence

TYPES = ("car", "actor", "river", "party", "degree", "weapon", "song")


def sentence(number: int, labels: Sequence[str]) -> Document:
    """A sentence with one entity of each of these labels, which may repeat."""
    spans = tuple(Span(start=2 * i, end=2 * i + 1, label=label) for i, label in enumerate(labels))
    return Document(id=str(number), text="x " * len(labels), entities=spans)


def pool(of_each: int) -> list[Document]:
    """Sentences of one type each, and as many of two neighbouring types."""
    single = [[label] for label in TYPES] * of_each
    double = [[label, TYPES[i - 1]] for i, label in enumerate(TYPES)] * of_each
    return [sentence(number, labels) for number, labels in enumerate(single + double)]


def counts(documents: Sequence[Document]) -> Counter[str]:
    """Entities by label."""
    return Counter(span.label for document in documents for span in document.entities or ())


@given(number=st.integers(0, 10_000), shots=st.sampled_from([1, 2, 5]), way=st.integers(1, 5))
def test_every_type_has_k_to_2k_entities_in_support_and_query(number: int, shots: int, way: int) -> None:
    episode = EpisodeSampler(pool(30), TYPES, way=way, shots=shots, seed=3).draw(number)

    assert len(set(episode.labels)) == way
    for part in (episode.support, episode.query):
        found = counts(part)
        assert found.keys() == set(episode.labels)  # any other type rejects the sentence
        assert all(shots <= held <= 2 * shots for held in found.values())


@given(number=st.integers(0, 10_000))
def test_no_sentence_is_in_support_and_query(number: int) -> None:
    episode = EpisodeSampler(pool(8), TYPES, way=5, shots=2, seed=0).draw(number)
    ids = [document.id for document in (*episode.support, *episode.query)]

    assert len(set(ids)) == len(ids)


def test_types_that_are_not_asked_for_reject_their_sentences() -> None:
    mixed = [sentence(number, ["car", "actor"]) for number in range(40)]
    plain = [sentence(40 + number, [label]) for number in range(40) for label in ("car", "river")]
    sampler = EpisodeSampler([*mixed, *plain], ("car", "river"), way=2, shots=1, seed=0)

    drawn = [sampler.draw(number) for number in range(20)]

    assert all(int(document.id) >= 40 for episode in drawn for document in (*episode.support, *episode.query))


def test_a_sentence_with_more_than_2k_of_a_type_is_never_taken() -> None:
    crowded = sentence(0, ["car"] * 3)
    plain = [sentence(1 + number, ["car"]) for number in range(4)]

    drawn = [EpisodeSampler([crowded, *plain], ("car",), way=1, shots=1, seed=s).draw(0) for s in range(50)]

    assert all(document.id != "0" for episode in drawn for document in (*episode.support, *episode.query))


def test_an_episode_depends_on_its_number_alone() -> None:
    first, second = (EpisodeSampler(pool(10), TYPES, way=5, shots=1, seed=1) for _ in range(2))
    for number in range(7):
        first.draw(number)

    assert first.draw(7) == second.draw(7)
    assert first.draw(7) != first.draw(8)


def test_sentences_without_entities_are_never_drawn() -> None:
    empty = [Document(id=f"empty-{number}", text="nothing", entities=()) for number in range(100)]
    episode = EpisodeSampler([*empty, *pool(5)], TYPES, way=2, shots=1, seed=0).draw(0)

    assert not [document for document in (*episode.support, *episode.query) if not document.entities]


def test_too_few_sentences_are_said_to_be_too_few() -> None:
    documents = [sentence(0, ["car"])]  # enough for a support set, not for a query beside it

    with pytest.raises(BadTrainingData, match="1 types have sentences enough for 1 shots"):
        EpisodeSampler(documents, ("car",), way=1, shots=1, seed=0).draw(0)
    with pytest.raises(BadTrainingData, match="1 types are too few for 5-way"):
        EpisodeSampler(documents, ("car",), way=5, shots=1, seed=0)
