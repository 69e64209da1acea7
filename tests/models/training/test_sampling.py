"""Training batches: targets recomputed from what a batch shows, labels of one set, draws by seed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch

from models.biencoder import span_mask
from models.shapes import Shape
from models.training.disjoint import disjoint_with
from models.training.objectives import IGNORED
from models.training.sampling import Sampler, SamplingConfig, TrainingBatch
from models.training.sets import Sentence
from models.types import Label
from models.verbalise import Verbalisation, label_text, verbalisations

if TYPE_CHECKING:
    from models.encoder import Encoder

MAX_WIDTH = 3
#: Pieces from here on are fillers; those before each begin one sentence.
FILLER = 5000
#: Spans of types that are offered, that say nothing (MISC), and one too wide for a target.
SPANS = [((0, 0, "PER"),), ((1, 2, "LOC"), (3, 3, "ORG")), ((0, 1, "MISC"), (2, 2, "PER")), ((0, 3, "PER"),), ()]


def sentences(count: int = 40) -> list[Sentence]:
    """Sentences of 5 to 11 words, every third word of two pieces, each begun by a piece of its own."""
    found = []
    for i in range(count):
        words = [(1000 + i,), *((FILLER + j, FILLER) if j % 3 == 2 else (FILLER + j,) for j in range(4 + i % 7))]
        shapes = (Shape.CAPITALISED, *(Shape.LOWER,) * (len(words) - 1))
        found.append(Sentence(pieces=tuple(words), shapes=shapes, spans=SPANS[i % len(SPANS)]))
    return found


SENTENCES = {"wikigold": sentences(), "uner_ewt": sentences(15)}


def sampler(encoder: Encoder, *, seed: int = 0, hidden: str = "", config: SamplingConfig | None = None) -> Sampler:
    return Sampler(
        SENTENCES,
        {"wikigold": 3.0, "uner_ewt": 1.0},
        encoder.tokenizer,
        config or SamplingConfig(budget=256, concatenated=0.5, max_pieces=60),
        max_width=MAX_WIDTH,
        seed=seed,
        hidden={"wikigold": frozenset(filter(None, [hidden]))},
    )


def wordings(found: Verbalisation) -> set[str]:
    named = [Label(name=n, description=d) for n in found.names for d in ("", found.short, found.long)]
    return {*map(label_text, named), found.short, found.long}


def offered(drawn: TrainingBatch) -> list[str]:
    """Types that the batch's label texts stand for."""
    types = verbalisations(drawn.data_set)
    matches = [[name for name, found in types.items() if text in wordings(found)] for text in drawn.label_texts]
    assert all(len(names) == 1 for names in matches)
    return [name for [name] in matches]


def read_back(drawn: TrainingBatch, row: int) -> list[tuple[int, Sentence]]:
    """The row's sentences, with the word that each begins at."""
    batch = drawn.batch
    firsts = batch.input_ids[row][batch.first_piece[row][batch.word_mask[row]]].tolist()
    pool = {sentence.pieces[0][0]: sentence for sentence in SENTENCES[drawn.data_set]}
    return [(word, pool[piece]) for word, piece in enumerate(firsts) if piece < FILLER]


def naive_targets(drawn: TrainingBatch) -> torch.Tensor:
    types, labels = verbalisations(drawn.data_set), offered(drawn)
    targets = torch.full_like(drawn.targets, IGNORED)
    targets[span_mask(drawn.batch.word_mask, MAX_WIDTH)] = 0
    for row in range(len(targets)):
        for shift, sentence in read_back(drawn, row):
            for first, last, name in sentence.spans:
                if last - first >= MAX_WIDTH:
                    continue
                value = labels.index(name) + 1 if name in labels else 0 if name in types else IGNORED
                targets[row, shift + first, last - first] = value
    return targets


def test_targets_are_those_of_the_sentences_shown(tiny: Encoder) -> None:
    made = sampler(tiny)
    seen = set()
    for step in range(30):
        drawn = made.draw(step)
        assert torch.equal(drawn.targets, naive_targets(drawn))
        seen |= set(drawn.targets.flatten().tolist())
    assert seen >= {IGNORED, 0, 1, 2, 3}


