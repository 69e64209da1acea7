"""The index against plain arithmetic, on every kind of it; filling twice, by two, and after a filler was killed."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest
from qdrant_client import QdrantClient, models

from retrieval import collection as collections
from retrieval import index as indexes
from retrieval.collection import Layout, plan
from retrieval.errors import ForeignVectors, IndexIncomplete
from retrieval.index import ExampleIndex
from tests.retrieval.building import WIDTH, exact_maxsim, exact_pooled, exact_votes, example_set, queries

if TYPE_CHECKING:
    from retrieval.collection import Collection
    from retrieval.settings import RetrievalSettings

LENGTHS = [3, 1, 7, 5, 2, 9, 4, 6, 8, 3, 5, 1]


def filled(index: ExampleIndex, layout: Layout = Layout.TEXTS) -> Collection:
    collection = plan(example_set(LENGTHS), tenant="ours", layout=layout)
    index.ensure(collection)
    return collection


def behind(index: ExampleIndex) -> QdrantClient:
    """The client that the index uses, to spoil what it keeps."""
    return index._client


@pytest.mark.parametrize("prefetch", [400, 4])
def test_late_interaction_finds_what_plain_loops_find(
    settings: RetrievalSettings, index: ExampleIndex, prefetch: int
) -> None:
    index = index if prefetch == 400 else ExampleIndex(settings, prefetch=prefetch)
    collection = filled(index)
    asked = queries(11)

    found = index.nearest(collection, asked, limit=1)

    for query, hits in zip(asked, found, strict=True):
        near = np.argsort(exact_pooled(collection.examples, query))[::-1][:prefetch].tolist()
        scores = exact_maxsim(collection.examples, query)
        best = max(near, key=lambda number: scores[number])
        assert [hit.example for hit in hits] == [best]
        assert hits[0].score == pytest.approx(scores[best], abs=1e-3)
    index.drop(collection)


def test_all_are_ranked_by_late_interaction(index: ExampleIndex) -> None:
    collection = filled(index)
    asked = queries(5, seed=2)

    found = index.nearest(collection, asked, limit=12)

    for query, hits in zip(asked, found, strict=True):
        scores = exact_maxsim(collection.examples, query)
        assert [hit.example for hit in hits] == np.argsort(scores)[::-1].tolist()
        assert [hit.score for hit in hits] == pytest.approx(sorted(scores, reverse=True), abs=1e-3)


def test_one_vector_for_each_text(index: ExampleIndex) -> None:
    collection = filled(index)
    asked = queries(5)

    found = index.nearest(collection, asked, limit=4, by_words=False)

    for query, hits in zip(asked, found, strict=True):
        scores = exact_pooled(collection.examples, query)
        assert [hit.example for hit in hits] == np.argsort(scores)[::-1][:4].tolist()


def test_nearest_words_of_each_word(index: ExampleIndex) -> None:
    collection = filled(index, Layout.WORDS)
    asked = queries(4)

    found = index.words(collection, asked, limit=6)

    assert [len(near.rows) for near in found] == [len(query) for query in asked]
    for query, near in zip(asked, found, strict=True):
        cosines = query @ collection.examples.rows(0, sum(LENGTHS)).T
        assert near.rows.tolist() == np.argsort(-cosines, axis=1)[:, :6].tolist()
        assert near.scores == pytest.approx(-np.sort(-cosines, axis=1)[:, :6], abs=1e-3)


def test_fewer_words_than_asked_for_are_marked(index: ExampleIndex) -> None:
    collection = plan(example_set([2, 1]), tenant="ours", layout=Layout.WORDS)
    index.ensure(collection)

    [near] = index.words(collection, queries(1), limit=5)

    assert (near.rows >= 0).sum(axis=1).tolist() == [3] * len(near.rows)


def test_a_long_example_is_found_by_any_part_of_it(index: ExampleIndex) -> None:
    lengths = [4, collections.LONGEST * 2 + 3, 4]
    collection = plan(example_set(lengths), tenant="ours", layout=Layout.TEXTS)
    index.ensure(collection)
    parts = [collection.examples.rows(first, first + 3) for first in (4, 4 + collections.LONGEST, 4 + lengths[1] - 3)]

    found = index.nearest(collection, parts, limit=3)

    assert [hits[0].example for hits in found] == [1, 1, 1]
    assert collection.size == 5
    assert all(len({hit.example for hit in hits}) == len(hits) for hits in found)


def test_a_long_text_is_thinned(index: ExampleIndex) -> None:
    collection = filled(index)
    rng = np.random.default_rng(3)
    query = rng.normal(size=(indexes.COMPARED * 3, WIDTH)).astype(np.float32)

    [hits] = index.nearest(collection, [query], limit=2)

    assert len(hits) == 2
    assert hits[0].score == pytest.approx(max(exact_maxsim(collection.examples, indexes._thinned(query))), rel=1e-3)


@pytest.mark.parametrize("layout", Layout)
def test_filling_again_changes_nothing(index: ExampleIndex, layout: Layout) -> None:
    collection = filled(index, layout)
    before = behind(index).count(collection.name).count

    index.ensure(collection)
    index.ensure(plan(example_set(LENGTHS), tenant="ours", layout=layout))

    assert behind(index).count(collection.name).count == before == collection.size + 1


@pytest.mark.parametrize("layout", Layout)
@pytest.mark.parametrize("kept", [0, 1, 5])
def test_what_a_killed_filler_left_is_filled_to_the_end(
    index: ExampleIndex, layout: Layout, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a filler that was killed after some of the points, before the seal
    collection = plan(example_set(LENGTHS), tenant="ours", layout=layout)
    index._create(collection)
    index._put(collection, [indexes._point(collection, number) for number in range(kept)]) if kept else None
    with pytest.raises(IndexIncomplete):
        index.check(collection)

    # When the next one comes, in small batches
    monkeypatch.setattr(collections, "BATCH", 3 * WIDTH)
    index.ensure(collection)

    # Then all is there
    index.check(collection)
    assert behind(index).count(collection.name).count == collection.size + 1


def test_all_points_without_the_seal_are_not_whole(index: ExampleIndex) -> None:
    collection = filled(index)
    behind(index).delete(collection.name, models.PointIdsList(points=[indexes.SEAL])) if not index._remote else None
    if index._remote:
        index.drop(collection)
        index._create(collection)
        index._put(collection, [indexes._point(collection, number) for number in range(collection.size)])

    with pytest.raises(IndexIncomplete, match="12 points of 13"):
        index.check(collection)


def test_many_fillers_at_once_do_no_harm(settings: RetrievalSettings, index: ExampleIndex) -> None:
    # Given several fillers: processes of their own on a server, threads in memory
    fillers = [ExampleIndex(settings) if settings.qdrant_url else index for _ in range(4)]
    examples = example_set([5] * 60)
    failed: list[BaseException] = []

    def fill(filler: ExampleIndex) -> None:
        try:
            filler.ensure(plan(examples, tenant="ours", layout=Layout.TEXTS))
        except BaseException as error:  # noqa: BLE001 -- for the assertion below
            failed.append(error)

    # When all fill at once
    threads = [threading.Thread(target=fill, args=(filler,)) for filler in fillers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    # Then nobody failed and all is there once
    collection = plan(examples, tenant="ours", layout=Layout.TEXTS)
    assert failed == []
    index.check(collection)
    asked = queries(3)
    found = index.nearest(collection, asked, limit=1)
    expected = [int(np.argmax(exact_maxsim(examples, query))) for query in asked]
    assert [hits[0].example for hits in found] == expected


def test_searching_while_others_fill(index: ExampleIndex) -> None:
    collection = filled(index)
    [query] = queries(1)
    expected = index.nearest(collection, [query], limit=3)
    others = [
        plan(example_set([4] * 40, seed=seed, name=f"{seed}-"), tenant="theirs", layout=Layout.TEXTS)
        for seed in range(3)
    ]
    threads = [threading.Thread(target=index.ensure, args=(other,)) for other in others]
    for thread in threads:
        thread.start()

    found = [index.nearest(collection, [query], limit=3) for _ in range(20)]

    for thread in threads:
        thread.join()
    assert all(each == expected for each in found)
    for other in others:
        index.check(other)


def test_another_sets_points_are_replaced(index: ExampleIndex) -> None:
    # Given a collection under our name, whole and sealed, but of other examples
    collection = plan(example_set(LENGTHS), tenant="ours", layout=Layout.TEXTS)
    other = plan(example_set(LENGTHS, name="other", seed=9), tenant="ours", layout=Layout.TEXTS)
    index._create(collection)
    index._put(collection, [indexes._point(other, number) for number in range(other.size)])
    index._put(collection, [models.PointStruct(id=indexes.SEAL, vector={}, payload=other.seal())])
    with pytest.raises(ForeignVectors, match="sealed as"):
        index.check(collection)

    index.ensure(collection)

    [query] = queries(1)
    [hits] = index.nearest(collection, [query], limit=1)
    assert hits[0].example == int(np.argmax(exact_maxsim(collection.examples, query)))


def test_another_encoders_vectors_behind_our_seal_are_seen(index: ExampleIndex) -> None:
    collection = plan(example_set(LENGTHS), tenant="ours", layout=Layout.TEXTS)
    other = plan(example_set(LENGTHS, seed=9), tenant="ours", layout=Layout.TEXTS)
    index._create(collection)
    index._put(collection, [indexes._point(other, number) for number in range(other.size)])
    index._put(collection, [models.PointStruct(id=indexes.SEAL, vector={}, payload=collection.seal())])

    with pytest.raises(ForeignVectors, match="another vector"):
        index.check(collection)


@pytest.mark.parametrize("sealed", [True, False])
def test_another_width_is_replaced(index: ExampleIndex, *, sealed: bool) -> None:
    # Given a collection under our name whose vectors are longer
    collection = plan(example_set(LENGTHS), tenant="ours", layout=Layout.TEXTS)
    wide = plan(example_set(LENGTHS, width=2 * WIDTH), tenant="ours", layout=Layout.TEXTS)
    assert wide.name == collection.name
    index.ensure(wide) if sealed else index._create(wide)

    with pytest.raises(ForeignVectors if sealed else IndexIncomplete):
        index.check(collection)
    index.ensure(collection)

    assert len(index.nearest(collection, queries(1), limit=3)[0]) == 3


def test_points_too_many_are_replaced(index: ExampleIndex) -> None:
    collection = filled(index)
    more = plan(example_set([*LENGTHS, 4]), tenant="ours", layout=Layout.TEXTS)
    index._put(collection, [indexes._point(more, more.size - 1)])
    with pytest.raises(ForeignVectors, match="14 points"):
        index.check(collection)

    index.ensure(collection)

    index.check(collection)


def test_tenants_sets_and_encoders_are_apart(index: ExampleIndex) -> None:
    own = [
        plan(example_set(LENGTHS), tenant="ours", layout=Layout.TEXTS),
        plan(example_set(LENGTHS), tenant="ours", layout=Layout.WORDS),
        plan(example_set(LENGTHS, fingerprint="a" * 64), tenant="ours", layout=Layout.TEXTS),
        plan(example_set(LENGTHS, name="x"), tenant="ours", layout=Layout.TEXTS),
    ]
    theirs = plan(example_set(LENGTHS), tenant="theirs", layout=Layout.TEXTS)
    for each in [*own, theirs]:
        index.ensure(each)

    assert len({each.name for each in [*own, theirs]}) == 5
    assert index.drop_all(tenant="ours", key=own[0].examples.key) == sorted(each.name for each in own[:3])
    index.check(own[3])
    assert index.drop_all(tenant="ours") == [own[3].name]
    index.check(theirs)


def test_dropping_what_is_not_there(index: ExampleIndex) -> None:
    collection = plan(example_set(LENGTHS), tenant="ours", layout=Layout.TEXTS)

    index.drop(collection)

    with pytest.raises(IndexIncomplete):
        index.check(collection)
    with pytest.raises(IndexIncomplete):
        index.nearest(collection, queries(1), limit=2)


def test_votes_add_up(index: ExampleIndex) -> None:
    from retrieval.ranking import votes

    collection = filled(index, Layout.WORDS)
    asked = queries(4)

    near = index.words(collection, asked, limit=7)

    for query, each in zip(asked, near, strict=True):
        found = {hit.example: hit.score for hit in votes(each, collection.owners)}
        assert found == pytest.approx(exact_votes(collection.examples, query, 7), abs=1e-3)
