"""Jobs as a command submits them to a ledger of its own."""

from __future__ import annotations

import gzip
import io
from typing import TYPE_CHECKING

import pytest

from corpora.errors import InvalidCorpus
from jobs.states import JobState
from tagwerk.connection import reading

if TYPE_CHECKING:
    from jobs.store import Ledger

GOOD = b'{"id": "a", "text": "Abba"}\n'


@pytest.mark.parametrize("content", [GOOD, gzip.compress(GOOD)], ids=["plain", "gzip"])
def test_a_corpus_becomes_a_queued_job(services: Ledger, content: bytes) -> None:
    with reading() as found:
        assert found is not None
        job_id = found.submit(io.BytesIO(content), [], tagger="default", engine="biencoder", name="mine")

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
        job_id = found.submit(io.BytesIO(two), [], tagger="default", engine="biencoder", name="mine")

    job = services.job(job_id)
    assert (job.expires_at - job.created_at).total_seconds() == pytest.approx(7200, abs=1)
    assert services.rung_unclaimed("tag") == 2


def test_a_bad_corpus_is_a_failed_job_that_says_why(services: Ledger) -> None:
    with reading() as found:
        assert found is not None
        with pytest.raises(InvalidCorpus):
            found.submit(io.BytesIO(b"{}\n"), [], tagger="default", engine="biencoder", name="mine")

    [job] = services.jobs()
    assert job.state is JobState.FAILED
    assert job.error is not None
    assert job.error["problems"][0]["line"] == 1
