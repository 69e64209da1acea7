"""The in-context network: padding, other rows and later words change nothing; examples and their tags do."""

from __future__ import annotations

import pytest
import torch

from models.incontext import BEGIN, INSIDE, OUTSIDE, InContextConfig, InContextModel, prompt_mask
from models.incontext_prompts import Prompt, Tagged, collated, tags_of

CONFIG = InContextConfig(width=24, layers=2, heads=3, inner=48, positions=16)


@pytest.fixture
def network() -> InContextModel:
    torch.manual_seed(0)
    return InContextModel(CONFIG).eval()


def states(words: int) -> torch.Tensor:
    return torch.randn(words, CONFIG.width)


def prompt(*, labels: int = 3, examples: tuple[int, ...] = (4, 5), words: int = 6) -> Prompt:
    shown = tuple(Tagged(states=states(size), spans=((0, 1, 0), (size - 1, size - 1, labels - 1))) for size in examples)
    return Prompt(labels=states(labels), examples=shown, text=states(words))


@torch.inference_mode()
def written(
    network: InContextModel, prompts: list[Prompt], spans: list[tuple[tuple[int, int, int], ...]]
) -> torch.Tensor:
    batch = collated(prompts)
    answers = [tags_of(each, batch.text.size(1)) for each in spans]
    tags, owners = (torch.stack(each) for each in zip(*answers, strict=True))
    return network.write(batch, network.read(batch), tags, owners)[0]


SPANS = ((0, 2, 1), (3, 3, 0))


def test_probabilities_are_of_one_whole(network: InContextModel) -> None:
    torch.testing.assert_close(written(network, [prompt()], [SPANS]).exp().sum(-1), torch.ones(1, 6))


def test_nothing_goes_on_where_nothing_has_begun(network: InContextModel) -> None:
    chances = written(network, [prompt()], [SPANS]).exp()[0, :, INSIDE]
    assert chances[0] == 0
    assert (chances[[1, 2, 3, 4]] > 0).all()
    assert chances[5] == 0


def test_padding_and_neighbours_change_nothing(network: InContextModel) -> None:
    small, large = prompt(labels=2, examples=(3,), words=4), prompt(labels=5, examples=(6, 7, 2), words=9)
    alone = written(network, [small], [((1, 2, 1),)])
    beside = written(network, [small, large], [((1, 2, 1),), ()])
    torch.testing.assert_close(beside[:1, :4, : BEGIN + 2], alone)
    assert (beside[0, :, BEGIN + 2 :] == float("-inf")).all()


def test_an_answer_depends_on_what_was_written_before_and_not_on_what_comes_after(network: InContextModel) -> None:
    asked = prompt()
    one, other = written(network, [asked], [((1, 1, 0),)]), written(network, [asked], [((1, 1, 2), (4, 5, 0))])
    torch.testing.assert_close(one[:, :2], other[:, :2])
    assert not torch.allclose(one[:, 2], other[:, 2])


def test_examples_matter_and_their_tags_too(network: InContextModel) -> None:
    asked = prompt()
    turned = tuple(
        Tagged(states=each.states, spans=tuple((a, b, 2 - label) for a, b, label in each.spans))
        for each in asked.examples
    )
    bare = Prompt(labels=asked.labels, examples=(), text=asked.text)
    other = Prompt(labels=asked.labels, examples=turned, text=asked.text)
    told = [written(network, [each], [()]) for each in (asked, bare, other)]
    assert not torch.allclose(told[0], told[1])
    assert not torch.allclose(told[0], told[2])


def test_an_example_sees_itself_and_the_labels_alone() -> None:
    mask = prompt_mask(collated([prompt(labels=2, examples=(2, 3), words=4)]))[0, 0]
    assert mask[:2].all()
    assert mask[2].tolist() == [True] * 4 + [False] * 7
    assert mask[4].tolist() == [True, True, False, False, True, True, True] + [False] * 4
    assert mask[7:].all()


def test_texts_beyond_the_known_positions_are_read(network: InContextModel) -> None:
    long = Prompt(labels=states(2), examples=(Tagged(states=states(40)),), text=states(40))
    assert written(network, [long], [()]).isfinite().any(-1).all()


def test_a_word_takes_the_tag_of_the_word_it_repeats_where_examples_are_trusted(network: InContextModel) -> None:
    with torch.no_grad():
        network.gate.bias.fill_(20.0)
        network.log_sharpness.fill_(5.0)
    shown = Tagged(states=states(4), spans=((1, 2, 1),))
    asked = Prompt(labels=states(3), examples=(shown,), text=shown.states)
    chances = written(network, [asked], [((1, 2, 1),)]).exp()[0]
    assert chances.argmax(-1).tolist() == [OUTSIDE, BEGIN + 1, INSIDE, OUTSIDE]
    assert (chances.amax(-1) > 0.9).all()


def test_without_examples_there_is_nothing_to_trust(network: InContextModel) -> None:
    asked = Prompt(labels=states(3), examples=(), text=states(5))
    before = written(network, [asked], [()])
    with torch.no_grad():
        network.gate.bias.fill_(20.0)
    torch.testing.assert_close(written(network, [asked], [()]), before)
