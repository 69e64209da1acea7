"""Words in context: a vector for each word, the same whatever is read beside it; fingerprints tell encoders apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from hypothesis import given, settings

from models.biencoder import Batch
from models.states import StateReader, fingerprint, word_means
from models.types import Label
from tests.models.building import hostile, tiny_tagger

if TYPE_CHECKING:
    from models.encoder import Encoder
    from models.tagger import Tagger


@pytest.fixture(scope="module")
def reader(eager: Tagger) -> StateReader:
    return StateReader(eager)


def test_every_word_has_a_vector(reader: StateReader) -> None:
    [read] = reader.read(["Ada Lovelace, of London."])
    assert ["Ada Lovelace, of London."[word.start : word.end] for word in read.words] == [
        "Ada",
        "Lovelace",
        ",",
        "of",
        "London",
        ".",
    ]
    assert read.vectors.shape == (6, reader.width)


@settings(max_examples=60, deadline=None)
@given(hostile)
def test_any_text_can_be_read(reader: StateReader, text: str) -> None:
    [read] = reader.read([text])
    assert read.vectors.shape == (len(read.words), reader.width)
    assert read.vectors.isfinite().all()


def test_a_text_reads_the_same_alone_and_beside_others(reader: StateReader) -> None:
    texts = ["Ada met Charles.", "", "The Thames flows through London and on to the sea at Southend. " * 9]
    together = reader.read(texts)
    for text, read in zip(texts, together, strict=True):
        torch.testing.assert_close(reader.read([text])[0].vectors, read.vectors, atol=1e-5, rtol=1e-4)


def test_long_texts_are_read_to_their_last_word(reader: StateReader) -> None:
    [read] = reader.read(["word " * 700])
    assert len(read.words) == 700
    assert read.vectors.shape == (700, reader.width)


def test_a_word_of_several_pieces_is_their_mean() -> None:
    pieces = torch.randn(1, 6, 4)
    batch = Batch(
        input_ids=torch.zeros(1, 6, dtype=torch.long),
        attention_mask=torch.ones(1, 6, dtype=torch.long),
        shape_ids=torch.zeros(1, 6, dtype=torch.long),
        first_piece=torch.tensor([[1, 2]]),
        last_piece=torch.tensor([[1, 4]]),
        word_mask=torch.ones(1, 2, dtype=torch.bool),
    )
    wanted = torch.stack([pieces[0, 1], pieces[0, 2:5].mean(0)]).unsqueeze(0)
    torch.testing.assert_close(word_means(pieces, batch), wanted)


def test_labels_are_unit_vectors(reader: StateReader) -> None:
    found = reader.labels([Label(name="city"), Label(name="river", description="water that flows to the sea")])
    torch.testing.assert_close(found.norm(dim=-1), torch.ones(2))


def test_a_fingerprint_is_of_the_encoder_alone(eager: Tagger, tiny: Encoder) -> None:
    same = tiny_tagger(tiny, eager=1.0)
    assert fingerprint(same) == fingerprint(eager)
    changed = tiny_tagger(tiny)
    with torch.no_grad():
        changed.network.shape_embedding.weight[1] += 1
    assert fingerprint(changed) != fingerprint(eager)
