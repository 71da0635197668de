"""Bad input, one kind after the other: a precise answer, and not a row of any table is another one afterwards."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.test import Client

from routing.models import EntryPoint, Flow, Queue
from tenants.public import CSP_TENANT_ID, Role, Tenant, tenant_scope
from tenants.services.tenancy import suspend_tenant
from tests.api import Api, assert_problem, program
from tests.factories import (
    ACTOR,
    PASSWORD,
    make_agent,
    make_customer,
    make_entry_point,
    make_flow,
    make_number,
    make_private_line,
    make_queue,
    make_site,
    make_skill,
    make_station,
    make_team,
    make_tenant,
    queue_flow,
)

VOLATILE = ("axes_", "django_session", "tenants_process", "tenants_apikey", "tenants_idempotencyrecord")
"""What a refused request may leave: that it was tried, by whom, and its answer to be repeated."""

TEN_MEGABYTES = 10_000_000


@dataclass
class World:
    """Two enterprises, and programs that act in one of them and for the provider."""

    acme: Tenant
    globex: Tenant
    api: Api
    operator: Api
    line: EntryPoint
    queue: Queue


Request = Callable[[World], Any]


@pytest.fixture
def world() -> World:
    acme, globex = make_tenant(slug="acme"), make_tenant(slug="globex")
    with tenant_scope(CSP_TENANT_ID, read_only=True):
        provider = Tenant.objects.get(id=CSP_TENANT_ID)
    queue = make_queue(acme, code="sales")
    make_agent(acme, number="7001")
    make_station(acme, extension="1001")
    make_private_line(globex)
    line = make_private_line(acme, queue=queue)
    return World(acme, globex, program(acme), program(provider, role=Role.OPERATOR), line, queue)


@pytest.fixture
def unchanged(admin_database_url: str) -> Callable[[], dict[str, str | None]]:
    """A function that returns a digest of each table's rows."""

    def look() -> dict[str, str | None]:
        with psycopg.connect(admin_database_url, autocommit=True) as connection:
            names = [row[0] for row in connection.execute("SELECT relname FROM pg_stat_user_tables ORDER BY relname")]
            return {name: _digest(connection, name) for name in names if not name.startswith(VOLATILE)}

    return look


def _digest(connection: psycopg.Connection, table: str) -> str | None:
    query = f'SELECT md5(string_agg(t::text, chr(10) ORDER BY t::text)) FROM "{table}" t'
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return str(row[0]) if row[0] else None


def log_in(**changes: str) -> Request:
    body = {"tenant": "acme", "number": "7001", "password": PASSWORD, "extension": "1001", **changes}
    return lambda _world: Api().send("agent-session/", body)


def publish(nodes: dict[str, Any], *, start: str = "a") -> Request:
    definition = {"schema": 1, "start": start, "nodes": nodes}
    return lambda world: world.api.send(f"flows/{world.line.flow_id}/versions/", {"definition": definition})


def idle_agent(world: World) -> Any:
    return Api().send("agent-session/", {"tenant": "acme", "number": "7009", "password": PASSWORD, "extension": "1001"})


def entry_point(world: World, **changes: Any) -> Any:
    body = {"code": "new", "name": "New", "flow": str(world.line.flow_id), **changes}
    return world.api.send("entry-points/", body)


TEXT = {"text": {"en": "Hello."}}
MENU = {"type": "menu", "prompt": TEXT, "keys": {"1": "menu"}, "on_timeout": "menu", "on_invalid": "menu"}
NOBODY = str(uuid4())

CASES: dict[str, tuple[Request, int, str, str | None]] = {
    "a log-in at an unknown company": (log_in(tenant="nobody"), 403, "who-unknown", None),
    "a number for an unknown tenant": (
        lambda world: world.operator.send("numbers/", {"e164": "+8675583660001", "tenant": NOBODY}),
        422,
        "invalid",
        "/tenant",
    ),
    "an unknown tenant to be suspended": (
        lambda world: world.operator.send(f"tenants/{NOBODY}/suspend/"),
        404,
        "not-found",
        None,
    ),
    "a tenant's code that is taken": (
        lambda world: world.operator.send(
            "tenants/",
            {
                "slug": "acme",
                "name": "Acme",
                "seats": 3,
                "administrator": {"email": "new@example.com", "name": "New", "password": PASSWORD},
            },
        ),
        409,
        "taken",
        "/slug",
    ),
    "a number that the same tenant has": (
        lambda world: world.operator.send("numbers/", {"e164": number_of(world), "tenant": str(world.acme.id)}),
        409,
        "number-taken",
        "/e164",
    ),
    "a number that is none": (
        lambda world: world.operator.send("numbers/", {"e164": "12", "tenant": str(world.acme.id)}),
        422,
        "invalid",
        "/e164",
    ),
    "a number that another service has": (
        lambda world: entry_point(world, number=str(world.line.number_id)),
        409,
        "taken",
        "/number",
    ),
    "a service without a published flow": (
        lambda world: entry_point(world, flow=unpublished(world)),
        422,
        "invalid",
        "/flow",
    ),
    "a flow that loops": (
        publish({"a": {"type": "language", "language": "en", "next": "a"}}),
        422,
        "flow-invalid",
        "/definition/nodes/a",
    ),
    "a flow that leads to no node": (
        publish({"a": {"type": "answer", "next": "b"}}),
        422,
        "flow-invalid",
        "/definition/nodes/a/next",
    ),
    "a flow from which no way leads out": (
        publish({"a": {"type": "answer", "next": "menu"}, "menu": {**MENU, "on_timeout": "menu"}}),
        422,
        "flow-invalid",
        "/definition/nodes/menu",
    ),
    "a flow into another tenant's queue": (
        publish({"a": {"type": "queue", "queue": "theirs"}}),
        422,
        "flow-invalid",
        "/definition/nodes/a/queue",
    ),
    "a flow that is a list": (
        lambda world: world.api.send(f"flows/{world.line.flow_id}/versions/", {"definition": []}),
        422,
        "flow-invalid",
        "/definition",
    ),
    "an agent with no skill": (idle_agent, 409, "agent-has-no-skill", None),
    "JSON that ends too early": (
        lambda world: world.api.send("skills/", b'{"code": "x",\n "name": '),
        400,
        "malformed-json",
        None,
    ),
    "a log-in in malformed JSON": (
        lambda _world: Api().send("agent-session/", b'{"tenant": "acme",}'),
        400,
        "malformed-json",
        None,
    ),
    "a change in malformed JSON": (
        lambda world: world.api.call("PATCH", f"queues/{world.queue.id}/", b"{"),
        400,
        "malformed-json",
        None,
    ),
    "ten megabytes": (
        lambda world: world.api.send("customers/", json.dumps({"name": "x" * TEN_MEGABYTES})),
        413,
        "body-too-large",
        None,
    ),
    "ten megabytes from nobody": (
        lambda _world: Api().send("agent-session/", b"[" * TEN_MEGABYTES),
        413,
        "body-too-large",
        None,
    ),
}


