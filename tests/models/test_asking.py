"""What is asked and answered: frozen values, and generators and searches that keep the promise."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import TYPE_CHECKING

import pytest

from models.asking import Answer, Ask, Retrieved
from models.causal import CausalGenerator
from models.endpoint import Endpoint
from models.remote import RemoteGenerator
from tests.models.languages import language

if TYPE_CHECKING:
    from models.asking import Generator

VALUES = [Ask(text="", labels=(), examples=()), Answer(spans=(), shown=0), Retrieved(examples=())]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_values_cannot_be_changed(value: object) -> None:
    with pytest.raises(FrozenInstanceError):
        setattr(value, next(iter(value.__class__.__dataclass_fields__)), "other")  # type: ignore[attr-defined]
    assert not hasattr(value, "__dict__")


def test_generators_have_names_and_answer_nothing_with_nothing() -> None:
    # The annotation lets the type checker hold both to the protocol.
    generators: list[Generator] = [
        CausalGenerator(language()),
        RemoteGenerator(Endpoint(url="http://user:secret@gpu:8000/v1", model="big")),
    ]

    assert [generator.name for generator in generators] == ["tiny", "big at gpu:8000"]
    assert [list(generator.answer([], budget=100)) for generator in generators] == [[], []]
