"""Episodes: right tags, near examples that are never the text itself, removed and renamed labels, resumable draws."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
import torch
from torch.nn import functional

from models.incontext import BEGIN, INSIDE, OUTSIDE
from models.training.episodes import EpisodeConfig, EpisodeSampler, Stored, most_similar
from models.training.objectives import IGNORED

if TYPE_CHECKING:
    from torch import Tensor

    from models.training.episodes import EpisodeBatch

TYPES = ("band", "city", "song")
RIVALS = 20


def stored(seed: int) -> Stored:
    generator = torch.Generator().manual_seed(seed)
    states = torch.randn(6, 8, generator=generator).half()
    return Stored(states=states, spans=((0, 1, TYPES[seed % 3]), (3, 3, TYPES[(seed + 1) % 3]), (5, 5, "misc")))


def sampler_of(**config: float) -> EpisodeSampler:
    wordings = {"music": {label: torch.full((2, 8), float(i + 1)) for i, label in enumerate(TYPES)}}
    sentences = {"music": [stored(seed) for seed in range(40)]}
    settings = EpisodeConfig(budget=400, pool=20, **config)  # type: ignore[arg-type]
    return EpisodeSampler(sentences, wordings, {"music": 1.0}, settings, seed=0)


#: Which type the first mention of a sentence has, by the first numbers of its words.
KIND_OF = {tuple(stored(seed).states[:, 0].tolist()): seed % 3 for seed in range(40)}


def examples_of(batch: EpisodeBatch, row: int) -> list[Tensor]:
    prompts = batch.prompts
    shown = range(int(prompts.groups[row].max()) + 1)
    return [prompts.examples[row, prompts.groups[row] == number, 0].half() for number in shown]


@pytest.fixture(scope="module")
def plain() -> list[EpisodeBatch]:
    sampler = sampler_of(removed=0.0, renamed=0.0, bare=0.0, drawn=0.0)
    return [sampler.draw(step) for step in range(12)]


def test_targets_are_the_labels_positions(plain: list[EpisodeBatch]) -> None:
    for batch in plain:
        for row in range(len(batch.tags)):
            first, second = batch.owners[row, 0].item(), batch.owners[row, 3].item()
            assert batch.tags[row, :5].tolist() == [BEGIN, INSIDE, OUTSIDE, BEGIN, OUTSIDE]
            assert batch.targets[row, :5].tolist() == [BEGIN + first, INSIDE, OUTSIDE, BEGIN + second, OUTSIDE]
            # The states of a label's wordings say which one stands at the position.
            kinds = [batch.prompts.labels[row, int(at), 0].item() for at in (first, second)]
            assert kinds[1] == kinds[0] % 3 + 1


def test_a_type_that_says_nothing_is_not_learnt_from(plain: list[EpisodeBatch]) -> None:
    assert all((batch.targets[:, 5] == IGNORED).all() for batch in plain)


def test_examples_are_tagged_as_texts_are_and_never_the_text_itself(plain: list[EpisodeBatch]) -> None:
    for batch in plain:
        prompts = batch.prompts
        for row in range(len(batch.tags)):
            shown = int(prompts.groups[row].max()) + 1
            assert 1 <= shown <= 5
            for number in range(shown):
                here = prompts.groups[row] == number
                assert prompts.tags[row, here].tolist() == [BEGIN, INSIDE, OUTSIDE, BEGIN, OUTSIDE, OUTSIDE]
                assert not torch.equal(prompts.examples[row, here], prompts.text[row, :6])


def test_removed_labels_leave_prompt_and_answer() -> None:
    # Given texts and examples each word of which says its type, and episodes that remove one on purpose
    sampler = sampler_of(removed=1.0, removed_labels=0.0, renamed=0.0, bare=0.0)
    first, second = [OUTSIDE, OUTSIDE, OUTSIDE, BEGIN, OUTSIDE], [BEGIN, INSIDE, OUTSIDE, OUTSIDE, OUTSIDE]
    gone = Counter[int]()

    for step in range(12):
        batch = sampler.draw(step)
        prompts = batch.prompts
        for row in range(len(batch.tags)):
            kind = KIND_OF[tuple(prompts.text[row, :, 0].half().tolist())]
            names = prompts.labels[row, prompts.label_mask[row], 0].tolist()
            [missing] = {1.0, 2.0, 3.0} - set(names)
            # Then the text has the label that is missing from the list
            assert missing in (kind + 1, (kind + 1) % 3 + 1)
            # And its mention is outside in the answer, and counts more where examples show such mentions untagged
            assert batch.tags[row, :5].tolist() == (first if missing == kind + 1 else second)
            told = [KIND_OF[tuple(words.tolist())] for words in examples_of(batch, row)]
            lesson = any(missing in (each + 1, (each + 1) % 3 + 1) for each in told)
            heavy = [0, 1] if missing == kind + 1 else [3]
            assert batch.weights[row].tolist() == [3.0 if lesson and at in heavy else 1.0 for at in range(6)]
            # And in the examples
            for number, each in enumerate(told):
                tags = prompts.tags[row, prompts.groups[row] == number][:5].tolist()
                whole = [BEGIN, INSIDE, OUTSIDE, BEGIN, OUTSIDE]
                assert tags == (first if missing == each + 1 else second if missing == (each + 1) % 3 + 1 else whole)
            gone[int(missing)] += 1
    assert len(gone) == 3


def test_a_rival_of_another_set_takes_the_place_of_a_removed_label() -> None:
    # Given a set whose types are at right angles, and another with one near to the first and one that says the same
    axes = torch.eye(8)
    near = functional.normalize(axes[0] + axes[5], dim=0)
    wordings = {
        "music": {label: axes[i : i + 1] for i, label in enumerate(TYPES)},
        "other": {"near": near.expand(RIVALS, 8), "same": axes[:1], "far": axes[7:].expand(40, 8)},
    }
    sentences = {"music": [stored(0) for _ in range(9)] + [stored(3)], "other": [stored(99)]}
    weights = {"music": 1.0, "other": 1e-9}
    config = EpisodeConfig(budget=400, pool=20, removed=1.0, removed_labels=0.0, rivals=1.0, renamed=0.0, bare=0.0)
    sampler = EpisodeSampler(sentences, wordings, weights, config, seed=0)

    seen = 0
    for step in range(10):
        batch = sampler.draw(step)
        for row in range(len(batch.tags)):
            names = batch.prompts.labels[row, batch.prompts.label_mask[row]]
            if (names @ axes[0] < 0.9).all():
                # Then its rival is offered, never itself in other words, and nothing is tagged so
                assert torch.allclose(names[-1], near)
                assert batch.owners[row].max() < len(names) - 1
                assert batch.prompts.owners[row].max() < len(names) - 1
                seen += 1
    assert seen > 5


def test_renamed_labels_stand_for_what_examples_show() -> None:
    own = {1.0, 2.0, 3.0}
    sentences = {"music": [stored(seed) for seed in range(40)], "other": [stored(99)]}
    wordings = {
        "music": {label: torch.full((2, 8), float(i + 1)) for i, label in enumerate(TYPES)},
        "other": {"x": torch.full((50, 8), 9.0)},
    }
    config = EpisodeConfig(budget=400, pool=20, renamed=1.0, removed=0.0, bare=0.0)
    sampler = EpisodeSampler(sentences, wordings, {"music": 1.0, "other": 1e-9}, config, seed=0)
    foreign = 0
    for step in range(10):
        prompts = sampler.draw(step).prompts
        for row in range(len(prompts.text)):
            told = set(prompts.owners[row].tolist()) - {-1}
            names = prompts.labels[row, :, 0].tolist()
            foreign += sum(names[at] not in own for at in told)
            assert all(names[at] in own for at in range(int(prompts.label_mask[row].sum())) if at not in told)
    assert foreign > 20


def test_some_batches_show_no_examples() -> None:
    sampler = sampler_of(bare=1.0)
    assert all((sampler.draw(step).prompts.groups == -1).all() for step in range(5))


def test_a_step_is_drawn_alike_by_whoever_draws_it() -> None:
    one, other = sampler_of(), sampler_of()
    other.draw(3)
    for step in (0, 7):
        ours, theirs = one.draw(step), other.draw(step)
        assert torch.equal(ours.targets, theirs.targets)
        assert torch.equal(ours.prompts.examples, theirs.prompts.examples)


def test_the_most_similar_come_first() -> None:
    pool = [torch.eye(4)[[0, 1]], torch.eye(4)[[2, 3]], torch.eye(4)[[0, 3]]]
    assert most_similar([torch.eye(4)[[0, 1]], torch.eye(4)[[3]]], pool) == [[0, 2, 1], [1, 2, 0]]
