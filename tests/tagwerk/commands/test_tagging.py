"""`tagwerk tag` and `tagwerk evaluate`: documents in, lines or scores out."""

from __future__ import annotations

import gzip
import json
import os
import pty
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from models.scores import Scorer
from models.types import Span
from tests.tagwerk.running import EXAMPLES, LABELS, ROOT, ids
from tests.tagwerk.test_console import drained

if TYPE_CHECKING:
    from pathlib import Path

    from jobs.store import Ledger
    from tests.tagwerk.conftest import Tagwerk

MUSIC = EXAMPLES / "music" / "corpus.jsonl"
WIDE = "Copper Wrens 𝄞 played the Kornhalle in Leeds with Ilse Vandermeer 𝄞 last night."


def documents(lines: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines.splitlines()]


def spans(entities: list[dict[str, Any]]) -> list[Span]:
    return [Span(start=each["start"], end=each["end"], label=each["label"], score=1.0) for each in entities]


@pytest.mark.usefixtures("warm")
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_standard_input_to_standard_output(tagwerk: Tagwerk, packed: bool) -> None:
    content = MUSIC.read_bytes()

    ended = tagwerk("tag", "-", "--labels", LABELS, stdin=gzip.compress(content) if packed else content)

    assert ended.code == 0
    assert ids(ended.out) == ids(content.decode())
    assert any(line["entities"] for line in documents(ended.out))
    for document, line in zip(documents(content.decode()), documents(ended.out), strict=True):
        for entity in line["entities"]:
            assert document["text"][entity["start"] : entity["end"]] == entity["text"]


@pytest.mark.usefixtures("warm")
def test_what_is_said_of_a_job_goes_to_standard_error(tagwerk: Tagwerk, tmp_path: Path) -> None:
    ended = tagwerk("tag", MUSIC, "-l", LABELS, "--name", "mine", "--json", "-o", tmp_path / "out.jsonl")

    assert ended.out == ""
    first, *_, last = ended.err.splitlines()
    job_id = first.split()[0]
    assert first == f"{job_id} submitted; stopped here, it goes on by `tagwerk jobs watch {job_id}`"
    assert last.startswith(f"{job_id} completed: 30 of 30 documents tagged")
    assert [path.name for path in tmp_path.iterdir()] == ["out.jsonl"]


@pytest.mark.usefixtures("warm")
def test_offsets_in_utf16_units_on_request(tagwerk: Tagwerk, tmp_path: Path) -> None:
    labels = tmp_path / "labels.yaml"
    # Everything is an entity at such thresholds, whatever the tagger's weights.
    labels.write_text("- name: venue\n  description: a place\n  threshold: 0.0\n")
    corpus = json.dumps({"id": "a", "text": WIDE}).encode()

    plain, wide = (
        documents(tagwerk("tag", "-", "-l", labels, *words, stdin=corpus).out)[0]["entities"]
        for words in ([], ["--utf16"])
    )

    assert len(plain) == len(wide) > 0
    units = WIDE.encode("utf-16-le")
    for code_points, code_units in zip(plain, wide, strict=True):
        found = units[2 * code_units["start"] : 2 * code_units["end"]].decode("utf-16-le")
        assert found == code_points["text"] == WIDE[code_points["start"] : code_points["end"]]


def test_a_detached_command_says_the_job_and_does_not_wait(tagwerk: Tagwerk, services: Ledger) -> None:
    ended = tagwerk("tag", MUSIC, "--labels", LABELS, "--detach")

    assert (ended.code, ended.err) == (0, "")
    assert services.job(ended.out.strip()).total == 30


def test_an_output_that_cannot_be_written_is_refused_before_there_is_a_job(
    tagwerk: Tagwerk, services: Ledger, tmp_path: Path
) -> None:
    ended = tagwerk("tag", MUSIC, "--labels", LABELS, "-o", tmp_path / "nowhere" / "out.jsonl")

    assert ended.code == 2
    assert services.jobs() == []