def test_batches_show_whole_sentences_of_one_set(tiny: Encoder) -> None:
    made = sampler(tiny)
    for step in range(30):
        drawn = made.draw(step)
        for row in range(len(drawn.targets)):
            found = read_back(drawn, row)
            ids = [piece for _, sentence in found for word in sentence.pieces for piece in word]
            assert drawn.batch.input_ids[row, 1 : len(ids) + 1].tolist() == ids
            assert drawn.batch.attention_mask[row].sum().item() == len(ids) + 2
            assert len(found) == 1 or len(ids) <= 60


def test_only_the_sets_own_types_are_offered_each_once(tiny: Encoder) -> None:
    made = sampler(tiny)
    for step in range(30):
        drawn = made.draw(step)
        names = offered(drawn)
        assert 1 <= len(names) == len(set(names)) <= len(verbalisations(drawn.data_set))


def test_held_out_types_are_never_offered(tiny: Encoder) -> None:
    made = sampler(tiny, hidden="LOC")
    drawn = [made.draw(step) for step in range(40)]
    named = {(batch.data_set, name) for batch in drawn for name in offered(batch)}

    assert ("wikigold", "LOC") not in named
    assert {("wikigold", "PER"), ("wikigold", "ORG"), ("uner_ewt", "LOC")} <= named


def test_spans_of_a_held_out_type_are_neither_entities_nor_outside(tiny: Encoder) -> None:
    made = sampler(tiny, hidden="LOC", config=SamplingConfig(budget=128, concatenated=0))
    places = 0
    for drawn in (made.draw(step) for step in range(40)):
        for row in range(len(drawn.targets)):
            for shift, sentence in read_back(drawn, row):
                if drawn.data_set == "wikigold" and sentence.spans == SPANS[1]:
                    assert drawn.targets[row, shift + 1, 1].item() == IGNORED
                    places += 1
    assert places > 0


def test_at_most_so_many_labels_are_offered(tiny: Encoder) -> None:
    made = sampler(tiny, config=SamplingConfig(budget=256, max_labels=2, dropped_labels=0))

    assert {len(made.draw(step).label_texts) for step in range(20)} == {2}


@pytest.mark.parametrize("dropped", [0.0, 1.0])
def test_present_types_are_dropped_at_their_share(tiny: Encoder, dropped: float) -> None:
    made = sampler(tiny, config=SamplingConfig(budget=256, dropped_labels=dropped))
    for step in range(20):
        drawn = made.draw(step)
        shown = {s[2] for row in range(len(drawn.targets)) for _, one in read_back(drawn, row) for s in one.spans}
        present = shown & set(verbalisations(drawn.data_set))
        # With nothing else to offer, one type is offered all the same.
        assert len(present & set(offered(drawn))) == (len(present) if dropped == 0 else min(1, len(present)))


def test_batches_stay_near_the_budget(tiny: Encoder) -> None:
    made = sampler(tiny, config=SamplingConfig(budget=256, concatenated=0))
    for step in range(20):
        rows, pieces = made.draw(step).batch.input_ids.shape
        assert (rows - 1) * pieces <= 256 < (rows + 1) * pieces


@pytest.mark.parametrize(("uncased", "shapes"), [(0.0, {0, 1, 2}), (1.0, {0})])
def test_capitals_are_hidden_at_their_share(tiny: Encoder, uncased: float, shapes: set[int]) -> None:
    made = sampler(tiny, config=SamplingConfig(budget=128, uncased=uncased))

    assert set(made.draw(0).batch.shape_ids.flatten().tolist()) == shapes


def test_sets_are_drawn_by_weight_and_never_without(tiny: Encoder) -> None:
    made = sampler(tiny, config=SamplingConfig(budget=32))
    names = [made.draw(step).data_set for step in range(200)]
    assert 120 <= names.count("wikigold") <= 180

    alone = Sampler(
        SENTENCES,
        {"wikigold": 0.0, "uner_ewt": 1.0},
        tiny.tokenizer,
        SamplingConfig(budget=32),
        max_width=MAX_WIDTH,
        seed=0,
        hidden={},
    )
    assert {alone.draw(step).data_set for step in range(20)} == {"uner_ewt"}


