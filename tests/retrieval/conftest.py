"""Indexes to test on, each kind in turn, and a reader of words on a small random encoder."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
import torch

from models.encoder import load_encoder
from models.states import StateReader
from retrieval.collection import prefix
from retrieval.index import ExampleIndex
from retrieval.settings import RetrievalSettings
from tests.models.building import tiny_model, tiny_tagger, with_model
from tests.retrieval.standin import StandIn

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVER = "TAGWERK_TEST_QDRANT_URL"
#: Whose collections the tests make, and remove.
TENANTS = ("ours", "theirs")


@pytest.fixture(scope="package", autouse=True)
def one_thread() -> Iterator[None]:
    """Small tensors gain nothing from more threads, and the machine may be busy."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="package")
def reader() -> StateReader:
    """Reads words with a small random encoder behind the packaged tokenizer."""
    return StateReader(tiny_tagger(with_model(load_encoder(), tiny_model())))


@pytest.fixture
def standin() -> Iterator[StandIn]:
    """A stand-in for a server, empty."""
    standin = StandIn()
    yield standin
    standin.stop()


@pytest.fixture(params=["memory", "wire", *(["server"] if SERVER in os.environ else [])])
def settings(request: pytest.FixtureRequest) -> RetrievalSettings:
    """Where the index is: in memory, behind a stand-in, on a server if there is one."""
    if request.param == "memory":
        return RetrievalSettings()
    if request.param == "wire":
        return RetrievalSettings(qdrant_url=request.getfixturevalue("standin").url, retrieval_timeout=10)
    return RetrievalSettings(qdrant_url=os.environ[SERVER], retrieval_timeout=10)


@pytest.fixture
def index(settings: RetrievalSettings) -> Iterator[ExampleIndex]:
    """An index without collections of the tests' tenants, before and after."""
    index = ExampleIndex(settings)
    for tenant in TENANTS:
        index.drop_all(tenant=tenant)
    yield index
    for tenant in TENANTS:
        assert all(name.startswith(prefix(tenant)) for name in index.drop_all(tenant=tenant))
    index.close()
