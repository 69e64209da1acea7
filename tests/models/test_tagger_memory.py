"""The tagger when the network fails: for want of memory, on one passage alone, for good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest
import torch

from models.biencoder import Batch, BiEncoder
from models.tagger import Tagger, is_device_lost, is_out_of_memory
from tests.models.building import PERSON, PLACE, tiny_tagger

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from models.encoder import Encoder
    from models.memory import Neighbours
    from models.types import Prediction

LABELS = [PERSON, PLACE]
TEXTS = [f"Anna Meier and {name} left Bern for Hull. " * (1 + i % 4) for i, name in enumerate("ABCDEFGHIJK")]
POISON = "poison"


class Failing(BiEncoder):
    """A network with room for few rows, and with an error for batches that hold the word `poison`."""

    rows = 1000
    error: Exception | None = None
    poison = 0
    sizes: tuple[int, ...] = ()

    def spans_inside(
        self, pieces: Tensor, batch: Batch, labels: Tensor, neighbours: Neighbours | None = None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        self.sizes = (*self.sizes, len(pieces))
        if len(pieces) > self.rows:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
        if self.error is not None and (batch.input_ids == self.poison).any():
            raise self.error
        return super().spans_inside(pieces, batch, labels, neighbours)


def failing(encoder: Encoder, *, rows: int = 1000, error: Exception | None = None) -> tuple[Tagger, Failing]:
    tagger = tiny_tagger(encoder, kind=Failing, eager=4.0, threshold=0.02)
    network = tagger.network
    assert isinstance(network, Failing)
    network.rows, network.error = rows, error
    network.poison = cast("int", encoder.tokenizer.convert_tokens_to_ids(POISON))
    return tagger, network


def surfaces(predictions: list[Prediction]) -> list[list[tuple[int, int, str]]]:
    return [[(span.start, span.end, span.label) for span in prediction.spans] for prediction in predictions]


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_a_batch_that_does_not_fit_is_halved_until_it_does(tiny: Encoder, eager: Tagger, rows: int) -> None:
    # Given a device with room for few rows
    tagger, network = failing(tiny, rows=rows)

    # When more are tagged at once
    found = tagger.predict(TEXTS, LABELS, budget=100_000)

    # Then the results are those of a device with room for all
    assert surfaces(found) == surfaces(eager.predict(TEXTS, LABELS, budget=100_000))
    assert network.sizes[0] == len(TEXTS)
    assert sum(size for size in network.sizes if size <= rows) == len(TEXTS), "no row was scored twice"


def test_a_single_passage_that_does_not_fit_is_no_fault_of_the_text(tiny: Encoder) -> None:
    tagger, _ = failing(tiny, rows=0)

    with pytest.raises(torch.OutOfMemoryError):
        list(tagger.tag(TEXTS, LABELS))


@pytest.mark.parametrize("position", [0, 4, len(TEXTS)])
def test_a_passage_that_fails_takes_no_other_text_with_it(tiny: Encoder, eager: Tagger, position: int) -> None:
    # Given a text that the network chokes on, among others
    error = RuntimeError("probability tensor contains inf")
    tagger, _ = failing(tiny, error=error)
    texts = [*TEXTS[:position], f"Ann took {POISON}.", *TEXTS[position:]]

    # When they are tagged
    outcomes = {o.index: o for batch in tagger.tag(texts, LABELS, budget=100_000) for o in batch}

    # Then it alone comes back with its error
    assert sorted(outcomes) == list(range(len(texts)))
    assert outcomes[position].error is error
    assert outcomes[position].prediction is None
    rest = [outcomes[i].prediction for i in range(len(texts)) if i != position]
    assert surfaces([found for found in rest if found]) == surfaces(eager.predict(TEXTS, LABELS, budget=100_000))


def test_a_long_text_with_one_bad_passage_fails_once(tiny: Encoder) -> None:
    # Given a text of many windows with a bad word in two of them that are far apart
    tagger, _ = failing(tiny, error=RuntimeError("bad"))
    text = f"{'Anna saw Bern. ' * 200}{POISON} {'Anna saw Bern. ' * 200}{POISON} {'Anna saw Bern. ' * 200}"

    # When it is tagged in batches of one window
    outcomes = [o for batch in tagger.tag([text, "Ann"], LABELS, budget=200) for o in batch]

    # Then it comes back once
    assert sorted((o.index, o.error is None) for o in outcomes) == [(0, False), (1, True)]


def test_predict_raises_the_error_that_a_text_met(tiny: Encoder) -> None:
    tagger, _ = failing(tiny, error=RuntimeError("bad"))

    with pytest.raises(RuntimeError, match=r"^bad$"):
        tagger.predict([*TEXTS, POISON], LABELS)


def test_memory_and_a_bad_passage_at_once(tiny: Encoder) -> None:
    tagger, _ = failing(tiny, rows=3, error=RuntimeError("bad"))

    outcomes = {o.index: o for b in tagger.tag([*TEXTS, POISON], LABELS, budget=100_000) for o in b}

    assert [index for index, outcome in sorted(outcomes.items()) if outcome.error] == [len(TEXTS)]
    assert len(outcomes) == len(TEXTS) + 1


def test_a_dead_device_ends_the_work(tiny: Encoder) -> None:
    # Given a device whose context dies of one passage
    tagger, network = failing(tiny, error=RuntimeError("CUDA error: an illegal memory access was encountered"))

    # When texts are tagged, then nothing more is tried on it
    with pytest.raises(RuntimeError, match="CUDA error"):
        list(tagger.tag([*TEXTS, POISON], LABELS, budget=100_000))
    assert network.sizes == (len(TEXTS) + 1,)


def test_a_text_that_cannot_be_cut_fails_alone(eager: Tagger) -> None:
    # Given something that is no text, as no reader of ours lets through
    bad = cast("Any", None)

    # When it is tagged among texts
    first, *batches = eager.tag(["Ann", bad, "Bern"], LABELS)

    # Then it comes back first with its error, and the texts come back tagged
    assert [outcome.index for outcome in first] == [1]
    assert isinstance(first[0].error, TypeError)
    assert sorted(o.index for batch in batches for o in batch if o.prediction) == [0, 2]


@pytest.mark.parametrize(
    ("error", "memory", "lost"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), True, False),
        (RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"), True, False),
        (RuntimeError("CUDA error: device-side assert triggered"), False, True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False, False),
        (MemoryError(), False, False),
    ],
)
def test_kinds_of_failure(error: BaseException, memory: bool, lost: bool) -> None:
    assert (is_out_of_memory(error), is_device_lost(error)) == (memory, lost)
