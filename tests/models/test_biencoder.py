"""The network: span scores against a double loop, masks, what is trained and what is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch.nn import functional

from models.biencoder import Batch, BiEncoder, BiEncoderConfig, span_mask
from models.shapes import Shape
from tests.models.building import tiny_model

CONFIG = BiEncoderConfig(dimension=16, max_width=4)
LABEL_IDS = torch.tensor([[101, 2711, 102], [101, 2173, 102]])


def network(label_side: str = "shared") -> BiEncoder:
    torch.manual_seed(3)
    made = BiEncoder(tiny_model(), BiEncoderConfig(dimension=16, max_width=4, label_side=label_side))
    torch.nn.init.normal_(made.outside.weight)
    return made.eval()


def batch() -> Batch:
    """Five words of one piece each and three of two pieces each."""
    torch.manual_seed(5)
    shape_ids = torch.tensor([[0, 1, 2, 3, 4, 5, 0, 0], [0, 1, 1, 2, 2, 6, 6, 0]])
    return Batch(
        input_ids=torch.randint(1000, 20000, (2, 8)),
        attention_mask=torch.tensor([[1] * 7 + [0], [1] * 8]),
        shape_ids=shape_ids,
        first_piece=torch.tensor([[1, 2, 3, 4, 5], [1, 3, 5, 0, 0]]),
        last_piece=torch.tensor([[1, 2, 3, 4, 5], [2, 4, 6, 0, 0]]),
        word_mask=torch.tensor([[True] * 5, [True] * 3 + [False] * 2]),
    )


def states(made: BiEncoder) -> torch.Tensor:
    return made.encode_labels(LABEL_IDS, torch.ones_like(LABEL_IDS))


@torch.no_grad()
def test_span_scores_are_those_of_a_double_loop() -> None:
    made, given = network(), batch()
    pieces, labels = made.encode_pieces(given), made.project_labels(states(made))

    scores = made.score_spans(pieces, given, labels)

    assert scores.shape == (2, 5, 4, 2)
    for row, words in enumerate((5, 3)):
        for i in range(words):
            for j in range(i, min(words, i + 4)):
                start = made.start(pieces[row, given.first_piece[row, i]])
                end = made.end(pieces[row, given.last_piece[row, j]])
                span = functional.relu(start + end + made.span_width.weight[j - i])
                cosines = functional.cosine_similarity(made.span_out(span).unsqueeze(0), labels)
                expected = made.log_scale.exp() * cosines - made.outside(span)
                assert scores[row, i, j - i].tolist() == pytest.approx(expected.tolist(), abs=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("outside", ["own", "sentence"])
@pytest.mark.parametrize("size", [3, 1000])
def test_spans_inside_their_passage_score_the_same_some_at_a_time(
    monkeypatch: pytest.MonkeyPatch, outside: str, size: int
) -> None:
    monkeypatch.setattr("models.biencoder._SPANS_ON_PROCESSOR", size)
    torch.manual_seed(3)
    made, given = BiEncoder(tiny_model(), replace(CONFIG, outside=outside)).eval(), batch()
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    pieces, labels = made.encode_pieces(given), made.project_labels(states(made))

    places, scores = zip(*made.spans_inside(pieces, given, labels), strict=True)

    inside = span_mask(given.word_mask, 4)
    assert max(map(len, places)) == min(size, int(inside.sum()))
    assert torch.equal(torch.cat(places), inside.nonzero())
    assert torch.allclose(torch.cat(scores), made.score_spans(pieces, given, labels)[inside], atol=1e-5)


def test_span_mask_holds_spans_that_end_inside_their_passage() -> None:
    found = span_mask(batch().word_mask, 4)

    expected = [[[i + k < words for k in range(4)] for i in range(5)] for words in (5, 3)]
    assert found.tolist() == expected


def test_a_passage_shorter_than_the_widest_span_is_masked() -> None:
    assert span_mask(torch.tensor([[True]]), 4).tolist() == [[[True, False, False, False]]]


@torch.no_grad()
def test_forward_is_encoding_and_scoring() -> None:
    made, given = network(), batch()
    labels = made.project_labels(states(made))

    assert torch.equal(made(given, states(made)), made.score_spans(made.encode_pieces(given), given, labels))


@torch.no_grad()
def test_label_vectors_are_unit_means_that_padding_does_not_change() -> None:
    made = network()
    wide = functional.pad(LABEL_IDS, (0, 3))

    short, padded = states(made), made.encode_labels(wide, (wide > 0).long())

    hidden = made.encoder(input_ids=LABEL_IDS, attention_mask=torch.ones_like(LABEL_IDS)).last_hidden_state
    assert torch.allclose(short, functional.normalize(hidden.mean(1), dim=-1), atol=1e-5)
    assert torch.allclose(short, padded, atol=1e-5)
    assert torch.allclose(made.project_labels(short).norm(dim=-1), torch.ones(2), atol=1e-5)


@torch.no_grad()
def test_shapes_say_nothing_before_training_and_something_after() -> None:
    made, given = network(), batch()
    before = made.encode_pieces(given)
    plain = made.encoder(input_ids=given.input_ids, attention_mask=given.attention_mask).last_hidden_state
    torch.nn.init.normal_(made.shape_embedding.weight)

    assert torch.allclose(before, plain, atol=1e-6)
    assert not torch.allclose(before, made.encode_pieces(given), atol=1e-2)
    assert made.shape_embedding.num_embeddings == len(Shape)


@torch.no_grad()
def test_padding_does_not_change_a_passage() -> None:
    made, given = network(), batch()
    other = Batch(**{name: getattr(given, name)[:1] for name in given.__dataclass_fields__})
    other.input_ids[:, 7] = 999

    alone = made(other, states(made))[0]

    mask = span_mask(given.word_mask, 4)[0]
    assert torch.allclose(made(batch(), states(made))[0][mask], alone[mask], atol=1e-4)


def loss(made: BiEncoder) -> torch.Tensor:
    mask = span_mask(batch().word_mask, 4)
    scores: torch.Tensor = made(batch(), states(made))
    return scores[mask].square().mean()


def test_frozen_word_embeddings_get_no_gradient_and_the_rest_do() -> None:
    made = network()
    made.encoder.get_input_embeddings().requires_grad_(False)

    loss(made).backward()  # type: ignore[no-untyped-call]

    without = {name for name, value in made.named_parameters() if value.grad is None}
    assert without == {"encoder.embeddings.word_embeddings.weight", *(n for n in without if ".pooler." in n)}


def test_a_shared_label_side_is_the_encoder_itself() -> None:
    made = network("shared")

    states(made).sum().backward()  # type: ignore[no-untyped-call]

    assert made.label_encoder is made.encoder
    assert made.encoder.get_parameter("encoder.layer.0.output.dense.weight").grad is not None


def test_a_frozen_label_side_stays_as_the_base_came() -> None:
    # Given a network whose labels are read by the base
    made = network("frozen")
    before = states(made)
    optimizer = torch.optim.SGD([p for p in made.parameters() if p.requires_grad], lr=0.1)

    # When the encoder takes a step
    loss(made).backward()  # type: ignore[no-untyped-call]
    optimizer.step()

    # Then the label side has not moved, and the text side has
    assert not any(parameter.requires_grad for parameter in made.label_encoder.parameters())
    assert torch.equal(states(made), before)
    changed = made.encoder.get_parameter("encoder.layer.0.output.dense.weight")
    assert not torch.equal(changed, made.label_encoder.get_parameter("encoder.layer.0.output.dense.weight"))


def test_a_fresh_network_starts_from_its_configuration() -> None:
    made = BiEncoder(tiny_model(), BiEncoderConfig(initial_scale=20.0, initial_outside=5.0))

    assert made.log_scale.exp().item() == pytest.approx(20)
    assert made.outside(torch.randn(3, 256)).tolist() == [[5.0]] * 3
    assert BiEncoderConfig(**CONFIG.to_dict()) == CONFIG


@pytest.mark.parametrize("label_side", ["shared", "separate"])
def test_word_embeddings_of_both_sides_can_be_frozen(label_side: str) -> None:
    made = network(label_side)

    made.freeze_words()

    frozen = {name for name, parameter in made.named_parameters() if not parameter.requires_grad}
    words = "embeddings.word_embeddings.weight"
    assert frozen == ({f"encoder.{words}"} | ({f"label_encoder.{words}"} if label_side == "separate" else set()))


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"scoring": "bioes"}, "scoring is 'bioes'; it is one of span, bio"),
        ({"outside": "label"}, "go with scoring 'bio'"),
        ({"projected": False}, "go with scoring 'bio'"),
    ],
)
def test_a_choice_that_cannot_be_is_refused(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        BiEncoderConfig(**given)
