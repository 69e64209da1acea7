"""`tagwerk type`, `tag --types` and `evaluate --types`: mentions in, their types or a score out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.tagwerk.running import EXAMPLES, LABELS, ids

if TYPE_CHECKING:
    from pathlib import Path

    from jobs.store import Ledger
    from tests.tagwerk.conftest import Tagwerk

CORPUS, TYPES = EXAMPLES / "typing" / "corpus.jsonl", EXAMPLES / "typing" / "types.yaml"
TWO = "- /person\n- /place\n"
NINA = {"id": "a", "text": "Nina sang in Ulm.", "entities": [{"start": 0, "end": 4, "types": ["/person"]}]}


def documents(lines: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines.splitlines()]


def closed(entity: dict[str, Any]) -> bool:
    """Whether what each type is a kind of is told as well, as likely at least."""
    scores = {each["name"]: each["score"] for each in entity["types"]}
    above = {name: name.rpartition("/")[0] for name in scores}
    return all(not parent or scores[parent] >= scores[name] for name, parent in above.items())


@pytest.mark.usefixtures("warm")
def test_every_mention_of_the_example_has_types(tagwerk: Tagwerk, tmp_path: Path) -> None:
    ended = tagwerk("type", CORPUS, "--types", TYPES, "-o", tmp_path / "out.jsonl")

    assert (ended.code, ended.out) == (0, "")
    assert "24 of 24 documents typed" in ended.err.splitlines()[-1]
    given, lines = documents(CORPUS.read_text("utf-8")), documents((tmp_path / "out.jsonl").read_text("utf-8"))
    assert [line["id"] for line in lines] == [document["id"] for document in given]
    for document, line in zip(given, lines, strict=True):
        assert (line["tagger"], line["engine"]) == ("typer", "typer")
        found = [(each["start"], each["end"]) for each in line["entities"]]
        assert found == [(each["start"], each["end"]) for each in document["entities"]]
        for entity in line["entities"]:
            assert document["text"][entity["start"] : entity["end"]] == entity["text"]
            assert entity["types"]
            assert closed(entity)


@pytest.mark.usefixtures("warm")
def test_what_is_tagged_has_types_as_well(tagwerk: Tagwerk) -> None:
    ended = tagwerk("tag", "-", "--labels", LABELS, "--types", TYPES, stdin=CORPUS.read_bytes())

    lines = documents(ended.out)
    assert (ended.code, ids(ended.out)) == (0, ids(CORPUS.read_text("utf-8")))
    entities = [entity for line in lines for entity in line["entities"]]
    assert entities
    assert all(entity["types"] and closed(entity) and entity["label"] for entity in entities)
    assert {(line["tagger"], line["typer"]) for line in lines} == {("default", "typer")}


@pytest.mark.usefixtures("warm")
def test_scores_of_types_are_accuracy_and_two_averages(tagwerk: Tagwerk, tmp_path: Path) -> None:
    # Given gold that is what the typer tells, but for one mention, and one that nobody typed
    lines = documents(tagwerk("type", CORPUS, "--types", TYPES).out)
    texts = {document["id"]: document["text"] for document in documents(CORPUS.read_text("utf-8"))}
    for line in lines:
        line["text"] = texts[line["id"]]
    lines[0]["entities"][0]["types"] = [{"name": "/event"}]
    lines[1]["entities"][0]["types"] = []
    gold = tmp_path / "gold.jsonl"
    gold.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")

    # When it is evaluated
    ended = tagwerk("evaluate", gold, "--types", TYPES, "--json")

    # Then that one alone is wrong
    mentions = sum(len(line["entities"]) for line in lines) - 1
    score = json.loads(ended.out)
    assert (ended.code, score["mentions"], score["accuracy"]) == (0, mentions, pytest.approx(1 - 1 / mentions))
    assert set(score) == {"mentions", "accuracy", "micro", "macro"}
    assert score["macro"]["precision"] == score["macro"]["recall"] == pytest.approx(1 - 1 / mentions)
    assert 0.9 < score["micro"]["f1"] < 1
    table = tagwerk("evaluate", gold, "--types", TYPES).out.splitlines()
    assert [line.split()[0] for line in table] == ["average", "micro", "macro"]
    assert table[1].split()[-1] == str(mentions)


@pytest.mark.usefixtures("warm")
def test_a_mention_too_long_fails_its_document_alone(tagwerk: Tagwerk, tmp_path: Path) -> None:
    (tmp_path / "types.yaml").write_text(TWO)
    long = {"id": "b", "text": "x " * 1000, "entities": [{"start": 0, "end": 1999}]}
    corpus = "\n".join(json.dumps(each) for each in (NINA, long)).encode()

    ended = tagwerk("type", "-", "--types", tmp_path / "types.yaml", stdin=corpus)

    good, bad = documents(ended.out)
    assert ended.code == 0
    assert {each["name"] for each in good["entities"][0]["types"]} <= {"/person", "/place"}
    assert bad["error"]["code"] == "mention_too_long"
    assert bad["error"]["message"].startswith("the mention [0, 1999) has 1000 pieces; the encoder holds no more than")


@pytest.mark.parametrize(
    ("corpus", "types", "message"),
    [
        (NINA, "- /person\n- /x/y\n", "line 2: the parent of '/x/y', '/x', is not listed; add it"),
        (NINA, "- {name: a, parent: b}\n- {name: b, parent: a}\n", "line 1: 'a' is in a circle: 'a' is a kind of"),
        (NINA, "- jazz band\n- jazz_band\n", "line 2: 'jazz_band' and 'jazz band' have the same words, 'jazz band'"),
        (NINA, "# none\n", "there are no types; write at least one, as in - /person/musician"),
        (
            NINA | {"entities": [{"start": 15, "end": 99}]},
            TWO,
            "line 1: entity 1 [15, 99) lies outside the text (length 17)",
        ),
    ],
)
@pytest.mark.usefixtures("services")
def test_bad_input_is_told_with_line_and_value(
    tagwerk: Tagwerk, tmp_path: Path, corpus: dict[str, Any], types: str, message: str
) -> None:
    (tmp_path / "types.yaml").write_text(types)

    ended = tagwerk("type", "-", "--types", tmp_path / "types.yaml", stdin=json.dumps(corpus).encode())

    assert (ended.code, ended.out) == (2, "")
    assert f"error: {message}" in ended.err


@pytest.mark.parametrize(
    "words",
    [
        ("type", CORPUS, "--types", TYPES, "--tagger", "default"),
        ("tag", CORPUS, "--labels", LABELS, "--types", TYPES, "--typer", "default"),
        ("tag", CORPUS, "--labels", LABELS, "--tagger", "typer"),
        ("tag", CORPUS, "--labels", LABELS, "--typer", "typer"),
        ("evaluate", CORPUS, "--labels", LABELS, "--types", TYPES),
        ("evaluate", CORPUS, "--types", TYPES, "--engine", "biencoder"),
        ("evaluate", CORPUS),
        ("adapt", CORPUS, "--types", TYPES, "--name", "fine", "--method", "extend"),
        ("adapt", CORPUS, "--labels", LABELS, "--types", TYPES, "--name", "fine"),
        ("adapt", CORPUS, "--name", "fine"),
        ("adapt", CORPUS, "--types", TYPES, "--name", "typer"),
    ],
    ids=lambda words: " ".join(str(word).rpartition("/")[2] for word in words),
)
def test_what_does_not_go_together_is_refused_before_there_is_a_job(
    tagwerk: Tagwerk, services: Ledger, words: tuple[object, ...]
) -> None:
    ended = tagwerk(*words)

    assert (ended.code, ended.out, services.jobs()) == (2, "", [])
    assert ended.err.startswith("error: ")


def test_a_detached_job_keeps_types_and_names(tagwerk: Tagwerk, services: Ledger) -> None:
    typed = tagwerk("type", CORPUS, "--types", TYPES, "--detach", "--name", "mine").out.strip()
    tagged = tagwerk("tag", CORPUS, "-l", LABELS, "--types", TYPES, "--detach").out.strip()

    one, two = services.job(typed), services.job(tagged)
    assert (one.kind.value, one.name, one.tagger, one.engine, one.queue) == ("type", "mine", "typer", "typer", "tag")
    assert len(one.options["types"]) == 38
    assert two.options == {"types": one.options["types"], "typer": "typer"}


@pytest.mark.usefixtures("warm")
def test_a_typer_of_ones_own_is_made_and_used(tagwerk: Tagwerk, tmp_path: Path) -> None:
    # Given an adaptation by mentions with types, of two steps
    ended = tagwerk("adapt", CORPUS, "--types", TYPES, "--name", "fine", "--json")

    result = json.loads(ended.out)
    receipt = result["receipt"]
    assert (ended.code, result["tagger"], receipt["method"], receipt["base"]) == (0, "fine@1", "finetype", "typer")
    assert receipt["held_out"] == "3-fold cross-validation over 24 examples, stratified by type"
    for scores in (receipt["before"], receipt["after"]):
        assert scores["mentions"] == receipt["mentions"] == 52
        for figure in ("accuracy", "micro_f1", "macro_f1"):
            assert 0 <= scores[f"{figure}_low"] <= scores[figure] <= scores[f"{figure}_high"] <= 1
    assert receipt["types"]["/person"] == {"mentions": 13}

    # When it is shown, and named by a job that types and by one that tags
    tagwerk("taggers", "promote", "fine@1")
    shown = tagwerk("taggers", "show", "fine")
    typed = documents(tagwerk("type", CORPUS, "--types", TYPES, "--tagger", "fine").out)
    tagged = documents(tagwerk("tag", CORPUS, "-l", LABELS, "--types", TYPES, "--typer", "fine@1").out)

    # Then it is what tells the types
    assert "macro-F1" in shown.out
    assert "52 mentions, one narrowest type each; 38 types listed" in shown.out
    assert {line["tagger"] for line in typed} == {"fine@1"}
    assert {(line["tagger"], line["typer"]) for line in tagged} == {("default", "fine@1")}
