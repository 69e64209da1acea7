"""The loss: tags that follow from spans, and labels that stand against some entities alone."""

from __future__ import annotations

import pytest
import torch

from models.biencoder import BiEncoder, BiEncoderConfig, span_mask
from models.tagging import TaggingBiEncoder
from models.training.objectives import IGNORED, entropy, tags_of
from tests.models.building import tiny_model
from tests.models.test_biencoder import LABEL_IDS, batch
from tests.models.test_tagging import MARKERS

WIDTH = 4
#: Three labels; the last two belong to other sets in the tests of `ruled_out`.
IDS = torch.cat([LABEL_IDS, torch.tensor([[101, 2158, 102]])])


def targets_of(*spans: tuple[int, int, int, int]) -> torch.Tensor:
    """Targets of the two passages of `batch` with (row, first, last, target) set."""
    targets = torch.where(span_mask(batch().word_mask, WIDTH), 0, IGNORED)
    for row, first, last, target in spans:
        targets[row, first, last - first] = target
    return targets


def test_tags_follow_from_spans() -> None:
    # Given an entity of three words with one nested inside it, a word that is left out, and a single word
    targets = targets_of((0, 0, 2, 2), (0, 1, 1, 1), (0, 4, 4, IGNORED), (1, 2, 2, 1))

    # When they are read as tags of three labels
    found = tags_of(targets, batch().word_mask, WIDTH, 3)

    # Then the longest counts, what is left out is left out, and padding is
    assert found.tolist() == [[2, 5, 5, 0, IGNORED], [0, 0, 1, IGNORED, IGNORED]]


def test_two_entities_side_by_side_begin_twice() -> None:
    found = tags_of(targets_of((0, 0, 1, 1), (0, 2, 3, 1)), batch().word_mask, WIDTH, 1)

    assert found[0].tolist() == [1, 2, 1, 2, 0]


@pytest.mark.parametrize("scoring", ["span", "bio"])
@torch.no_grad()
def test_the_loss_is_the_cross_entropy_per_entity(scoring: str) -> None:
    made, labels = network(scoring)
    given, targets = batch(), targets_of((0, 0, 2, 1), (1, 1, 1, 2))
    pieces = made.encode_pieces(given)

    found = entropy(made, pieces, given, labels, targets)

    if isinstance(made, TaggingBiEncoder):
        answers = made.score_tags(pieces, given, labels).log_softmax(-1)
        wanted, entities = tags_of(targets, given.word_mask, WIDTH, 3), 4
    else:
        scores = made.score_spans(pieces, given, labels)
        answers = torch.cat([torch.zeros_like(scores[..., :1]), scores], -1).log_softmax(-1)
        wanted, entities = targets, 2
    total = -sum(
        answer[target].item()
        for answer, target in zip(answers.flatten(0, -2), wanted.flatten().tolist(), strict=True)
        if target != IGNORED
    )
    assert entities < 8
    assert found.item() == pytest.approx(total / 8, rel=1e-4)


@pytest.mark.parametrize("scoring", ["span", "bio"])
@torch.no_grad()
def test_labels_of_other_sets_stand_against_the_entities_that_rule_them_out(scoring: str) -> None:
    # Given one label of the set and two others, of which the second is ruled out by an entity of the first
    made, labels = network(scoring)
    given, targets = batch(), targets_of((0, 0, 1, 1))
    pieces = made.encode_pieces(given)
    own, beside = labels[:1], labels[[0, 2]]

    # When the loss is taken with both others, with the one that counts, and without any
    ruled_out = torch.tensor([[False, False], [False, True]])
    both = entropy(made, pieces, given, labels, targets, ruled_out).item()
    counting = entropy(made, pieces, given, beside, targets, torch.tensor([[False], [True]])).item()
    without = entropy(made, pieces, given, own, targets).item()

    # Then only the one that counts adds to it, and it adds at the entity alone
    assert both == pytest.approx(counting, rel=1e-5)
    assert both > without
    nothing = targets_of()
    assert entropy(made, pieces, given, labels, nothing, ruled_out).item() == pytest.approx(
        entropy(made, pieces, given, own, nothing).item(), rel=1e-5
    )


def test_an_empty_table_rules_nothing_out() -> None:
    made, labels = network("span")
    given, targets = batch(), targets_of((0, 0, 1, 1))
    pieces = made.encode_pieces(given)

    found = entropy(made, pieces, given, labels, targets, torch.zeros(4, 0, dtype=torch.bool))

    assert found.item() == entropy(made, pieces, given, labels, targets).item()


def network(scoring: str) -> tuple[BiEncoder, torch.Tensor]:
    """A network with random heads and its three labels."""
    torch.manual_seed(3)
    config = BiEncoderConfig(dimension=16, max_width=WIDTH, scoring=scoring)
    made = TaggingBiEncoder(tiny_model(), config, MARKERS) if scoring == "bio" else BiEncoder(tiny_model(), config)
    made.eval()
    with torch.no_grad():
        return made, made.project_labels(made.encode_labels(IDS, torch.ones_like(IDS)))
