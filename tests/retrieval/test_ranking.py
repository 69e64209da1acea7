"""Late interaction and votes against plain loops."""

from __future__ import annotations

import numpy as np
import pytest

from retrieval.encoding import unit
from retrieval.ranking import Hit, Neighbours, best_of, late_interaction, votes
from tests.retrieval.building import exact_maxsim, example_set, queries


def test_late_interaction_is_the_sum_of_each_words_best() -> None:
    examples = example_set([3, 1, 6, 2])

    for query in queries(10):
        found = late_interaction(query, examples.rows(0, 12), examples.bounds[:-1])

        assert found == pytest.approx(exact_maxsim(examples, query), abs=1e-5)


def test_best_of_ranks_by_the_best_and_then_by_number() -> None:
    found = best_of([(4, 0.5), (2, 0.9), (4, 0.9), (1, 0.1), (2, 0.2)])

    assert found == [Hit(example=2, score=0.9), Hit(example=4, score=0.9), Hit(example=1, score=0.1)]


def test_a_word_votes_once_for_an_example() -> None:
    near = Neighbours(
        rows=np.array([[0, 1, 2], [3, 0, -1]]), scores=np.array([[0.9, 0.8, 0.7], [0.6, 0.5, 0.0]], dtype=np.float32)
    )

    found = votes(near, owners=np.array([0, 0, 1, 1]))

    assert [hit.example for hit in found] == [0, 1]
    assert [hit.score for hit in found] == pytest.approx([0.9 + 0.5, 0.7 + 0.6])


def test_a_vector_of_nothing_stays_nothing() -> None:
    assert unit(np.zeros((2, 3), dtype=np.float32)).tolist() == [[0.0] * 3] * 2
