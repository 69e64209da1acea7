"""Benchmarks of typing: draws are told by their ids, every typer is measured, a stopped run goes on."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks import typing_ontonotes, typing_setting, typing_ufet
from benchmarks.typing_ontonotes import Task
from benchmarks.typing_setting import Row, read_rows, words_for
from models.encoder import load_encoder
from models.training.sets import read_file
from models.typer_artifact import load_typer, save_typer, untrained_typer
from models.typing_base import TypingBase
from models.typing_hierarchy import tree_of
from models.typing_network import TyperConfig
from models.typing_scores import TypingScore, score_types
from tests.benchmarks.sets import write
from tests.models.building import tiny_model

if TYPE_CHECKING:
    from pathlib import Path

    from models.encoder import Encoder
    from models.training.finetype import Example
    from models.typer import Typer


def row(name: str, text: str, first: int, last: int, *labels: str) -> dict[str, Any]:
    return {"id": name, "tokens": text.split(), "mention": {"start": first, "end": last}, "labels": list(labels)}


SEEN = [
    ("Ada sang in Rome", 0, 1, ("/person", "/person/artist")),
    ("Bo left Oslo", 2, 3, ("/location", "/location/city")),
    ("Carla sang loudly", 0, 1, ("/person", "/person/artist")),
    ("It rained in Hull", 3, 4, ("/location", "/location/city")),
]


def split(prefix: str) -> list[dict[str, Any]]:
    return [row(f"{prefix}-{i}", text, a, b, *labels) for i, (text, a, b, labels) in enumerate(SEEN)]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    folder = tmp_path_factory.mktemp("encoder") / "tiny"
    tiny_model().save_pretrained(folder)
    load_encoder().tokenizer.save_pretrained(folder)
    return load_encoder(str(folder))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    for name in ("train", "dev"):
        rows = [each for draw in range(5) for each in split(f"{name}{draw}")]
        write(folder / "ontonotes_fet" / f"fewshot_{name}.jsonl.gz", rows)
        write(folder / "ufet" / f"{name}.jsonl.gz", [row("a", "She sang", 0, 1, "singer"), row("b", "It ran", 0, 1)])
    write(folder / "ontonotes_fet" / "test_ali.jsonl.gz", split("test"))
    write(folder / "ufet" / "test.jsonl.gz", [row("t", "He sang", 0, 1, "singer", "living_thing")])
    (folder / "ufet" / "types.txt").write_text("singer\nliving_thing\nliving thing\n", encoding="utf-8")
    return folder


@pytest.fixture
def small(encoder: Encoder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    config = TyperConfig(layers=1, heads=2)
    save_typer(tmp_path / "typer", untrained_typer(encoder, config, seed=4), name="small", receipt={})
    monkeypatch.setattr(typing_setting, "load_base", lambda _: TypingBase(encoder=encoder))
    monkeypatch.setattr(typing_setting, "TyperConfig", lambda **_: config)
    return tmp_path / "typer"


def asked(monkeypatch: pytest.MonkeyPatch, *given: object) -> None:
    monkeypatch.setattr(sys, "argv", ["measure", *map(str, given)])


def test_ontonotes_is_measured_over_its_draws_for_every_typer(
    data: Path, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--data", data, "--work", tmp_path, "--layers", 1, "--steps", 2, "--out", tmp_path / "out")
    asked(monkeypatch, *options, "--typers", f"pretrained={small}", "--shots", "1,5")
    typing_ontonotes.main()
    found = json.loads((tmp_path / "out" / "typing_ontonotes.json").read_text())
    ours = [each for each in found["rows"] if each["draws"]]
    assert [(each["typer"], each["examples a type"], each["draws"]) for each in ours] == [
        ("direct", 1, 2), ("direct, from the tagger", 1, 2), ("pretrained", 1, 2),
        ("direct", 5, 2), ("direct, from the tagger", 5, 2), ("pretrained", 5, 2),
    ]  # fmt: skip
    assert all(each.keys() == ours[0].keys() for each in found["rows"])
    assert found["rows"][-1]["accuracy"] == 65.59
    # A second run measures nothing anew.
    monkeypatch.setattr(typing_ontonotes, "measure", None)
    typing_ontonotes.main()
    assert "Few-shot typing on OntoNotes" in capsys.readouterr().out


def test_ufet_is_measured_with_and_without_its_train_split(
    data: Path, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("--data", data, "--work", tmp_path, "--layers", 1, "--steps", 2, "--out", tmp_path / "out")
    asked(monkeypatch, *options, "--typers", f"pretrained={small}")
    typing_ufet.main()
    rows = json.loads((tmp_path / "out" / "typing_ufet.json").read_text())["rows"]
    assert [each["typer"] for each in rows[:4]] == [
        "direct", "direct, from the tagger", "pretrained", "pretrained, without the train split",
    ]  # fmt: skip
    assert all(0 <= each["F1"] <= 100 for each in rows)
    assert rows[-1]["F1"] == 50.3


def test_a_draw_is_told_by_its_ids_and_cut_to_its_shots(data: Path) -> None:
    rows = read_rows(data / "ontonotes_fet" / "fewshot_train.jsonl.gz")
    assert len(rows) == 20
    kept = Task(draw=3, shots=1).examples(rows, "train")
    assert [(each.mention.text, each.types[-1]) for each in kept] == [
        ("Ada sang in Rome", "/person/artist"), ("Bo left Oslo", "/location/city"),
    ]  # fmt: skip
    assert kept[1].mention.text[kept[1].mention.start : kept[1].mention.end] == "Oslo"


def test_more_examples_than_a_draw_has_come_from_the_next_one(data: Path) -> None:
    rows = read_rows(data / "ontonotes_fet" / "fewshot_train.jsonl.gz")
    assert Task(draw=4, shots=10).examples(rows, "train") == Task(draw=4, shots=5).examples(rows, "train")
    other = [Row(id=f"train0-{i}", example=replace(each.example, types=("/event",))) for i, each in enumerate(rows[:1])]
    assert len(Task(draw=4, shots=10).examples([*rows, *other], "train")) == 5


def test_types_that_nothing_shows_are_asked_alone(data: Path, small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}

    def evaluate(_: object, asked: list[Example], __: object) -> TypingScore:
        seen["asked"] = {typing_ontonotes.narrowest(each) for each in asked}
        return score_types([], [])

    def finetype(_: object, base: Typer, support: list[Example], *__: object, **___: object) -> Typer:
        seen["shown"] = {typing_ontonotes.narrowest(each) for each in support}
        return base

    monkeypatch.setattr(typing_ontonotes, "evaluate", evaluate)
    monkeypatch.setattr(typing_ontonotes, "finetype", finetype)
    typer = load_typer(small)
    for draw, hidden in enumerate(("/location/city", "/person/artist")):
        typing_ontonotes.measure(typer, Task(draw=draw, shots=5, unseen=True), typing_ontonotes.CONFIG, data, None)
        assert seen == {"asked": {hidden}, "shown": {"/location/city", "/person/artist"} - {hidden}}
    typing_ontonotes.measure(typer, Task(draw=0, shots=0), typing_ontonotes.CONFIG, data, None)
    assert seen["asked"] == {"/location/city", "/person/artist"}


def test_rows_without_types_are_left_out(data: Path) -> None:
    assert len(read_rows(data / "ufet" / "train.jsonl.gz")) == 1
    assert len(list(read_file(data / "ufet" / "train.jsonl.gz"))) == 2


def test_the_words_of_a_set_tell_its_types_apart() -> None:
    words = words_for("ontonotes_fet")
    names = {"/other", "/organization", "/organization/company", "/person", "/location", "/other/art", *words}
    assert len(set(tree_of(sorted(names), words).words)) == len(names)
    assert words_for("unheard_of") == {}