def test_a_seed_decides_every_batch(tiny: Encoder) -> None:
    one, same, other = (sampler(tiny, seed=seed) for seed in (1, 1, 2))
    drawn = [tuple(made.draw(step) for step in range(3)) for made in (one, same, other)]

    assert [b.label_texts for b in drawn[0]] == [b.label_texts for b in drawn[1]]
    assert all(torch.equal(a.targets, b.targets) for a, b in zip(drawn[0], drawn[1], strict=True))
    assert all(torch.equal(a.batch.input_ids, b.batch.input_ids) for a, b in zip(drawn[0], drawn[1], strict=True))
    assert [b.label_texts for b in drawn[0]] != [b.label_texts for b in drawn[2]]


def test_a_resumed_run_goes_on_with_the_batches_that_were_next(tiny: Encoder) -> None:
    through, resumed = sampler(tiny), sampler(tiny)
    expected = [through.draw(step).label_texts for step in range(4)]

    assert [resumed.draw(step).label_texts for step in (2, 3)] == expected[2:]


def negatives(kind: str) -> SamplingConfig:
    return SamplingConfig(budget=256, concatenated=0.0, dropped_labels=0.0, negatives=kind)


def test_a_batch_may_offer_no_label_but_those_that_are_there(tiny: Encoder) -> None:
    made = sampler(tiny, config=negatives("batch"))
    for step in range(20):
        drawn = made.draw(step)
        shown = {span[2] for row in range(len(drawn.targets)) for _, s in read_back(drawn, row) for span in s.spans}
        assert set(offered(drawn)) == shown & set(verbalisations(drawn.data_set))
        assert drawn.ruled_out.shape == (1 + len(drawn.label_texts), 0)


def test_types_of_other_sets_come_last_and_are_ruled_out_by_the_table(tiny: Encoder) -> None:
    made = sampler(tiny, config=negatives("disjoint"))
    met = 0
    for step in range(40):
        drawn = made.draw(step)
        others = drawn.ruled_out.size(1)
        own = len(drawn.label_texts) - others
        assert drawn.ruled_out.size(0) == 1 + own
        assert not drawn.ruled_out[0].any()
        assert drawn.targets.max() <= own
        [strange] = {"wikigold", "uner_ewt"} - {drawn.data_set}
        types = verbalisations(strange)
        for column, text in enumerate(drawn.label_texts[own:]):
            [name] = [name for name, found in types.items() if text in wordings(found)]
            own_types = offered(replace(drawn, label_texts=drawn.label_texts[:own]))
            expected = [(strange, name) in disjoint_with(drawn.data_set, label) for label in own_types]
            assert drawn.ruled_out[1:, column].tolist() == expected
            assert any(expected)
            met += 1
    assert met > 10


def test_a_misspelt_kind_of_negatives_is_named() -> None:
    with pytest.raises(ValueError, match="negatives is 'disjont'; it is one of batch, set, disjoint"):
        negatives("disjont")


def test_labels_that_are_offered_are_read_behind_every_passage(tiny: Encoder) -> None:
    config = SamplingConfig(budget=2048, suffix=True, concatenated=0.0, max_labels=2)
    plain = sampler(tiny, config=replace(config, suffix=False))
    reading = sampler(tiny, config=config)

    for step in range(10):
        drawn = reading.draw(step)
        ids = drawn.batch.input_ids
        ends = (ids == tiny.tokenizer.sep_token_id).sum(1)
        # One special piece ends the passage, one what is read behind it.
        assert ends.tolist() == [2] * len(ids)
        text = str(tiny.tokenizer.decode(ids[0].tolist())).split("[SEP]")[1].strip()
        told = [
            each for each in verbalisations(drawn.data_set).values() if any(n.casefold() in text for n in each.names)
        ]
        assert len(told) >= len(drawn.label_texts)
        assert ids.numel() <= 2048
        assert (plain.draw(step).batch.input_ids == tiny.tokenizer.sep_token_id).sum(1).max() == 1
