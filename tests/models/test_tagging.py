"""Words tagged begin and inside: tag scores against a plain loop, and the chance of a span from its words."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import pytest
import torch
from torch.nn import functional

from models.biencoder import BiEncoder, BiEncoderConfig, span_mask
from models.decoding import probabilities
from models.tagging import Markers, TaggingBiEncoder, network_of
from tests.models.building import tiny_model
from tests.models.test_biencoder import LABEL_IDS, batch

if TYPE_CHECKING:
    from models.encoder import Encoder

MARKERS = Markers(begin=(4088,), inside=(2503, 2503), outside=(101, 2648, 102))
OURS = BiEncoderConfig(dimension=16, max_width=4, scoring="bio")
PAPERS = BiEncoderConfig(
    max_width=4, scoring="bio", product="dot", outside="label", pooling="first", projected=False, capitals=False
)


def network(config: BiEncoderConfig) -> TaggingBiEncoder:
    torch.manual_seed(3)
    made = TaggingBiEncoder(tiny_model(), config, MARKERS)
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return made.eval()


def labels_of(made: TaggingBiEncoder) -> torch.Tensor:
    return made.project_labels(made.encode_labels(LABEL_IDS, torch.ones_like(LABEL_IDS)))


@torch.no_grad()
def test_labels_are_read_with_the_markers_before_them() -> None:
    made = network(OURS)
    plain = super(TaggingBiEncoder, made).encode_labels

    found = made.encode_labels(LABEL_IDS, torch.ones_like(LABEL_IDS))

    begun = torch.tensor([[101, 4088, 2711, 102], [101, 4088, 2173, 102]])
    inside = torch.tensor([[101, 2503, 2503, 2711, 102], [101, 2503, 2503, 2173, 102]])
    expected = [plain(ids, torch.ones_like(ids)) for ids in (begun, inside)]
    assert torch.allclose(found, torch.cat(expected, -1), atol=1e-6)


@torch.no_grad()
def test_the_papers_tags_are_plain_products_with_outside_among_them() -> None:
    made, given = network(PAPERS), batch()
    pieces, labels = made.encode_pieces(given), labels_of(made)

    found = made.score_tags(pieces, given, labels)

    begin, inside, outside = labels.chunk(3, -1)
    assert torch.equal(outside[0], outside[1])
    for row, words in enumerate((5, 3)):
        for word in range(words):
            unit = pieces[row, given.first_piece[row, word]]
            expected = [unit @ each for each in (outside[0], begin[0], begin[1], inside[0], inside[1])]
            assert found[row, word].tolist() == pytest.approx([score.item() for score in expected], abs=1e-4)


@torch.no_grad()
def test_tags_against_an_outside_of_their_own() -> None:
    made, given = network(OURS), batch()
    pieces, labels = made.encode_pieces(given), labels_of(made)

    found = made.score_tags(pieces, given, labels)

    assert found[..., 0].eq(0).all()
    begin, inside = labels.chunk(2, -1)
    start, end = made.start(pieces[0, given.first_piece[0, 1]]), made.end(pieces[0, given.last_piece[0, 1]])
    hidden = functional.relu(start + end)
    for position, vector in enumerate((begin[0], begin[1], inside[0], inside[1]), start=1):
        cosine = functional.cosine_similarity(made.span_out(hidden), vector, dim=-1)
        expected = made.log_scale.exp() * cosine - made.outside(hidden)
        assert found[0, 1, position].item() == pytest.approx(expected.item(), abs=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("config", [OURS, PAPERS])
def test_a_spans_chance_is_that_of_its_words_tags(config: BiEncoderConfig) -> None:
    made, given = network(config), batch()
    pieces, labels = made.encode_pieces(given), labels_of(made)

    scores = made.score_spans(pieces, given, labels)

    chances = made.score_tags(pieces, given, labels).softmax(-1)
    found = probabilities(scores)
    mask = span_mask(given.word_mask, 4)
    for row, first, width, label in itertools.product(range(2), range(5), range(4), range(2)):
        if not mask[row, first, width]:
            continue
        expected = chances[row, first, 1 + label].item()
        expected *= math.prod(chances[row, first + k, 3 + label].item() for k in range(1, width + 1))
        after = first + width + 1
        if after < int(given.word_mask[row].sum()):
            expected *= 1 - chances[row, after, 3 + label].item()
        assert found[row, first, width, label].item() == pytest.approx(expected, abs=1e-4)


@torch.no_grad()
def test_spans_inside_their_passage_score_the_same() -> None:
    made, given = network(OURS), batch()
    pieces, labels = made.encode_pieces(given), labels_of(made)

    [(places, scores)] = made.spans_inside(pieces, given, labels)

    inside = span_mask(given.word_mask, 4)
    assert torch.equal(places, inside.nonzero())
    assert torch.equal(scores, made.score_spans(pieces, given, labels)[inside])


def test_the_configuration_decides_which_network_is_made(tiny: Encoder) -> None:
    assert type(network_of(tiny, BiEncoderConfig(dimension=16))) is BiEncoder
    assert isinstance(network_of(tiny, OURS), TaggingBiEncoder)


def test_markers_are_the_vocabularys(tiny: Encoder) -> None:
    found = Markers.of(tiny)

    decode = tiny.tokenizer.decode
    assert [decode(list(pieces)) for pieces in (found.begin, found.inside)] == ["begin", "inside"]
    assert decode(list(found.outside)) == "[CLS] outside [SEP]"
