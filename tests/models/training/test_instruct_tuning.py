"""Tuning a causal language model by a user's examples: what is held out is never shown, and the base stays as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from models.asking import Ask, Retrieved
from models.causal import CausalGenerator
from models.language import load_language_model
from models.training.incontext_tuning import TuningConfig
from models.training.instruct_tuning import InstructTuner, _Among
from models.training.loop import losses
from tests.models.languages import save_language
from tests.models.training.support_set import PERSON, PLACE, documents

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from models.types import Document

LABELS = (PERSON, PLACE)
CONFIG = TuningConfig(passes=0, least_steps=3, checkpoint_minutes=0.0)


class All:
    """Finds every document, and remembers what was asked for."""

    def __init__(self, found: Sequence[Document]) -> None:
        self.found, self.asked = tuple(found), set[str]()

    def near(self, texts: Sequence[str]) -> list[Retrieved]:
        self.asked |= set(texts)
        return [Retrieved(examples=self.found)] * len(texts)


def test_it_learns_from_what_it_is_given_alone_and_its_adapter_serves(tmp_path: Path) -> None:
    # Given a causal model in a folder, and a search that also knows what is held out
    folder, whole = save_language(tmp_path / "llama"), documents(12)
    search = All(whole)
    device = torch.device("cpu")
    tuner = InstructTuner(CONFIG, lambda: load_language_model(str(folder), device=device), LABELS, search)

    # When it is tuned by a part
    tuned = tuner(whole[:8], tmp_path / "learning", lambda _: None)

    # Then it was asked about that part alone, as long as was wanted
    assert search.asked <= {document.text for document in whole[:8]}
    assert len(losses(tmp_path / "learning")) == 3
    # And the adapter on a base of its own says what the tuned model says
    tuned.write(tmp_path / "adapter")
    served = CausalGenerator(load_language_model(str(folder), device=device), tmp_path / "adapter")
    asks = [Ask(text=whole[9].text, labels=LABELS, examples=(whole[0],))]
    assert list(served.answer(asks, budget=2000)) == list(tuned.generator.answer(asks, budget=2000))


def test_examples_that_are_held_out_are_not_shown(tmp_path: Path) -> None:
    whole = documents(12)

    [found] = _Among(All(whole), whole[:5]).near(["Anna"])

    assert {each.text for each in found.examples} <= {each.text for each in whole[:5]}
    assert found.examples
