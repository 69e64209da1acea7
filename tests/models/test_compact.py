"""The compact generator: whatever the model would say, only spans of the text under labels of the job come out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.asking import Ask
from models.compact import CompactGenerator, Reading
from models.incontext import BEGIN, INSIDE, OUTSIDE, InContextConfig, InContextModel
from models.incontext_prompts import Prompt, Tagged, collated
from models.states import StateReader
from models.types import Document, Label, Span
from tests.models.building import PERSON, PLACE, hostile

if TYPE_CHECKING:
    from models.asking import Answer
    from models.states import WordStates
    from models.tagger import Tagger

LABELS = (PERSON, PLACE, Label(name="ship"))
EXAMPLE = Document(id="e", text="Ada sailed to Rome.", entities=(Span(start=0, end=3, label="person"),))


def generator_of(
    tagger: Tagger, *, seed: int = 0, eagerness: float = 0.0, alone: float | None = None
) -> CompactGenerator:
    torch.manual_seed(seed)
    config = InContextConfig(width=tagger.encoder.width, layers=2, heads=2, inner=32, positions=32)
    network = InContextModel(config)
    for parameter in network.parameters():  # far from where training starts, so that it has something to say
        torch.nn.init.normal_(parameter, std=0.5)
    return CompactGenerator(StateReader(tagger), network, reading=Reading(eagerness=eagerness, alone=alone))


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


def test_what_is_shown_again_is_not_forgotten_for_what_is_new(eager: Tagger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.compact.CACHED_TEXTS", 4)
    generator = generator_of(eager)
    for number in range(12):
        [answer] = answered(generator, [Ask(text=f"Text {number}", labels=LABELS, examples=(EXAMPLE,))])
        assert answer.shown == 1


def test_eagerness_decides_how_much_is_found(eager: Tagger) -> None:
    asks = [Ask(text="Ada met Charles in Rome and Turin on the way to the sea.", labels=LABELS, examples=())]
    counts = [len(answered(generator_of(eager, eagerness=e), asks)[0].spans) for e in (-1000.0, 0.0, 1000.0)]
    assert counts == sorted(counts)
    assert counts[0] == 0
    assert counts[2] > 10


def test_what_is_asked_without_examples_is_read_by_its_own_eagerness(eager: Tagger) -> None:
    text = "Ada met Charles in Rome and Turin on the way to the sea."
    asks = [Ask(text=text, labels=LABELS, examples=examples) for examples in ((EXAMPLE,), ())]

    shy, keen = answered(generator_of(eager, eagerness=-1000.0, alone=1000.0), asks)

    assert (len(shy.spans), shy.shown) == (0, 1)
    assert len(keen.spans) > 10
    shy, keen = answered(generator_of(eager, eagerness=1000.0, alone=-1000.0), asks)[::-1]
    assert not shy.spans
    assert keen.spans


@settings(max_examples=25, deadline=None)
@given(st.lists(hostile, min_size=1, max_size=3), st.integers(0, 50))
def test_asking_all_words_at_once_gives_what_asking_one_by_one_gives(
    eager: Tagger, texts: list[str], seed: int
) -> None:
    generator = generator_of(eager, seed=seed, eagerness=5.0)
    asks = [Ask(text=text, labels=LABELS, examples=(EXAMPLE,)) for text in texts]
    found = answered(generator, asks)
    for ask, answer in zip(asks, found, strict=True):
        words = generator.reader.read([ask.text])[0]
        tags, owners = one_by_one(generator, ask, words)
        starts = {word.start: i for i, word in enumerate(words.words)}
        spans = [(starts[span.start], span.label) for span in answer.spans]
        assert spans == [(i, LABELS[owners[i]].name) for i, tag in enumerate(tags) if tag == BEGIN]


@torch.inference_mode()
def one_by_one(generator: CompactGenerator, ask: Ask, words: WordStates) -> tuple[list[int], list[int]]:
    """Tags and owners, each word's chosen when all before it stand."""
    example = generator.reader.read([EXAMPLE.text])[0]
    shown = Tagged(states=example.vectors, spans=((0, 0, 0),))
    prompt = Prompt(labels=generator.reader.labels(ask.labels), examples=(shown,), text=words.vectors)
    prompts = collated([prompt])
    memory = generator.network.read(prompts)
    tags, owners = (torch.full(prompts.text_mask.shape, fill) for fill in (OUTSIDE, -1))
    for at in range(len(words.words)):
        told, _ = generator.network.write(prompts, memory, tags, owners)
        told[..., BEGIN:] += generator.reading.eagerness
        choice = int(told[0, at].argmax())
        tags[0, at] = min(choice, BEGIN)
        owners[0, at] = choice - BEGIN if choice >= BEGIN else (owners[0, at - 1] if choice == INSIDE else -1)
    return tags[0, : len(words.words)].tolist(), owners[0, : len(words.words)].tolist()
