"""Results on their way out: whole or not at all, each with its own document."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from jobs.records import NewResult
from tagwerk.connection import reading
from tagwerk.delivery import check_target, deliver
from tagwerk.errors import UnusableOutput
from tagwerk.pairing import paired
from tagwerk.service import DirectService

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.records import JobView
    from jobs.store import Ledger
    from tests.tagwerk.conftest import Tagwerk

TEXTS = {"a": "𝄞 Abba", "b": "nothing", "c": "Queen 𝄞"}
FOUND = {"a": [2, 6], "c": [0, 5]}


@pytest.fixture
def finished(tagwerk: Tagwerk, services: Ledger, tmp_path: Path) -> Iterator[tuple[DirectService, JobView]]:
    """A job of three documents that is done, with what a worker would have found."""
    corpus, labels = tmp_path / "corpus.jsonl", tmp_path / "labels.yaml"
    corpus.write_text("".join(json.dumps({"id": k, "text": v}) + "\n" for k, v in TEXTS.items()))
    labels.write_text("- name: band\n  description: a group\n")
    job_id = tagwerk("tag", corpus, "--labels", labels, "--detach").out.strip()
    claim = services.claim(services.oldest_rung("tag", 1)[0], worker="w", lease_s=60)
    assert claim is not None
    bodies = [
        NewResult(line=number, document_id=name, ok=True, body=json.dumps(body(name), ensure_ascii=False))
        for number, name in enumerate(TEXTS, 1)
    ]
    assert services.commit(claim, bodies)
    with reading() as service:
        assert isinstance(service, DirectService)
        yield service, services.job(job_id)


def body(name: str) -> dict[str, object]:
    span = FOUND.get(name)
    entity = span and {"start": span[0], "end": span[1], "text": TEXTS[name][slice(*span)], "label": "band", "score": 1}
    return {"id": name, "entities": [entity] if entity else [], "escalation": None}


def test_lines_come_in_the_order_of_the_corpus(finished: tuple[DirectService, JobView]) -> None:
    service, job = finished

    assert [json.loads(line) for line in service.lines(job)] == [body(name) for name in TEXTS]


def test_a_line_comes_with_its_own_document(finished: tuple[DirectService, JobView]) -> None:
    service, job = finished

    found = paired(service.documents(job), service.lines(job))

    assert {document.text: line["id"] for document, line in found} == {v: k for k, v in TEXTS.items()}


def test_a_file_gets_all_lines(finished: tuple[DirectService, JobView], tmp_path: Path) -> None:
    target = tmp_path / "out.jsonl"

    deliver(*finished, target, utf16=False, as_json=False)

    assert [json.loads(line) for line in target.read_text("utf-8").splitlines()] == [body(name) for name in TEXTS]


def test_utf16_counts_as_javascript_does(finished: tuple[DirectService, JobView], tmp_path: Path) -> None:
    target = tmp_path / "out.jsonl"

    deliver(*finished, target, utf16=True, as_json=False)

    found = {line["id"]: line["entities"] for line in map(json.loads, target.read_text("utf-8").splitlines())}
    for name in FOUND:
        units = TEXTS[name].encode("utf-16-le")
        start, end = found[name][0]["start"], found[name][0]["end"]
        assert units[2 * start : 2 * end].decode("utf-16-le") == found[name][0]["text"]
    assert found["a"][0]["start"] == 3


def test_a_file_is_written_whole_or_stays_as_it_was(finished: tuple[DirectService, JobView], tmp_path: Path) -> None:
    # Given a result of yesterday
    service, job = finished
    target = tmp_path / "out.jsonl"
    target.write_text("yesterday")

    # When writing fails in the middle, because a corpus is gone
    service.blobs.path(job.blob or "").unlink()
    with pytest.raises(UnusableOutput, match="cannot be written"):
        deliver(*finished, target, utf16=True, as_json=False)

    # Then nothing has changed
    assert target.read_text() == "yesterday"
    assert list(tmp_path.glob(".*")) == []


def test_a_link_stays_a_link(finished: tuple[DirectService, JobView], tmp_path: Path) -> None:
    target, link = tmp_path / "real.jsonl", tmp_path / "link.jsonl"
    link.symlink_to(target)

    deliver(*finished, link, utf16=False, as_json=False)

    assert link.is_symlink()
    assert target.read_text("utf-8").count("\n") == len(TEXTS)


def test_a_device_is_written_to_and_not_replaced(finished: tuple[DirectService, JobView]) -> None:
    null = Path("/dev/null")

    check_target(null)
    deliver(*finished, null, utf16=False, as_json=False)

    assert stat.S_ISCHR(null.stat().st_mode)


@pytest.mark.parametrize("name", ["folder", "nowhere/out.jsonl", "file/out.jsonl", "x" * 300])
def test_a_file_that_could_not_be_written_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()

    with pytest.raises(UnusableOutput) as caught:
        check_target(tmp_path / name)

    assert str(tmp_path / name) in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)

    with pytest.raises(UnusableOutput, match="Permission denied"):
        check_target(tmp_path / "out.jsonl")


@pytest.mark.parametrize("before", [None, "yesterday"])
def test_asking_changes_nothing(tmp_path: Path, before: str | None) -> None:
    target = tmp_path / "out.jsonl"
    if before is not None:
        target.write_text(before)

    check_target(target)

    assert [path.read_text() for path in tmp_path.iterdir()] == [before] * (before is not None)
