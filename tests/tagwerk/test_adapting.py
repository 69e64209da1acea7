"""Examples before there is a job, and what comes back of an adaptation."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from corpora.errors import InvalidCorpus
from jobs.records import NewTagger
from jobs.states import JobState
from models.errors import InvalidExamples
from tagwerk.adapting import read_examples, result_of
from tagwerk.connection import working_directly
from tagwerk.delivery import deliver
from tagwerk.errors import UnusableInput

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from jobs.records import Claim
    from jobs.store import Ledger
    from tagwerk.service import DirectService

LABELS = [{"name": "band", "description": "a group", "threshold": None}]
TEXT = "Copper Wrens played in Leeds."


def example(start: int = 0, end: int = 12, label: str = "band", number: int = 1) -> str:
    entities = [{"start": start, "end": end, "label": label}]
    return json.dumps({"id": f"e{number}", "text": f"{TEXT} {number}", "entities": entities})


@pytest.fixture
def direct(services: Ledger) -> Iterator[DirectService]:
    """The services, without a worker but the test."""
    with working_directly() as direct:
        assert services.jobs() == []
        yield direct


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def submitted(direct: DirectService, path: Path) -> tuple[str, Claim]:
    """An adaptation and the claim of it."""
    data = read_examples(write(path / "examples.jsonl", example()), LABELS)
    job_id = direct.adapt(data, LABELS, tagger="default", method="extend", name="music")
    claim = direct.ledger.claim(direct.ledger.oldest_rung("adapt", 1)[0], worker="w", lease_s=60)
    assert claim is not None
    return job_id, claim


def test_good_examples_come_back_as_they_are_with_warnings_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "examples.jsonl", example(), "", example(number=2))

    assert read_examples(path, LABELS) == path.read_bytes()

    assert capsys.readouterr().err == (
        "warning: label 'band' is the only one; types that it is mistaken for would sharpen it\n"
        "warning: label 'band' has 2 examples; 5 or more make its score mean something\n"
    )


def test_all_findings_are_told_with_their_lines(tmp_path: Path) -> None:
    path = write(tmp_path / "examples.jsonl", example(), example(1, 12, number=2), example(label="bnd", number=3))

    with pytest.raises(InvalidExamples) as caught:
        read_examples(path, LABELS)

    assert str(caught.value).splitlines() == [
        "line 2: entity 1 [1, 12) 'opper Wrens' cuts the word 'Copper'; entities are whole words",
        "line 3: entity 1 has the unknown label 'bnd'; the labels are band",
    ]


def test_of_many_findings_the_first_are_told_and_all_are_counted(tmp_path: Path) -> None:
    lines = [example(label="bnd", number=number) for number in range(30)]

    with pytest.raises(InvalidExamples) as caught:
        read_examples(write(tmp_path / "examples.jsonl", *lines), LABELS)

    assert str(caught.value).splitlines()[-1] == "and 11 more"


def test_what_is_no_corpus_is_no_examples(tmp_path: Path) -> None:
    with pytest.raises(InvalidCorpus, match="line 1: not JSON"):
        read_examples(write(tmp_path / "examples.jsonl", "nope"), LABELS)
    with pytest.raises(UnusableInput, match=r"the file of examples .* cannot be read: No such file"):
        read_examples(tmp_path / "none.jsonl", LABELS)


def test_a_job_of_examples_is_one_piece_of_work(direct: DirectService, tmp_path: Path) -> None:
    job_id, claim = submitted(direct, tmp_path)

    job = direct.job(job_id)
    assert (job.kind, job.total, job.tagger, job.name) == ("adapt", 1, "default", "music")
    assert claim.options == {"method": "extend", "name": "music"}
    assert direct.blobs.path(claim.blob).read_text() == example()


def test_the_result_of_one_that_ended_well(direct: DirectService, tmp_path: Path) -> None:
    job_id, claim = submitted(direct, tmp_path)
    receipt: dict[str, Any] = {"verdict": "better"}
    assert direct.ledger.commit_tagger(claim, NewTagger(name="music", receipt=receipt, promote=True))

    result = result_of(direct, direct.job(job_id))

    assert result == {"id": job_id, "tagger": "music@1", "promoted": True, "receipt": receipt}


def test_one_that_was_cancelled_says_so(
    direct: DirectService, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job_id, claim = submitted(direct, tmp_path)
    direct.ledger.cancel(job_id)
    direct.ledger.release(claim)
    capsys.readouterr()

    assert result_of(direct, direct.job(job_id)) is None

    assert capsys.readouterr().err.startswith("error: the job was cancelled")


def test_one_that_failed_as_a_whole_has_said_why(
    direct: DirectService, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job_id, claim = submitted(direct, tmp_path)
    direct.ledger.fail(claim, {"code": "invalid_examples", "message": "line 1: no"})
    capsys.readouterr()

    job = direct.job(job_id)
    assert (job.state, result_of(direct, job)) == (JobState.FAILED, None)
    assert capsys.readouterr().err == ""


def test_its_line_is_written_also_where_tagged_text_would_be_shown(
    direct: DirectService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given an adaptation that is done, and a terminal
    job_id, claim = submitted(direct, tmp_path)
    assert direct.ledger.commit_tagger(claim, NewTagger(name="music", receipt={}, promote=True))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    capsys.readouterr()

    # When its results are asked for
    deliver(direct, direct.job(job_id), None, utf16=False, as_json=False)

    # Then there is no text to show, but a line
    assert json.loads(capsys.readouterr().out)["tagger"] == "music@1"
