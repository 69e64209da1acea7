"""Label files, taggers and corpora as a command takes them, before anything is started for them."""

from __future__ import annotations

import gzip
import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from corpora.errors import InvalidCorpus
from jobs.errors import UnknownEngine, UnknownTagger
from jobs.states import JobState
from tagwerk.connection import reading
from tagwerk.errors import UnusableInput
from tagwerk.submission import check_tagger, opened, read_labels, submit

if TYPE_CHECKING:
    from jobs.store import Ledger

GOOD = b'{"id": "a", "text": "Abba"}\n'


def test_labels_are_what_a_job_keeps(tmp_path: Path) -> None:
    (tmp_path / "labels.yaml").write_text("- name: band\n  description: a group\n  threshold: 0.4\n- song\n")

    band, song = read_labels(tmp_path / "labels.yaml")

    assert (band["name"], band["description"], band["threshold"]) == ("band", "a group", 0.4)
    assert (song["name"], song["threshold"]) == ("song", None)
    assert json.loads(json.dumps([band, song])) == [band, song]


def test_what_is_odd_about_labels_is_said_once_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "labels.yaml").write_text("- name: band\n  description: a group\n- song\n")

    read_labels(tmp_path / "labels.yaml")

    out, err = capsys.readouterr()
    assert out == ""
    assert [line for line in err.splitlines() if line.startswith("warning: ") and "song" in line] == err.splitlines()
    assert err.count("\n") == 1


def test_a_folder_is_no_label_file(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="Is a directory"):
        read_labels(tmp_path)


def test_the_shipped_tagger_is_known() -> None:
    check_tagger("default", "biencoder")


def test_unknown_names_are_refused() -> None:
    with pytest.raises(UnknownEngine):
        check_tagger("default", "magic")
    with pytest.raises(UnknownTagger):
        check_tagger("music@3", "biencoder")


def test_a_dash_is_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(GOOD)))

    with opened(Path("-")) as stream:
        assert stream.read() == GOOD


@pytest.mark.parametrize("content", [GOOD, gzip.compress(GOOD)], ids=["plain", "gzip"])
def test_a_corpus_becomes_a_queued_job(services: Ledger, content: bytes) -> None:
    with reading() as found:
        assert found is not None
        job_id = submit(found, io.BytesIO(content), [], tagger="default", engine="biencoder", name="mine")

    job = services.job(job_id)
    assert (job.state, job.total, job.name, job.tagger, job.engine) == (
        JobState.QUEUED,
        1,
        "mine",
        "default",
        "biencoder",
    )


def test_settings_bound_a_job(services: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAGWERK_CHUNK_DOCUMENTS", "1")
    monkeypatch.setenv("TAGWERK_JOB_HOURS", "2")
    two = GOOD + GOOD.replace(b'"a"', b'"b"')
    with reading() as found:
        assert found is not None
        job_id = submit(found, io.BytesIO(two), [], tagger="default", engine="biencoder", name="mine")

    job = services.job(job_id)
    assert (job.expires_at - job.created_at).total_seconds() == pytest.approx(7200, abs=1)
    assert services.rung_unclaimed("tag") == 2


def test_a_bad_corpus_is_a_failed_job_that_says_why(services: Ledger) -> None:
    with reading() as found:
        assert found is not None
        with pytest.raises(InvalidCorpus):
            submit(found, io.BytesIO(b"{}\n"), [], tagger="default", engine="biencoder", name="mine")

    [job] = services.jobs()
    assert job.state is JobState.FAILED
    assert job.error is not None
    assert job.error["problems"][0]["line"] == 1