def number_of(world: World) -> str:
    with tenant_scope(world.acme.id, read_only=True):
        e164: str = EntryPoint.objects.select_related("number").get(id=world.line.id).number.e164
    return e164


def unpublished(world: World) -> str:
    with tenant_scope(world.acme.id, read_only=True):
        flow = Flow.objects.get(published=None)
    return str(flow.id)


@pytest.fixture
def spare(world: World) -> None:
    """A flow that was never published, and an agent without a skill."""
    with tenant_scope(world.acme.id):
        Flow.objects.create(code="draft", name="Draft")
    make_agent(world.acme, number="7009", skills={})
    make_queue(world.globex, code="theirs")


@pytest.mark.usefixtures("spare")
@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_told_precisely_and_changes_nothing(
    world: World, unchanged: Callable[[], dict[str, str | None]], case: str
) -> None:
    request, status, code, pointer = CASES[case]
    before = unchanged()
    problem = assert_problem(request(world), status, code)
    assert unchanged() == before
    if pointer is not None:
        assert pointer in [fault["pointer"] for fault in problem["errors"]], problem["errors"]
    if code == "malformed-json":
        assert problem["line"] >= 1
        assert problem["column"] >= 1


def test_a_taken_number_does_not_tell_by_whom(world: World, unchanged: Callable[[], dict[str, str | None]]) -> None:
    taken = make_number(world.globex).e164
    before = unchanged()
    body = {"e164": taken, "tenant": str(world.acme.id)}
    problem = assert_problem(world.operator.send("numbers/", body), 409, "number-taken")
    assert unchanged() == before
    assert "globex" not in json.dumps(problem).lower()


def test_a_suspended_tenant_is_refused_whatever_it_asks(
    world: World, unchanged: Callable[[], dict[str, str | None]]
) -> None:
    suspend_tenant(tenant_id=world.acme.id, actor=ACTOR)
    before = unchanged()
    for response in (
        world.api.read("queues/"),
        world.api.change(f"queues/{world.queue.id}/", {"name": "Mine"}),
        world.api.send("skills/", {"code": "x", "name": "X"}),
        log_in()(world),
    ):
        assert_problem(response, 403, "tenant-suspended")
    form = {"tenant": "acme", "number": "7001", "password": PASSWORD, "extension": "1001"}
    assert Client().post("/desk/login/", form).status_code == 403
    assert unchanged() == before


def test_what_is_another_tenants_is_not_found_and_stays(
    world: World, unchanged: Callable[[], dict[str, str | None]]
) -> None:
    theirs = world.globex
    rows: dict[str, Any] = {
        "skills": make_skill(theirs, "secret"),
        "agents": make_agent(theirs),
        "teams": make_team(theirs),
        "sites": make_site(theirs),
        "stations": make_station(theirs),
        "queues": make_queue(theirs),
        "customers": make_customer(theirs),
        "flows": make_flow(theirs, queue_flow(make_queue(theirs))),
    }
    rows["entry-points"] = make_entry_point(theirs, flow=rows["flows"])
    number = make_number(theirs)
    before = unchanged()
    for name, row in rows.items():
        path = f"{name}/{row.id}/"
        assert_problem(world.api.read(path), 404, "not-found")
        assert_problem(world.api.change(path, {"name": "Mine"}), 404, "not-found")
        if name != "agents":
            assert_problem(world.api.remove(path), 404, "not-found")
    for name, value in (("flow", rows["flows"].id), ("number", number.id)):
        problem = assert_problem(entry_point(world, **{name: str(value)}), 422, "invalid")
        assert [fault["pointer"] for fault in problem["errors"]] == [f"/{name}"]
    assert unchanged() == before


def test_a_good_request_is_noticed(world: World, unchanged: Callable[[], dict[str, str | None]]) -> None:
    """What the tests above rest on: that a change of one row shows."""
    before = unchanged()
    assert world.api.change(f"queues/{world.queue.id}/", {"name": "Other"}).status_code == 200
    changed = {name for name, digest in unchanged().items() if digest != before[name]}
    assert changed == {"routing_queue", "tenants_auditentry"}
