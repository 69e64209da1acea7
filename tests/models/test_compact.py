"""The compact generator: whatever the model would say, only spans of the text under labels of the job come out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.asking import Ask
from models.compact import CompactGenerator, Reading
from models.incontext import InContextConfig, InContextModel
from models.states import StateReader
from models.types import Document, Label, Span
from tests.models.building import PERSON, PLACE, hostile

if TYPE_CHECKING:
    from models.asking import Answer
    from models.tagger import Tagger

LABELS = (PERSON, PLACE, Label(name="ship"))
EXAMPLE = Document(id="e", text="Ada sailed to Rome.", entities=(Span(start=0, end=3, label="person"),))


def generator_of(tagger: Tagger, *, seed: int = 0, eagerness: float = 0.0) -> CompactGenerator:
    torch.manual_seed(seed)
    config = InContextConfig(width=tagger.encoder.width, layers=2, heads=2, inner=32, positions=32)
    network = InContextModel(config)
    for parameter in network.parameters():  # far from where training starts, so that it has something to say
        torch.nn.init.normal_(parameter, std=0.5)
    return CompactGenerator(StateReader(tagger), network, reading=Reading(eagerness=eagerness))


@pytest.fixture(scope="module")
def generator(eager: Tagger) -> CompactGenerator:
    return generator_of(eager, eagerness=30.0)


def answered(generator: CompactGenerator, asks: list[Ask], budget: int = 4096) -> list[Answer]:
    found = dict(pair for batch in generator.answer(asks, budget=budget) for pair in batch)
    assert sorted(found) == list(range(len(asks)))
    answers = [found[i] for i in range(len(asks))]
    for answer in answers:
        assert not isinstance(answer, Exception)
    return [answer for answer in answers if not isinstance(answer, Exception)]


@settings(max_examples=80, deadline=None)
@given(st.lists(hostile, min_size=1, max_size=4), st.integers(0, 3), st.integers(1, 3), st.integers(0, 5))
def test_whatever_it_writes_is_a_span_of_the_text_under_a_label_of_the_job(
    eager: Tagger, texts: list[str], shown: int, offered: int, seed: int
) -> None:
    generator = generator_of(eager, seed=seed, eagerness=3.0)
    asks = [Ask(text=text, labels=LABELS[:offered], examples=(EXAMPLE,) * shown) for text in texts]
    for ask, answer in zip(asks, answered(generator, asks), strict=True):
        assert answer.shown == shown
        end = 0
        for span in answer.spans:
            assert end <= span.start < span.end <= len(ask.text)
            assert ask.text[span.start : span.end].strip()
            assert span.label in {label.name for label in ask.labels}
            assert 0 <= span.score <= 1
            end = span.end


def test_it_has_something_to_say(generator: CompactGenerator) -> None:
    [answer] = answered(generator, [Ask(text="Ada met Charles in Rome and Turin.", labels=LABELS, examples=())])
    assert answer.spans


def test_answers_do_not_depend_on_the_batch(generator: CompactGenerator) -> None:
    texts = ["Ada met Charles.", "", "Rome", "The ship Santa Maria left Palos for the west with Columbus aboard."]
    asks = [Ask(text=text, labels=LABELS, examples=(EXAMPLE,) * (i % 3)) for i, text in enumerate(texts)]
    together = answered(generator, asks)
    assert together == answered(generator, asks, budget=1)
    assert together == [answered(generator, [ask])[0] for ask in asks]
    assert together == answered(generator, asks[::-1])[::-1]


def test_examples_that_do_not_fit_are_left_out_and_counted(generator: CompactGenerator) -> None:
    long = Document(id="l", text="word " * 390, entities=())
    [answer] = answered(generator, [Ask(text="Ada met Charles.", labels=LABELS, examples=(long, EXAMPLE, long))])
    assert answer.shown == 2


def test_eagerness_decides_how_much_is_found(eager: Tagger) -> None:
    asks = [Ask(text="Ada met Charles in Rome and Turin on the way to the sea.", labels=LABELS, examples=())]
    counts = [len(answered(generator_of(eager, eagerness=e), asks)[0].spans) for e in (-1000.0, 0.0, 1000.0)]
    assert counts == sorted(counts)
    assert counts[0] == 0
    assert counts[2] > 10
