"""What the measurement of an index calls right, and how it counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.example_search import TENANT, K, exact, nearest, recall, sentences, timed
from retrieval.collection import Layout, plan
from retrieval.index import ExampleIndex
from retrieval.search import Mode
from retrieval.settings import RetrievalSettings
from tests.benchmarks.sets import record, write
from tests.retrieval.building import exact_maxsim, exact_pooled, exact_votes, example_set, queries

if TYPE_CHECKING:
    from pathlib import Path

LENGTHS = [3, 1, 7, 5, 2, 9, 4, 6]


def test_recall_counts_what_was_to_be_found() -> None:
    assert recall([[1, 2], [3, 4]], [[2, 1], [4, 5]]) == 0.75
    assert recall([[1, 2], [3, 4], [5, 6]], [[1, 2]]) == 1.0


def test_what_is_right_is_what_plain_loops_find() -> None:
    examples, [query] = example_set(LENGTHS), queries(1)
    maxsim, means = exact_maxsim(examples, query), exact_pooled(examples, query)
    voted = exact_votes(examples, query, 10)

    assert exact(examples, [query], Mode.MAXSIM) == [sorted(range(8), key=lambda i: -maxsim[i])[:K]]
    assert exact(examples, [query], Mode.SENTENCE) == [sorted(range(8), key=lambda i: -means[i])[:K]]
    assert exact(examples, [query], Mode.VOTE) == [sorted(voted, key=lambda i: -voted[i])[:K]]


@pytest.mark.parametrize("mode", Mode)
def test_a_small_index_finds_all_that_is_right(mode: Mode) -> None:
    examples, texts = example_set(LENGTHS), queries(7)

    measured = timed(ExampleIndex(RetrievalSettings()), examples, texts, mode)

    assert recall(measured.found, exact(examples, texts, mode)) == 1.0
    assert measured.documents == 7


def test_nothing_is_left_in_the_index() -> None:
    index = ExampleIndex(RetrievalSettings())

    timed(index, example_set(LENGTHS), queries(2), Mode.SENTENCE)

    assert index.drop_all(tenant=TENANT) == []


def test_examples_are_looked_up_by_their_number() -> None:
    index, examples = ExampleIndex(RetrievalSettings()), example_set(LENGTHS)
    collection = plan(examples, tenant=TENANT, layout=Layout.TEXTS)
    index.ensure(collection)

    found = nearest(index, collection, [examples.rows(4, 11)], Mode.MAXSIM)

    assert found[0][0] == 2
    assert len(found[0]) == K


def test_sentences_are_different_and_enough(tmp_path: Path) -> None:
    path = tmp_path / "fewnerd_inter" / "inter_dev.jsonl.gz"
    write(path, [record("Rain fell ."), record("Rain fell ."), record("Fog came .")])

    assert [document.text for document in sentences(tmp_path, 2)] == ["Rain fell .", "Fog came ."]
    with pytest.raises(SystemExit, match="2 different sentences, fewer than 3"):
        sentences(tmp_path, 3)
