"""The labels behind a passage: their order, their number, and that nothing else changes by them."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch

from models.suffix import MOST, suffix
from models.tagger import Calibration, Tagger
from models.tagging import network_of
from models.types import Label
from tests.models.building import PERSON, PLACE, tiny_tagger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.encoder import Encoder

TEXTS = ["Anna Meier lives in Bern.", "Ships left Bergen for Hull, said J. Smith", "no", "Anna lives in Oslo " * 60]


@pytest.fixture
def reading(tiny: Encoder) -> Tagger:
    """A tagger that reads labels behind each passage, its weights those of one that does not."""
    plain = tiny_tagger(tiny, eager=2.0)
    network = network_of(tiny, replace(plain.network.config, suffix=True))
    network.load_state_dict(plain.network.state_dict())
    return Tagger(tiny, network, Calibration(threshold=0.3))


def read(encoder: Encoder, pieces: Sequence[int]) -> str:
    return str(encoder.tokenizer.decode([*pieces]))


def test_the_order_is_the_alphabets_and_descriptions_do_not_matter(tiny: Encoder) -> None:
    labels = [PLACE, PERSON, Label(name="art_work")]

    found = {suffix(order, tiny.tokenizer) for order in itertools.permutations(labels)}

    assert len(found) == 1
    assert read(tiny, next(iter(found))) == "art work, person, place [SEP]"
    assert found == {suffix([Label(name=label.name) for label in labels], tiny.tokenizer)}


def test_labels_that_do_not_fit_are_left_out_whole(tiny: Encoder) -> None:
    labels = [Label(name=f"kind {number:03}") for number in range(300)]

    found = suffix(labels, tiny.tokenizer)

    names = read(tiny, found).removesuffix(" [SEP]").split(", ")
    assert MOST - 8 < len(found) <= MOST
    assert names == [label.name for label in labels][: len(names)]


def test_no_labels_are_no_suffix(tiny: Encoder) -> None:
    assert suffix([], tiny.tokenizer) == ()


def test_words_are_read_in_the_light_of_the_labels(reading: Tagger) -> None:
    found = [reading.predict(TEXTS[:1], labels) for labels in ([PERSON], [PERSON, PLACE])]

    scores = [{(s.start, s.end): s.score for s in each[0].spans if s.label == "person"} for each in found]
    assert scores[0]
    assert scores[0] != scores[1]


def test_neither_the_order_of_labels_nor_the_batch_matters(reading: Tagger) -> None:
    together = reading.predict(TEXTS, [PERSON, PLACE])
    alone = [reading.predict([text], [PLACE, PERSON], budget=64)[0] for text in TEXTS]

    assert any(prediction.spans for prediction in together)
    for one, other in zip(together, alone, strict=True):
        assert [replace(span, score=0) for span in one.spans] == [replace(span, score=0) for span in other.spans]
        assert [s.score for s in one.spans] == pytest.approx([s.score for s in other.spans], abs=2e-4)


def test_label_vectors_are_cached_as_without(reading: Tagger) -> None:
    first = reading.label_vectors([PERSON, PLACE])

    assert torch.equal(reading.label_vectors([PLACE])[0], first[1])
