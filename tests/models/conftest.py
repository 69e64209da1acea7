"""Encoders and taggers, loaded once for the whole room."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from models import artifact
from models.encoder import load_encoder
from tests.models.building import tiny_model, tiny_tagger

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from models.encoder import Encoder
    from models.tagger import Tagger


@pytest.fixture(scope="package", autouse=True)
def one_thread() -> Iterator[None]:
    """Small tensors gain nothing from more threads, and the machine may be busy."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="package")
def packaged() -> Encoder:
    """The packaged encoder; for reading alone."""
    return load_encoder()


@pytest.fixture(scope="package")
def tiny_folder(packaged: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small random encoder with the packaged tokenizer, as a folder that an operator may name."""
    folder = tmp_path_factory.mktemp("encoder") / "tiny"
    tiny_model().save_pretrained(folder)
    packaged.tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="package")
def tiny(tiny_folder: Path) -> Encoder:
    """That encoder, loaded; for reading alone."""
    return load_encoder(str(tiny_folder))


@pytest.fixture(scope="package")
def eager(tiny: Encoder) -> Tagger:
    """An untrained tagger that takes most stretches of words for entities."""
    return tiny_tagger(tiny, eager=4.0, threshold=0.02)


@pytest.fixture(scope="package")
def shipped() -> Tagger:
    """The tagger that ships with the project."""
    return artifact.load(artifact.shipped_folder())
