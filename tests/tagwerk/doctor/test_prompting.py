"""Findings about the language model and the index of examples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from retrieval.settings import RetrievalSettings
from tagwerk.doctor.findings import Status
from tagwerk.doctor.prompting import index, language
from tests.models.languages import save_language
from tests.retrieval.standin import StandIn
from tests.workers.endpoint import Endpoint
from workers.settings import WorkerSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OK, WARN, FAIL = Status


@pytest.fixture
def standin() -> Iterator[StandIn]:
    standin = StandIn()
    yield standin
    standin.stop()


def test_the_compact_model_is_well_and_a_larger_one_is_named() -> None:
    finding = language(WorkerSettings())

    assert (finding.status, finding.found) == (OK, "compact, which ships")
    assert "TAGWERK_LLM=Qwen/Qwen2.5-7B-Instruct" in str(finding.advice)


def test_a_model_in_a_folder_is_told_by_its_kind(tmp_path: Path) -> None:
    folder = save_language(tmp_path / "mine")

    finding = language(WorkerSettings(llm=str(folder)))

    assert (finding.status, finding.found, finding.advice) == (OK, f"{folder}, llama", None)


def test_a_model_that_is_not_there_fails(tmp_path: Path) -> None:
    finding = language(WorkerSettings(llm=str(tmp_path / "none")))

    assert finding.status is FAIL
    assert str(tmp_path / "none") in finding.found
    assert "TAGWERK_LLM" in str(finding.advice)


def test_an_endpoint_is_asked_a_word() -> None:
    with Endpoint() as endpoint:
        settings = WorkerSettings(llm="remote:big", llm_url=endpoint.url, llm_api_key=SecretStr("hush"))
        assert (language(settings).status, language(settings).found[:7]) == (OK, "big at ")
        for status, how in ((503, WARN), (401, FAIL)):
            endpoint.status = status
            finding = language(settings)
            assert finding.status is how
            assert "hush" not in f"{finding.found} {finding.advice}"


def test_an_endpoint_without_an_address_fails() -> None:
    finding = language(WorkerSettings(llm="remote:big"))

    assert (finding.status, finding.found) == (FAIL, "remote:big and no endpoint")


def test_an_index_that_answers_is_well(standin: StandIn) -> None:
    finding = index(RetrievalSettings(qdrant_url=standin.url))

    assert finding.status is OK
    assert finding.found.endswith("answers, 0 collections")


@pytest.mark.filterwarnings("ignore:Api key is used with an insecure connection")
def test_an_index_that_refuses_us_says_which_key_to_set(standin: StandIn) -> None:
    standin.key = "right"

    finding = index(RetrievalSettings(qdrant_url=standin.url, qdrant_api_key=SecretStr("wrong")))

    assert finding.status is FAIL
    assert "TAGWERK_QDRANT_API_KEY" in str(finding.advice)
    assert "wrong" not in finding.found


def test_an_index_that_is_away_fails() -> None:
    finding = index(RetrievalSettings(qdrant_url="http://127.0.0.1:1"))

    assert (finding.status, finding.found[:12]) == (FAIL, "127.0.0.1:1:")
