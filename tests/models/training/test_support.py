"""Support sets as passages, parts and batches."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.training.objectives import IGNORED
from models.training.support import SupportSampler, folds, supported
from models.types import Document, Span
from tests.models.training.support_set import documents

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from models.encoder import Encoder
    from models.training.support import Supported

names = st.sampled_from(["band", "song", "album", "city"])
labelled = st.lists(st.lists(names, max_size=4), min_size=1, max_size=40)


def test_spans_count_the_words_of_their_passage(packaged: Encoder) -> None:
    text = "Ana-Marie sang."
    document = Document(id="a", text=text, entities=(Span(start=0, end=9, label="person"),))

    [found] = supported([document], packaged.tokenizer)

    first, last, label = found.spans[0]
    words = found.passage.words
    assert (text[words[first].start : words[last].end], label) == ("Ana-Marie", "person")


def test_a_long_document_is_learnt_to_its_end(packaged: Encoder) -> None:
    text = "nothing here " * 300 + "Queen"
    document = Document(id="a", text=text, entities=(Span(start=len(text) - 5, end=len(text), label="band"),))

    found = supported([document], packaged.tokenizer)

    assert len(found) > 1
    assert [len(each.spans) for each in found][-1] == 1


@given(labelled, st.integers(1, 5))
def test_parts_hold_every_document_once(labels: list[list[str]], number: int) -> None:
    given_ = [_with(i, each) for i, each in enumerate(labels)]

    parts = folds(given_, number, seed=0)

    assert len(parts) == number
    assert sorted(i for part in parts for i in part) == list(range(len(labels)))
    assert max(map(len, parts)) - min(map(len, parts)) <= len(labels)


def test_a_rare_label_is_spread_over_the_parts() -> None:
    # Given 30 documents of which three hold the rare label
    given_ = [_with(i, ["rare", "common"] if i < 3 else ["common"]) for i in range(30)]

    # When they are cut in three
    parts = folds(given_, 3, seed=1)

    # Then each part has one of them, and a third of all
    assert sorted(sum(i < 3 for i in part) for part in parts) == [1, 1, 1]
    assert sorted(map(len, parts)) == [10, 10, 10]


@pytest.mark.parametrize(("number", "budget"), [(1, 64), (7, 64), (30, 128), (30, 512)])
def test_every_passage_comes_once_before_any_comes_again(packaged: Encoder, number: int, budget: int) -> None:
    sampler = _sampler(supported(documents(number), packaged.tokenizer), packaged.tokenizer, budget)

    shown = Counter(row for step in range(sampler.batches) for row in sampler.group(step))

    assert shown == Counter(range(number))


def test_targets_stand_where_the_spans_are(packaged: Encoder) -> None:
    support = supported(documents(4), packaged.tokenizer)
    sampler = _sampler(support, packaged.tokenizer, 4096)

    batch, targets = sampler.draw(0)

    chosen = [support[i] for i in sampler.group(0)]
    assert {(row, first, last - first) for row, each in enumerate(chosen) for first, last, _ in each.spans} == {
        tuple(place) for place in (targets > 0).nonzero().tolist()
    }
    assert bool((targets[~batch.word_mask] == IGNORED).all())


def test_a_batch_follows_from_seed_and_step(packaged: Encoder) -> None:
    support = supported(documents(12), packaged.tokenizer)

    one, two = (_sampler(support, packaged.tokenizer, 128) for _ in range(2))
    two.draw(50)

    assert torch.equal(one.draw(7)[0].input_ids, two.draw(7)[0].input_ids)


@pytest.mark.parametrize("width", [1, 2])
def test_a_span_too_wide_for_the_network_is_left_out(packaged: Encoder, width: int) -> None:
    document = Document(id="a", text="New York", entities=(Span(start=0, end=8, label="place"),))
    sampler = _sampler(supported([document], packaged.tokenizer), packaged.tokenizer, 128, width=width)

    assert int((sampler.draw(0)[1] > 0).sum()) == width - 1


def _sampler(
    support: list[Supported], tokenizer: PreTrainedTokenizerFast, budget: int, width: int = 4
) -> SupportSampler:
    return SupportSampler(support, ["person", "place"], tokenizer, budget=budget, max_width=width, seed=3)


def _with(number: int, labels: list[str]) -> Document:
    spans = tuple(Span(start=i, end=i + 1, label=label) for i, label in enumerate(labels))
    return Document(id=str(number), text="abcdefgh", entities=spans)
