"""What a typer stands on: a tagger's encoder by the tagger's name, any other encoder by its own."""

from __future__ import annotations

import pytest
import torch

from models import artifact
from models.encoder import PACKAGED, packaged_fingerprint
from models.errors import EncoderNotFound
from models.states import StateReader
from models.typing_base import load_base


def test_a_tagger_gives_its_encoder_and_how_words_are_written() -> None:
    tagger = artifact.load(artifact.shipped_folder())
    base = load_base("default")
    assert base.encoder.name == "default"
    assert base.encoder.fingerprint == StateReader(tagger).fingerprint
    assert base.shapes is not None
    torch.testing.assert_close(base.shapes, tagger.network.shape_embedding.weight)
    for name, weight in tagger.network.encoder.state_dict().items():
        torch.testing.assert_close(base.encoder.model.state_dict()[name], weight)


def test_an_encoder_comes_as_it_is() -> None:
    base = load_base(PACKAGED)
    assert base.shapes is None
    assert base.encoder.fingerprint == packaged_fingerprint()


@pytest.mark.parametrize("name", ["compact_", "../default", "nowhere"])
def test_a_name_that_leads_nowhere_is_refused_by_name(name: str) -> None:
    with pytest.raises(EncoderNotFound, match=name):
        load_base(name)
