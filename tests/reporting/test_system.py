"""What the operator is told of the platform's own runs and exceptions."""

from __future__ import annotations

import os
import uuid

import pytest

from config.runs import told_run
from tenants.public import CSP_TENANT_ID, Role, Tenant, engine_scope, note_system, tell_system, tenant_scope
from tests.api import Api, assert_problem, program
from tests.factories import make_tenant


@pytest.fixture
def operator() -> Api:
    with tenant_scope(CSP_TENANT_ID, read_only=True):
        provider = Tenant.objects.get(id=CSP_TENANT_ID)
    return program(provider, role=Role.OPERATOR)


def test_a_run_is_told_from_beginning_to_end(operator: Api) -> None:
    with pytest.raises(RuntimeError), told_run("engine", node="node7"):
        raise RuntimeError

    ended, begun = operator.read("system-events/?sort=run").json()["results"]

    assert [event["kind"] for event in (begun, ended)] == ["process.started", "process.stopped"]
    assert begun["details"] == ended["details"]
    assert (begun["details"]["process"], begun["details"]["pid"], begun["node"]) == ("engine", os.getpid(), "node7")


def test_exceptions_are_told_apart_and_paged(operator: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reporting.api.system.LIMIT", 2)
    for failures in (1, 2, 3):
        tell_system("timer.put_off", timer="wrap-up", subject=uuid.uuid4(), failures=failures)
    tell_system("exchange.connected", node="node1")

    page = operator.read("system-events/?sort=exception").json()
    following = operator.read(f"system-events/?sort=exception&before={page['before']}").json()

    assert [event["details"]["failures"] for event in (*page["results"], *following["results"])] == [3, 2, 1]
    assert following["before"] is None
    assert [event["kind"] for event in operator.read("system-events/?kind=exchange.connected").json()["results"]] == [
        "exchange.connected"
    ]
    assert_problem(operator.read("system-events/?kind=nothing"), 422, "invalid")


def test_it_belongs_to_the_scope_that_it_is_noted_in() -> None:
    with engine_scope() as scope:
        note_system("sweep.caught", pool=uuid.uuid4(), offers=1)
        scope.roll_back()
    with engine_scope():
        note_system("sweep.caught", pool=uuid.uuid4(), offers=2)

    with tenant_scope(CSP_TENANT_ID, read_only=True):
        provider = Tenant.objects.get(id=CSP_TENANT_ID)
    found = program(provider, role=Role.OPERATOR).read("system-events/").json()["results"]
    assert [event["details"]["offers"] for event in found] == [2]


@pytest.mark.parametrize("role", [Role.ADMINISTRATOR, Role.SUPERVISOR, Role.AGENT])
def test_nobody_but_the_operator_sees_it(role: str) -> None:
    assert_problem(program(make_tenant(), role=role).read("system-events/"), 403, "missing-right")