@pytest.mark.usefixtures("warm")
def test_people_at_a_terminal_see_the_text_with_its_entities() -> None:
    # Given a terminal
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100"}

    # When a corpus is tagged on it
    command = [sys.executable, "-m", "tagwerk", "tag", str(MUSIC), "--labels", str(LABELS)]
    process = subprocess.Popen(command, cwd=ROOT, stdin=slave, stdout=slave, stderr=slave, env=environment)
    os.close(slave)
    text = drained(master)
    assert process.wait() == 0

    # Then it is text with coloured, named entities, and no JSON
    assert re.search(
        r"\x1b\[1;\d+m\[[^\x1b|]+\x1b\[0m\x1b\[\d+m\|(band|musician|venue|album|song|festival|music)", text
    )
    assert "Ilse" in text
    assert '{"id"' not in text


@pytest.mark.usefixtures("warm")
def test_a_reader_that_has_seen_enough_is_no_error_worth_a_traceback() -> None:
    command = f"{sys.executable} -m tagwerk tag {MUSIC} --labels {LABELS} | head -n 1"

    done = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True, check=True)

    assert ids(done.stdout) == ["music-01"]
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


@pytest.mark.usefixtures("warm")
def test_output_is_utf8_whatever_the_locale() -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    command = [sys.executable, "-m", "tagwerk", "tag", "-", "--labels", str(LABELS)]
    corpus = json.dumps({"id": "Motörhead 𝄞", "text": WIDE}).encode()

    done = subprocess.run(command, input=corpus, cwd=ROOT, env=environment, capture_output=True, check=False)

    assert done.returncode == 0, done.stderr
    assert ids(done.stdout.decode("utf-8")) == ["Motörhead 𝄞"]


@pytest.mark.usefixtures("warm")
def test_scores_for_machines_are_those_of_the_lines(tagwerk: Tagwerk, tmp_path: Path) -> None:
    # Given gold, in which the truth is half of what is found, and something that is not
    corpus = "".join(MUSIC.read_text("utf-8").splitlines(keepends=True)[:6])
    found = documents(tagwerk("tag", "-", "--labels", LABELS, stdin=corpus.encode()).out)
    gold = [
        {
            "id": line["id"],
            "text": document["text"],
            "entities": [{k: e[k] for k in ("start", "end", "label")} for e in line["entities"][::2]]
            + [{"start": 0, "end": 1, "label": "song"}, {"start": 0, "end": 1, "label": "of no label file"}],
        }
        for document, line in zip(documents(corpus), found, strict=True)
    ]
    path = tmp_path / "gold.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in gold))

    # When it is evaluated
    ended = tagwerk("evaluate", path, "--labels", LABELS, "--json")

    # Then the numbers are the scorer's, over the labels that were asked for
    scorer = Scorer()
    for document, line in zip(gold, found, strict=True):
        asked = [each for each in document["entities"] if each["label"] != "of no label file"]
        scorer.add(spans(asked), spans(line["entities"]))
    total, by_label = scorer.total(), scorer.by_label()
    assert ended.code == 0
    assert ended.out.count("\n") == 1
    assert json.loads(ended.out) == {
        "precision": total.precision,
        "recall": total.recall,
        "f1": total.f1,
        "labels": {k: {"precision": v.precision, "recall": v.recall, "f1": v.f1} for k, v in by_label.items()},
    }
    assert 0 < total.precision < 1
    assert 0 < total.recall < 1


@pytest.mark.usefixtures("warm")
def test_scores_for_people_are_a_table(tagwerk: Tagwerk) -> None:
    ended = tagwerk("evaluate", MUSIC, "--labels", LABELS)

    assert ended.code == 0
    rows = [line.split() for line in ended.out.splitlines()]
    assert rows[0] == ["label", "precision", "recall", "F1", "gold"]
    assert rows[-1][0] == "all"
    assert int(rows[-1][-1]) == sum(len(json.loads(line)["entities"]) for line in MUSIC.read_text().splitlines())
