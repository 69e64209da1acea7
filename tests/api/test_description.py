"""The OpenAPI text and the page made of it: complete, current, and of our words alone."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from api.app import from_environment, routed
from api.documented import HEADERS
from api.errors import MissingSettings
from api.problems import MEDIA_TYPE, RETRY_AFTER
from api.reference import page

PAGE = Path(__file__).parents[2] / "docs" / "api.md"
OPEN = {"/healthz", "/readyz"}


@cache
def described() -> dict[str, Any]:
    """The description."""
    return routed().openapi()


def operations() -> dict[str, dict[str, Any]]:
    """Every operation of the description, by its id."""
    paths = described()["paths"]
    return {each["operationId"]: each | {"path": path} for path, methods in paths.items() for each in methods.values()}


def test_the_page_is_current() -> None:
    assert PAGE.read_text("utf-8") == page(), "run `.venv/bin/python -m api.reference > docs/api.md`"


def test_nothing_of_the_framework_shows() -> None:
    text = described()

    assert not {"HTTPValidationError", "ValidationError"} & set(text["components"]["schemas"])
    assert re.findall(r"fastapi|starlette|pydantic", repr(text), re.IGNORECASE) == []


@pytest.mark.parametrize("name", sorted(operations()))
def test_an_operation_is_told_in_full(name: str) -> None:
    operation = operations()[name]

    assert operation["summary"]
    assert len(operation["description"]) > 20
    assert all(parameter.get("description") for parameter in operation.get("parameters", []))
    assert ("security" in operation) == (operation["path"] not in OPEN)
    for status, answer in operation["responses"].items():
        assert "X-Request-ID" in answer["headers"]
        if status[0] in "45" and MEDIA_TYPE in answer["content"]:
            [kind] = answer["content"]
            assert answer["content"][kind]["schema"] == {"$ref": "#/components/schemas/Problem"}
            assert all(each["value"]["status"] == int(status) for each in answer["content"][kind]["examples"].values())


@pytest.mark.parametrize(
    ("name", "status", "header"),
    [
        ("upload_file", "201", "Location"),
        ("submit_job", "202", "Location"),
        ("submit_job", "202", "Idempotency-Replayed"),
        ("submit_job", "409", "Retry-After"),
        ("retry_job", "202", "Location"),
        ("read_results", "200", "Link"),
        ("read_job", "401", "WWW-Authenticate"),
        ("read_job", "503", "Retry-After"),
    ],
)
def test_headers_are_told_of(name: str, status: str, header: str) -> None:
    assert operations()[name]["responses"][status]["headers"][header] == HEADERS[header]


@pytest.mark.parametrize(("name", "shape"), [("read_results", "ResultLine"), ("read_errors", "ErrorLine")])
def test_json_lines_are_told_by_their_line(name: str, shape: str) -> None:
    content = operations()[name]["responses"]["200"]["content"]

    assert content["application/jsonl"]["itemSchema"] == {"$ref": f"#/components/schemas/{shape}"}
    assert shape in described()["components"]["schemas"]


def test_every_reference_leads_somewhere() -> None:
    text = described()

    for kind, name in set(re.findall(r"'#/components/(\w+)/([\w-]+)'", repr(text))):
        assert name in text["components"][kind]


def test_what_says_when_to_come_again_says_so_in_seconds() -> None:
    assert all(0 < seconds <= 60 for seconds in RETRY_AFTER.values())


def test_without_its_addresses_the_service_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAGWERK_DATABASE_URL", "sqlite:////nowhere/x.db")

    with pytest.raises(MissingSettings, match="TAGWERK_BROKER_URL and TAGWERK_BLOBS must be set"):
        from_environment()
