"""Who may ask for what: every route, with no key, with a wrong one, and with another tenant's ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from fastapi.routing import iter_route_contexts

from api.app import routed
from jobs.keys import KeyScope
from tests.api.desk import CORPUS, asked, opened, problem
from tests.jobs.building import made_tagger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.api.desk import Desk

#: Every route that names something of a tenant: the request for another's job and file, and the code of the answer.
NAMING: dict[str, tuple[Callable[[str, str], dict[str, Any]], str]] = {
    "GET /v1/files/{id}": (lambda _job, file: {"path": f"/v1/files/{file}"}, "unknown_file"),
    "POST /v1/jobs": (lambda _job, file: {"path": "/v1/jobs", "json": asked(file)}, "unknown_file"),
    "GET /v1/jobs/{id}": (lambda job, _file: {"path": f"/v1/jobs/{job}"}, "unknown_job"),
    "POST /v1/jobs/{id}/cancel": (lambda job, _file: {"path": f"/v1/jobs/{job}/cancel"}, "unknown_job"),
    "POST /v1/jobs/{id}/retry": (lambda job, _file: {"path": f"/v1/jobs/{job}/retry"}, "unknown_job"),
    "GET /v1/jobs/{id}/events": (lambda job, _file: {"path": f"/v1/jobs/{job}/events"}, "unknown_job"),
    "GET /v1/jobs/{id}/escalations": (lambda job, _file: {"path": f"/v1/jobs/{job}/escalations"}, "unknown_job"),
    "GET /v1/jobs/{id}/results": (lambda job, _file: {"path": f"/v1/jobs/{job}/results"}, "unknown_job"),
    "GET /v1/jobs/{id}/errors": (lambda job, _file: {"path": f"/v1/jobs/{job}/errors"}, "unknown_job"),
    "GET /v1/jobs/{id}/documents": (lambda job, _file: {"path": f"/v1/jobs/{job}/documents"}, "unknown_job"),
}
#: The same of taggers, whose names are no ids.
OF_TAGGERS = {"GET /v1/taggers/{name}", "POST /v1/taggers/{name}/promote", "POST /v1/taggers/{name}/rollback"}
#: Routes that need a key and name no file, job or tagger.
KEYED = {
    "POST /v1/files",
    "GET /v1/files",
    "GET /v1/jobs",
    "GET /v1/taggers",
    "GET /metrics",
    "GET /openapi.json",
}
NO_JOB, NO_FILE = "job_" + "0" * 20, "file_" + "0" * 20
OPEN = {"GET /healthz", "GET /readyz"}


def routes() -> list[str]:
    """Every route of the application, as `METHOD path`."""
    contexts = iter_route_contexts(routed().routes)
    return sorted(f"{method} {route.path}" for route in contexts for method in route.methods or ())


@pytest.fixture(scope="module")
def two_tenants(
    postgres_url: str, postgresql_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Desk, str]]:
    """The service on PostgreSQL, whose own tenant has work, and a key of another."""
    from tests.conftest import _database

    with (
        _database(postgres_url, template=postgresql_template) as url,
        opened(url, tmp_path_factory.mktemp("tenants")) as desk,
    ):
        yield desk, desk.other_tenant()


def test_every_route_is_listed_here() -> None:
    assert set(routes()) == {*NAMING, *OF_TAGGERS, *KEYED, *OPEN}


@pytest.mark.parametrize("route", NAMING)
def test_what_is_anothers_does_not_exist(two_tenants: tuple[Desk, str], route: str) -> None:
    # Given a job and a file of one tenant
    desk, other = two_tenants
    file = desk.upload()
    job_id = desk.submit(file)
    before = desk.get(f"/v1/jobs/{job_id}").json()
    make, code = NAMING[route]
    method = route.split()[0]

    # When another asks for them by their ids, and for ids that never were
    answer = desk.ask(method, key=other, **make(job_id, file))
    never = desk.ask(method, key=other, **make(NO_JOB, NO_FILE))

    # Then they do not exist, in the same words, and nothing happened to them
    told, untold = problem(answer), problem(never)
    assert (answer.status_code, told["code"]) == (404, code)
    assert blank(told["detail"], job_id, file) == blank(untold["detail"], NO_JOB, NO_FILE)
    assert desk.get(f"/v1/jobs/{job_id}").json() == before


def blank(text: str, *ids: str) -> str:
    for each in ids:
        text = text.replace(each, "")
    return text


def test_lists_show_ones_own_alone(two_tenants: tuple[Desk, str]) -> None:
    desk, other = two_tenants
    desk.submit()

    for path in ("/v1/files", "/v1/jobs"):
        assert desk.get(path).json()["data"] != []
        assert desk.ask("GET", path, key=other).json()["data"] == []


def test_anothers_tagger_does_not_exist(two_tenants: tuple[Desk, str]) -> None:
    # Given a tagger of one tenant
    desk, other = two_tenants
    mine = made_tagger(desk.ledger, "jazz", tenant="local").full_name
    assert desk.get("/v1/taggers/jazz").json()["name"] == mine

    for name in ("jazz", mine):
        # When another asks for it, and for one that never was
        answer = desk.ask("GET", f"/v1/taggers/{name}", key=other)
        never = desk.ask("GET", "/v1/taggers/blues", key=other)

        # Then it does not exist, in the same words, and no job can name it
        assert (answer.status_code, problem(answer)["code"]) == (404, "unknown_tagger")
        assert blank(problem(answer)["detail"], name) == blank(problem(never)["detail"], "blues")
        file = desk.ask("POST", "/v1/files", key=other, content=CORPUS).json()["id"]
        refused = desk.ask("POST", "/v1/jobs", key=other, json=asked(file, tagger=name))
        assert (refused.status_code, problem(refused)["code"]) == (422, "unknown_tagger")

    # And no adaptation can build on it
    refused = desk.ask("POST", "/v1/jobs", key=other, json=asked(file, kind="adapt", name="soul", tagger=mine))
    assert (refused.status_code, problem(refused)["code"]) == (422, "unknown_tagger")

    # And is in no list of theirs
    listed = desk.ask("GET", "/v1/taggers", key=other).json()["data"]
    assert [each["name"] for each in listed] == ["compact", "default", "typer"]


@pytest.mark.parametrize("route", sorted(OF_TAGGERS))
def test_nobody_moves_anothers_tagger(two_tenants: tuple[Desk, str], route: str) -> None:
    # Given a name of one tenant that could be promoted and rolled back
    desk, other = two_tenants
    name = f"soul{sorted(OF_TAGGERS).index(route)}"
    versions = [made_tagger(desk.ledger, name, tenant="local").full_name for _ in range(2)]
    method, path = route.split()
    before = desk.get("/v1/taggers").json()

    # When another asks for it, in both forms that a name has, and for one that never was
    for one, never in ((versions[0], "blues@1"), (name, "blues")):
        answer = desk.ask(method, path.format(name=one), key=other)
        unknown = desk.ask(method, path.format(name=never), key=other)

        # Then it cannot be told from that one
        assert (answer.status_code, problem(answer)["code"]) == (unknown.status_code, problem(unknown)["code"])
        assert answer.status_code in (404, 422)
        assert blank(problem(answer)["detail"], one, name) == blank(problem(unknown)["detail"], never, "blues")

    # And nothing happened to it
    assert desk.get("/v1/taggers").json() == before


def test_another_may_have_a_tagger_of_the_same_name(two_tenants: tuple[Desk, str]) -> None:
    desk, _other = two_tenants
    third = desk.ledger.create_key("third", KeyScope.TENANT, None)[1]
    for tenant in ("local", "third"):
        for _ in range(2):
            made_tagger(desk.ledger, "funk", tenant=tenant)

    assert desk.ask("POST", "/v1/taggers/funk/rollback", key=third).json()["name"] == "funk@1"

    assert desk.ask("GET", "/v1/taggers/funk", key=third).json()["name"] == "funk@1"
    assert desk.get("/v1/taggers/funk").json()["name"] == "funk@2"


def test_the_ids_of_a_page_do_not_lead_into_anothers(two_tenants: tuple[Desk, str]) -> None:
    desk, other = two_tenants
    desk.submit()
    later = desk.submit()

    assert desk.ask("GET", f"/v1/jobs?after={later}", key=other).json()["data"] == []


@pytest.mark.parametrize("route", sorted({*NAMING, *OF_TAGGERS, *KEYED}))
@pytest.mark.parametrize(
    "header",
    [
        None,
        "Bearer",
        "Bearer x",
        "Bearer tw_aaaaaaaaaa_" + "x" * 43,
        "Basic dHc6eA==",
        "bearer \x80",
        "Bearer " + "x" * 9000,
    ],
)
def test_without_a_key_nothing_opens(shared_desk: Desk, route: str, header: str | None) -> None:
    method, path = route.split()
    headers = {} if header is None else {b"Authorization": header.encode("latin-1")}

    # Neither a bad parameter nor a bad body is told of to somebody without a key.
    answer = shared_desk.http.request(
        method, path.format(id="job_x", name="x") + "?unknown=1", headers=headers, content=b"{" * (method == "POST")
    )

    assert (answer.status_code, problem(answer)["code"]) == (401, "unauthorized")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("route", sorted({*NAMING, *OF_TAGGERS, *KEYED} - {"GET /metrics", "GET /openapi.json"}))
def test_a_key_for_figures_opens_nothing_else(shared_desk: Desk, route: str) -> None:
    method, path = route.split()

    answer = shared_desk.ask(method, path.format(id="job_x", name="x"), key=shared_desk.metrics_key)

    assert (answer.status_code, problem(answer)["code"]) == (403, "forbidden")


def test_a_tenants_key_opens_no_figures(shared_desk: Desk) -> None:
    answer = shared_desk.get("/metrics")

    assert (answer.status_code, problem(answer)["code"]) == (403, "forbidden")


def test_a_revoked_key_opens_nothing(desk: Desk) -> None:
    key = desk.ledger.authenticate(desk.key)
    assert key is not None
    desk.ledger.revoke_key(key.id)

    assert desk.get("/v1/jobs").status_code == 401


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_needs_no_key(shared_desk: Desk, path: str) -> None:
    assert shared_desk.http.get(path).status_code == 200
