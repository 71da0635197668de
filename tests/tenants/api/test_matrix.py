"""Every operation of the API, found by walking its addresses: whose ids it takes, whom it lets in, and its document."""

import re
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import EndpointEnumerator, SchemaGenerator

from routing.models import Disposition, RoutingPolicy
from tenants.api.views import TenantView
from tenants.public import CSP_TENANT_ID, ApiKey, Membership, Role, Tenant, tenant_scope
from tests.api import Api, assert_problem, make_key, program
from tests.factories import (
    PASSWORD,
    make_account_agent,
    make_agent,
    make_customer,
    make_flow,
    make_number,
    make_person,
    make_private_line,
    make_queue,
    make_reason,
    make_session,
    make_site,
    make_skill,
    make_station,
    make_team,
    make_tenant,
    queue_flow,
)
from tests.routing.backups import announcement, begin, make_plan
from tests.routing.call_backs import asked, make_rule
from tests.routing.calls import make_line
from tests.routing.work import letter

LOG_IN = ("POST", "/api/v1/agent-session/")
"""The only operation for somebody who is not signed in."""


def operations() -> list[tuple[str, str, type[TenantView]]]:
    """Return (method, address, view class) of every operation, the OpenAPI document's own left out."""
    return [
        (method, path, callback.cls)
        for path, _regex, method, callback in EndpointEnumerator().get_api_endpoints()  # type: ignore[no-untyped-call]  # the library's
        if path.startswith("/api/") and issubclass(callback.cls, TenantView)
    ]


ALL = operations()
HERE = ("tenants.", "agents.", "routing.")
WITH_ID = [(method, path) for method, path, view in ALL if "{" in path and view.__module__.startswith(HERE)]
"""Billing and reporting have tests of their own for their ids."""


def noun(path: str) -> str:
    """Return the collection that an address is about: "queues" of /api/v1/queues/{id}/."""
    return path.removeprefix("/api/v1/").split("/")[0]


def some_address(path: str) -> str:
    """Return the address with ids that exist nowhere."""
    return re.sub(r"\{\w+\}", str(uuid4()), path).removeprefix("/api/v1/")


def _membership(tenant: Tenant) -> UUID:
    user = make_person(tenant)
    with tenant_scope(tenant.id, read_only=True):
        return UUID(str(Membership.objects.get(user=user).id))


def _disposition(tenant: Tenant) -> UUID:
    with tenant_scope(tenant.id):
        return UUID(str(Disposition.objects.create(name="Sold").id))


def _policy(tenant: Tenant) -> UUID:
    with tenant_scope(tenant.id):
        return UUID(str(RoutingPolicy.objects.create().id))


def _key(tenant: Tenant) -> UUID:
    made = make_key(tenant)
    with tenant_scope(tenant.id, read_only=True):
        return UUID(str(ApiKey.objects.get(prefix=made.split(".")[0]).id))


MAKERS: dict[str, Callable[[Tenant], UUID]] = {
    "customers": lambda tenant: make_customer(tenant).id,
    "members": _membership,
    "api-keys": _key,
    "numbers": lambda tenant: make_number(tenant).id,
    "agents": lambda tenant: make_agent(tenant).id,
    "account-agents": make_account_agent,
    "skills": lambda tenant: make_skill(tenant).id,
    "teams": lambda tenant: make_team(tenant).id,
    "sites": lambda tenant: make_site(tenant).id,
    "stations": lambda tenant: make_station(tenant).id,
    "not-ready-reasons": lambda tenant: make_reason(tenant).id,
    "queues": lambda tenant: make_queue(tenant).id,
    "dispositions": _disposition,
    "routing-policies": _policy,
    "flows": lambda tenant: make_flow(tenant, queue_flow(make_queue(tenant))).id,
    "entry-points": lambda tenant: make_private_line(tenant).id,
    "call-backs": lambda tenant: asked(make_line(tenant)).id,
    "work-items": lambda tenant: letter(make_line(tenant)).id,
    "call-back-rules": lambda tenant: make_rule(make_private_line(tenant)).id,
    "backup-plans": lambda tenant: make_plan(make_line(tenant), announcement()).id,
    "backup-activations": lambda tenant: begin(make_plan(make_line(tenant), announcement())).id,
}
"""How a row of another tenant is made, for each collection. Contacts and offers are in tests/routing/api."""

ELSEWHERE = {"contacts", "offers"}
PLATFORM = {"tenants", "trunks", "barred-prefixes"}
"""The operator's."""
BODIES: dict[str, Any] = {"members": {"role": "supervisor"}, "contacts": {"reason": "other", "queue": "sales"}}


def administrator(tenant: Tenant) -> Api:
    return program(tenant)


def operator() -> Api:
    with tenant_scope(CSP_TENANT_ID, read_only=True):
        provider = Tenant.objects.get(id=CSP_TENANT_ID)
    return program(provider, role=Role.OPERATOR)


def test_every_collection_is_in_the_matrix() -> None:
    assert {noun(path) for _method, path in WITH_ID} == MAKERS.keys() | ELSEWHERE | PLATFORM


