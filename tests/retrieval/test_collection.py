"""The plan of a collection: points, batches that fit a request, names."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval import collection as collections
from retrieval.collection import LONGEST, Layout, plan, prefix
from tests.retrieval.building import example_set

lengths = st.lists(st.integers(1, 2 * LONGEST + 5), min_size=1, max_size=12)


@given(lengths, st.sampled_from(Layout))
def test_every_word_is_in_one_point_of_its_example(given_lengths: list[int], layout: Layout) -> None:
    examples = example_set(given_lengths, width=2)

    found = plan(examples, tenant="ours", layout=layout)

    rows = [row for first, last in found.runs for row in range(first, last)]
    assert rows == list(range(sum(given_lengths)))
    owners = np.repeat(np.arange(len(given_lengths)), given_lengths)
    assert all(
        (owners[first:last] == owner).all() for (first, last), owner in zip(found.runs, found.owners, strict=True)
    )
    assert max(last - first for first, last in found.runs) <= (1 if layout is Layout.WORDS else LONGEST)


@pytest.mark.parametrize("width", [16, 4096])
def test_a_batch_fits_a_request(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collections, "BATCH", 4000)
    found = plan(example_set([50, 9, 120] * 4, width=width), tenant="ours", layout=Layout.TEXTS)

    batches = list(found.batches())

    assert [point for batch in batches for point in batch] == list(range(found.size))
    assert all(sum(len(found.words(point)) for point in batch) <= max(LONGEST, 4000 // width) for batch in batches)


def test_several_points_at_once() -> None:
    found = plan(example_set([3, 1, 4, 2]), tenant="ours", layout=Layout.TEXTS)

    words, starts = found.joined(np.array([1, 3]))

    assert words.tolist() == [*found.words(1).tolist(), *found.words(3).tolist()]
    assert starts.tolist() == [0, 1]


def test_a_name_is_safe_whatever_the_tenant_is_called() -> None:
    names = [plan(example_set([1]), tenant=each, layout=Layout.TEXTS).name for each in ("a", "a-", "Ä/..", "x" * 500)]

    assert len(set(names)) == 4
    assert all(name.replace("-", "").isalnum() and name.isascii() and len(name) < 100 for name in names)
    assert all(name.startswith("tagwerk-") for name in names)
    assert not names[1].startswith(prefix("a"))
