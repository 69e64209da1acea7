"""CrossNER from examples in the prompt: every way is measured on every domain, and removed labels are counted."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

import pytest
import torch

from benchmarks import crossner, removed_labels
from benchmarks.llm_crossner import VOTE, WAYS, Bench, ByLot, Row, judged, measured, table
from models import artifact
from models.compact import CompactGenerator, Reading
from models.encoder import load_encoder
from models.incontext import InContextConfig, InContextModel
from models.states import StateReader
from tests.benchmarks.sets import record, write_domain
from tests.models.building import tiny_model, tiny_tagger

if TYPE_CHECKING:
    from pathlib import Path

LABELS = {"person": "a human being", "city": "a large town", "misc": "anything else"}
TRAIN = [
    record("Ada lives in Rome with a Fiat", person="Ada", city="Rome", misc="Fiat"),
    record("Bo left Oslo yesterday by train", person="Bo", city="Oslo"),
    record("The train to Turin was late", city="Turin"),
    record("Carla and a friend sang", person="Carla"),
    record("It rained in Hull", city="Hull"),
    record("Nobody was there"),
]
TEST = [record("Ada left Turin by train", person="Ada", city="Turin"), record("Esra sang in Rome", city="Rome")]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    for name in crossner.DOMAINS:
        write_domain(folder, name, LABELS, train=TRAIN, test=TEST)
    return folder


@pytest.fixture(scope="module")
def generator(tmp_path_factory: pytest.TempPathFactory) -> CompactGenerator:
    folder = tmp_path_factory.mktemp("encoder") / "tiny"
    tiny_model().save_pretrained(folder)
    load_encoder().tokenizer.save_pretrained(folder)
    tagger = tiny_tagger(load_encoder(str(folder)))
    artifact.save(tmp_path_factory.mktemp("base") / "tagger", tagger, name="base", receipt={})
    torch.manual_seed(5)
    network = InContextModel(InContextConfig(width=32, layers=1, heads=2, inner=32, positions=32))
    with torch.no_grad():
        network.gate.bias.fill_(10.0)  # copies what examples say
        network.log_sharpness.fill_(4.0)
    return CompactGenerator(StateReader(tagger), network, reading=Reading(eagerness=1.0))


def test_every_way_is_measured_on_every_domain(generator: CompactGenerator, data: Path) -> None:
    rows = measured("ours", generator, WAYS, Namespace(data=data, split="test", limit=None))

    assert [row.name for row in rows] == [f"ours, {way}" if way != VOTE else way for way in WAYS]
    for row in rows:
        times = 2 if row.plain else 1
        assert tuple(row.whole) == crossner.DOMAINS
        assert tuple(row.plain) in (crossner.DOMAINS, ())
        assert row.sentences == times * len(TEST) * len(crossner.DOMAINS)
        assert row.invalid == 0
    by_name = {row.name: row for row in rows}
    assert by_name["ours, words"].whole["ai"] != by_name["ours, none"].whole["ai"]
    shown = table(rows)
    assert shown[0]["average"] == pytest.approx(by_name["ours, words"].whole["ai"])
    assert shown[-1]["examples"] == "IF-WRANER"


def test_crowded_prompts_are_counted(generator: CompactGenerator, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.compact.MOST_WORDS", 9)
    row = Row(name="few")

    judged(Bench(generator, crossner.read(data, "ai", "train")), "words", crossner.read(data, "ai", "test"), row)

    assert row.crowded == len(TEST)


def test_examples_by_lot_are_the_same_every_time(data: Path) -> None:
    documents = crossner.read(data, "ai", "train").documents
    one, other = (ByLot(documents).near(["a", "b"]) for _ in range(2))

    assert one == other
    assert [len(found.examples) for found in one] == [5, 5]


def test_mentions_of_a_removed_label_are_counted(generator: CompactGenerator, data: Path) -> None:
    train, asked = crossner.read(data, "ai", "train"), crossner.read(data, "ai", "test")

    found = removed_labels.violated(generator, train, asked.documents, "city")

    assert removed_labels.frequent(train.documents) == ["city", "person"]
    assert found[1] == 2
    assert 0 <= found[0] <= 2
