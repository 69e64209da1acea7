"""`tagwerk adapt`: examples in, a tagger out, through the embedded stack and its worker."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.tagwerk.running import EXAMPLES, ids
from tests.tagwerk.test_adapting import example

if TYPE_CHECKING:
    from pathlib import Path

    from jobs.store import Ledger
    from tests.tagwerk.conftest import Tagwerk

LABELS = "- name: band\n  description: a group of people who make music together\n"
BROKEN = '{"id": "x", "text": "Copper Wrens", "entities": [{"start": 2, "end": 9, "label": "band"}]}\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the commands run, with three examples and their label."""
    (tmp_path / "examples.jsonl").write_text("\n".join(example(number=number) for number in range(3)))
    (tmp_path / "broken.jsonl").write_text(BROKEN)
    (tmp_path / "labels.yaml").write_text(LABELS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("warm", "folder")
def test_a_tagger_is_made_listed_promoted_and_of_use(tagwerk: Tagwerk) -> None:
    # Given examples, learnt from for a moment
    made = tagwerk("adapt", "examples.jsonl", "-l", "labels.yaml", "--name", "bands", "--json")

    # Then its receipt is there for machines
    assert made.code == 0, made.err
    result = json.loads(made.out)
    assert (result["tagger"], result["receipt"]["base"], result["receipt"]["examples"]) == ("bands@1", "default", 3)
    assert "comparing: 0 %" in made.err
    assert f"{result['id']} completed: a tagger was made" in made.err

    # And it is listed, shown, promoted, and tags under its name
    listed = {each["name"]: each for each in json.loads(tagwerk("taggers", "--json").out)}
    assert listed["bands@1"]["receipt"] == result["receipt"]
    assert tagwerk("taggers", "promote", "bands@1").out == "bands@1 is promoted\n"
    assert tagwerk("taggers", "show", "bands").out.splitlines()[1].split()[:2] == ["bands@1", "promoted"]
    tagged = tagwerk("tag", "-", "-l", "labels.yaml", "-t", "bands", stdin=example().encode())
    assert (tagged.code, ids(tagged.out), json.loads(tagged.out)["tagger"]) == (0, ["e1"], "bands@1")


@pytest.mark.usefixtures("warm")
def test_a_new_domain_is_tagged_by_examples_that_are_shown(tagwerk: Tagwerk) -> None:
    # Given a corpus that is annotated, shown to the language model that ships
    clinical = EXAMPLES / "clinical"
    words = (clinical / "corpus.jsonl", "-l", clinical / "labels.yaml")
    made = tagwerk("adapt", *words, "--name", "clinic", "--method", "retrieve", "--json")

    # Then there is a tagger with a receipt
    assert made.code == 0, made.err
    result = json.loads(made.out)
    assert (result["tagger"], result["receipt"]["method"], result["receipt"]["llm"]) == (
        "clinic@1",
        "retrieve",
        "compact",
    )
    assert "learning" not in made.err
    shown = tagwerk("taggers", "show", "clinic@1").out
    assert shown.splitlines()[1].split()[0] == "clinic@1"
    assert "language model: compact; before: without examples, after: with up to 5" in shown

    # And it tags, by its own engine
    tagged = tagwerk("tag", *words, "-t", "clinic@1")
    assert tagged.code == 0, tagged.err
    lines = [json.loads(line) for line in tagged.out.splitlines()]
    assert ids(tagged.out) == ids((clinical / "corpus.jsonl").read_text())
    assert {(line["tagger"], line["engine"]) for line in lines} == {("clinic@1", "llm")}
    refused = tagwerk("tag", *words, "-t", "clinic@1", "--engine", "biencoder")
    assert (refused.code, "is of the engine 'llm', not 'biencoder'" in refused.err) == (2, True)

    # As the language model does without examples, where an engine is named and no tagger
    bare = tagwerk("evaluate", *words, "--engine", "llm", "--json")
    assert bare.code == 0, bare.err
    assert json.loads(bare.out).keys() == {"precision", "recall", "f1", "labels"}


@pytest.mark.usefixtures("warm", "folder")
def test_people_see_a_table_and_what_to_do(tagwerk: Tagwerk) -> None:
    made = tagwerk("adapt", "-", "-l", "labels.yaml", "-n", "table", stdin=example().encode())

    assert made.code == 0, made.err
    lines = made.out.splitlines()
    assert lines[0].split()[:4] == ["label", "entities", "before", "after"]
    assert [line.split()[0] for line in lines[1:3]] == ["band", "all"]
    assert lines[3] == "held out: nothing: there is one example"
    assert lines[4].startswith("control set: 8")
    assert lines[-1].startswith("table@1 is ")


def test_a_detached_command_says_the_job_and_does_not_wait(tagwerk: Tagwerk, services: Ledger, folder: Path) -> None:
    ended = tagwerk("adapt", folder / "examples.jsonl", "-l", "labels.yaml", "-n", "music", "--detach")

    assert ended.code == 0
    job = services.job(ended.out.strip())
    assert (job.total, job.queue, job.options) == (1, "adapt", {"method": "extend", "name": "music"})


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("broken.jsonl", "-n", "music"), "line 1: entity 1 [2, 9) 'pper Wr' cuts the word 'Copper'"),
        (("examples.jsonl", "-n", "Music"), "the name 'Music' cannot be a tagger's"),
        (
            ("examples.jsonl", "-n", "music", "--method", "magic"),
            "there is no method 'magic'; known are extend, contrastive, retrieve, lora",
        ),
        (
            ("examples.jsonl", "-n", "music", "--tagger", "jazz"),
            "there is no tagger 'jazz'; known are compact, default, typer",
        ),
    ],
    ids=["examples", "name", "method", "tagger"],
)
def test_what_cannot_be_is_refused_before_there_is_a_job(
    tagwerk: Tagwerk, services: Ledger, words: tuple[str, ...], message: str
) -> None:
    ended = tagwerk("adapt", *words, "-l", "labels.yaml")

    assert (ended.code, ended.out) == (2, "")
    assert f"error: {message}" in ended.err
    assert services.jobs() == []


def test_the_examples_of_the_project_can_be_learnt_from(tagwerk: Tagwerk, services: Ledger) -> None:
    for domain in ("music", "clinical", "support"):
        path = EXAMPLES / domain
        ended = tagwerk("adapt", path / "corpus.jsonl", "-l", path / "labels.yaml", "-n", domain, "--detach")
        assert ended.code == 0, ended.err
    assert len(services.jobs()) == 3