@pytest.mark.parametrize(("method", "path"), [pair for pair in WITH_ID if noun(pair[1]) in MAKERS])
def test_a_foreign_id_and_a_missing_one_are_answered_alike(method: str, path: str) -> None:
    """fusionpbx#313, precogly#441: another tenant's data through a nested id or a query parameter."""
    acme, other = make_tenant(), make_tenant()
    api = administrator(acme)
    body = BODIES.get(noun(path), {})
    answers = []
    foreign = MAKERS[noun(path)](other)
    for identifier in (foreign, uuid4()):
        address = re.sub(r"\{\w+\}", str(identifier), path).removeprefix("/api/v1/")
        response = api.call(method, address, None if method == "GET" else body)
        if noun(path) == "numbers" and method == "DELETE":
            assert_problem(response, 403, "missing-right")
        else:
            assert response.status_code == 404, response.content
        answer = response.json()
        answers.append({name: answer[name] for name in ("status", "code", "title", "detail")})
    assert answers[0] == answers[1]
    kept = administrator(other).read(f"{noun(path)}/?page_size=200").json()["results"]
    assert str(foreign) in [row["id"] for row in kept]


@pytest.mark.parametrize(("method", "path"), [pair for pair in WITH_ID if noun(pair[1]) in PLATFORM | ELSEWHERE])
def test_a_missing_id_is_not_found(method: str, path: str) -> None:
    acme = make_tenant()
    agent, station, browser = make_agent(acme), make_station(acme), Api()
    body = {"tenant": acme.slug, "number": agent.number, "password": PASSWORD, "extension": station.extension}
    assert browser.send("agent-session/", body).status_code == 201
    callers = {name: operator() for name in PLATFORM} | {"contacts": administrator(acme), "offers": browser}
    sent = None if method == "GET" else BODIES.get(noun(path), {})
    assert callers[noun(path)].call(method, some_address(path), sent).status_code == 404


def test_nobody_is_let_in() -> None:
    for method, path, _view in ALL:
        response = Api().call(method, some_address(path), None if method == "GET" else {})
        if (method, path) == LOG_IN:
            assert_problem(response, 422, "invalid")
        else:
            assert_problem(response, 401, "not-authenticated")


def test_every_operation_needs_a_right() -> None:
    """A caller whose role has no right at all gets nowhere but to their own description."""
    nobody = program(make_tenant(), role="nobody")
    for method, path, _view in ALL:
        response = nobody.call(method, some_address(path), None if method == "GET" else {})
        if path == "/api/v1/me/":
            assert response.status_code == 200
        elif (method, path) == LOG_IN:
            assert_problem(response, 422, "invalid")
        else:
            assert_problem(response, 403, "missing-right")


def lists() -> Iterator[str]:
    for method, path, view in ALL:
        if method == "GET" and "{" not in path and hasattr(view, "model") and view.__module__.startswith(HERE):
            yield path.removeprefix("/api/v1/")


@pytest.mark.parametrize("path", list(lists()))
def test_lists_show_the_callers_tenant_only(path: str) -> None:
    acme, other = make_tenant(), make_tenant()
    if path.rstrip("/") in MAKERS:
        MAKERS[path.rstrip("/")](other)
    make_session(other)
    caller = operator() if path.rstrip("/") in PLATFORM else administrator(acme)
    query = f"?tenant={other.id}&tenant_id={other.id}&tenant__id={other.id}"
    rows = caller.read(path + query).json()["results"]
    if path == "tenants/":
        assert str(other.id) in [row["id"] for row in rows]
    elif path == "api-keys/":
        assert len(rows) == 1
    elif path == "barred-prefixes/":
        assert {row["why"] for row in rows} == {"premium", "emergency", "forbidden"}
    else:
        assert rows == []


@pytest.mark.nodb
def test_the_openapi_document_is_complete(capsys: pytest.CaptureFixture[str]) -> None:
    GENERATOR_STATS.reset()
    document = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]  # the library's
    assert not GENERATOR_STATS, capsys.readouterr().err
    problem = document["paths"]["/api/v1/queues/"]["post"]["responses"]["422"]["content"]
    assert list(problem) == ["application/problem+json"]
    names = [parameter["name"] for parameter in document["paths"]["/api/v1/queues/"]["post"]["parameters"]]
    assert "Idempotency-Key" in names
    assert len({method + path for method, path, _view in ALL}) == sum(len(item) for item in document["paths"].values())


@pytest.mark.nodb
def test_the_documentation_needs_nothing_from_elsewhere() -> None:
    page = Api().get("/api/v1/docs/")
    assert page.status_code == 200
    html = page.content.decode()
    assert all(script == "" for script in re.findall(r"<script[^>]*>([^<]*)</script>", html))
    sources = re.findall(r'(?:src|href)="([^"]+)"', html)
    assert sources
    assert all(source.startswith("/") and not source.startswith("//") for source in sources)
    policy = page["Content-Security-Policy"]
    assert "script-src 'self';" in policy + ";"
    assert "'unsafe-eval'" not in policy
    assert Api().get("/api/v1/schema/").status_code == 200
