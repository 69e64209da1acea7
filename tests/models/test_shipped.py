"""The taggers that ship: whole, small, and of use."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from models.asking import Ask
from models.compact import CompactGenerator
from models.encoder import PACKAGED, PACKAGED_SHA256, file_sha256
from models.incontext_artifact import load_model
from models.scores import score
from models.shipped import MANIFEST, SHIPPED
from models.states import StateReader
from models.training.incontext_judging import nearest
from models.typer_artifact import load_typer, read_typer_manifest
from models.typing_hierarchy import tree_of
from tests.models.building import example
from tests.models.typing_sets import mention

if TYPE_CHECKING:
    from models.tagger import Tagger

FOLDERS = sorted(path.parent for path in SHIPPED.glob(f"*/{MANIFEST}"))
MIB = 2**20


def test_there_is_a_default() -> None:
    assert SHIPPED / "default" in FOLDERS


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_files_are_those_of_the_manifest_and_small(folder: object) -> None:
    path = SHIPPED / str(folder)
    manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
    weights = {file.name: file for file in path.glob("*.safetensors")}

    assert {name: file_sha256(file) for name, file in weights.items()} == manifest["files"]
    assert sum(file.stat().st_size for file in weights.values()) <= 30_000_000
    assert all(file.stat().st_size <= 15 * MIB for file in path.iterdir())
    if manifest["engine"] == "biencoder":
        assert (manifest["base"], manifest["base_fingerprint"]) == (PACKAGED, PACKAGED_SHA256)


def test_the_compact_model_stands_on_the_default(shipped: Tagger) -> None:
    network, manifest = load_model(SHIPPED / "compact", StateReader(shipped).fingerprint)

    assert manifest.base == "default"
    assert sum(parameter.numel() for parameter in network.parameters()) < 7_000_000
    assert sum(file.stat().st_size for file in (SHIPPED / "compact").glob("*.safetensors")) <= 15 * MIB


@pytest.mark.parametrize("domain", ["clinical", "support"])
def test_the_compact_model_learns_from_examples_in_its_prompt(shipped: Tagger, domain: str) -> None:
    documents, labels = example(domain)
    reader = StateReader(shipped)
    network, manifest = load_model(SHIPPED / "compact", reader.fingerprint)
    generator = CompactGenerator(reader, network, reading=manifest.reading)
    asked, known = documents[::2], documents[1::2]

    def f1(count: int) -> float:
        near = nearest(reader, asked, known, count)
        asks = [Ask(text=d.text, labels=tuple(labels), examples=found) for d, found in zip(asked, near, strict=True)]
        answers = dict(pair for batch in generator.answer(asks, budget=8192) for pair in batch)
        spans = [answer.spans for _, answer in sorted(answers.items()) if not isinstance(answer, Exception)]
        return score([document.entities or () for document in asked], spans).f1

    assert f1(5) > max(0.2, f1(0))


@pytest.mark.parametrize("domain", ["music", "clinical", "support"])
def test_the_default_finds_something_of_every_domain(shipped: Tagger, domain: str) -> None:
    documents, labels = example(domain)

    found = shipped.predict([document.text for document in documents], labels)

    result = score([document.entities or () for document in documents], [prediction.spans for prediction in found])
    assert result.correct > 0
    assert result.f1 >= (0.25 if domain == "music" else 0.1)


def test_the_default_reads_the_long_document_to_its_last_sentence(shipped: Tagger) -> None:
    [document], labels = example("long")
    last = document.text.rindex(". ", 0, len(document.text) - 1) + 2

    [prediction] = shipped.predict([document.text], labels)

    assert prediction.windows > 20
    assert any(span.start >= last for span in prediction.spans)
    for start in range(0, len(document.text), 2000):
        assert any(start <= span.start < start + 2000 for span in prediction.spans), start


def test_the_typer_stands_on_the_default_and_tells_fine_types() -> None:
    folder = SHIPPED / "typer"
    typer = load_typer(folder)
    names = [
        "/person",
        "/person/politician",
        "/organization",
        "/organization/musical_group",
        "/place",
        "/place/body_of_water",
    ]
    tree = tree_of(names)
    told = typer.tell(
        [
            mention("The quartet toured Norway with Low Tide before the drummer left.", "Low Tide"),
            mention("They rowed across Lake Geneva at dawn.", "Lake Geneva"),
            mention("Angela Merkel met the press in Berlin.", "Angela Merkel"),
        ],
        tree,
    )

    assert [{each.name for each in found} for found in told] == [
        {"/organization", "/organization/musical_group"},
        {"/place", "/place/body_of_water"},
        {"/person", "/person/politician"},
    ]
    assert read_typer_manifest(folder).base == "default"
    assert sum(file.stat().st_size for file in folder.glob("*.safetensors")) <= 10_000_000
