"""The OpenAPI text against the service: requests made from it, good and bad, and every answer held against it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.app import routed
from tests.api.desk import opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.api.desk import Desk


@schemathesis.serializer("application/jsonl", "application/gzip")
def as_it_is(_context: schemathesis.SerializationContext, value: object) -> bytes:
    """A corpus is sent as bytes, whatever it is."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


CHECKS = [not_a_server_error, response_schema_conformance, status_code_conformance, content_type_conformance]
schema = schemathesis.openapi.from_dict(routed().openapi())
#: Every second request with an id names something that is there.
_turns = itertools.cycle([True, False])


@pytest.fixture(scope="module")
def described(
    postgres_url: str, postgresql_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Desk, dict[str, str]]]:
    """The service on PostgreSQL, which refuses more than SQLite does, and ids of what is there."""
    from tests.conftest import _database

    folder: Path = tmp_path_factory.mktemp("described")
    with _database(postgres_url, template=postgresql_template) as url, opened(url, folder) as desk:
        job_id = desk.done(failed={"d3"}, escalated={"d1"})
        yield desk, {"/v1/jobs/": job_id, "/v1/files/": desk.upload(), "/v1/taggers/": "default"}


@schema.parametrize()
@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None)
def test_every_answer_is_as_described(case: schemathesis.Case[Any], described: tuple[Desk, dict[str, str]]) -> None:
    desk, there = described
    for beginning, known in there.items():
        if case.path.startswith(beginning) and next(_turns):
            case.path_parameters = dict.fromkeys(case.path_parameters or {}, known)
    key = desk.metrics_key if case.path == "/metrics" else desk.key

    case.call_and_validate(base_url=desk.url, headers={"Authorization": f"Bearer {key}"}, checks=CHECKS)
