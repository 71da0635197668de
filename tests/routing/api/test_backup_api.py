"""Backup plans over HTTP: written, refused, activated, taken back, read; by whom and by whom not."""

from __future__ import annotations

from typing import Any

import pytest

from routing.models import BackupPlan
from routing.services.backup import run_step
from tenants.public import CSP_TENANT_ID, Role, Tenant, tenant_scope
from tests import factories
from tests.api import Api, assert_problem, program, signed_in
from tests.routing.backups import (
    MOBILE,
    activations_of,
    announcement,
    end,
    in_force,
    make_plan,
    number_of,
    take_steps,
)
from tests.routing.calls import Line, make_line
from tests.statements import statements_sent


def operator() -> Api:
    with tenant_scope(CSP_TENANT_ID, read_only=True):
        provider = Tenant.objects.get(id=CSP_TENANT_ID)
    return program(provider, role=Role.OPERATOR)


def body(line: Line, *routes: dict[str, Any], **rules: Any) -> dict[str, Any]:
    return {"number": str(number_of(line).id), "routes": list(routes), **rules}


MOBILE_ROUTE = {"kind": "dial", "destination": "00 44 7700 900500", "ring_seconds": 15}
CLOSED = {"kind": "announce", "announcement": {"en": "Closed.", "zh-hans": "已关闭。"}}


def test_a_plan_is_written_read_activated_and_taken_back() -> None:
    line = make_line()
    api = program(line.tenant)
    other = factories.make_queue(line.tenant)
    to_queue = {"kind": "queue", "queue": str(other.id), "takes_waiting": True}
    made = api.send("backup-plans/", body(line, to_queue, MOBILE_ROUTE, CLOSED, queue=str(line.queue.id)))
    assert made.status_code == 201, made.content
    plan = made.json()
    assert [route["kind"] for route in plan["routes"]] == ["queue", "dial", "announce"]
    assert plan["routes"][1]["destination"] == MOBILE
    assert (plan["state"], plan["activation"]) == ("inactive", None)
    active = api.send(f"backup-plans/{plan['id']}/activate/").json()
    assert (active["state"], active["activation"]["cause"]) == ("activating", "hand")
    (activation,) = activations_of(_plan(line.tenant, plan["id"]))
    take_steps(activation)
    assert api.read(f"backup-plans/{plan['id']}/").json()["state"] == "active"
    assert api.send(f"backup-plans/{plan['id']}/fail-back/").json()["state"] == "failing_back"
    take_steps(activation)
    history = api.read(f"backup-activations/?plan={plan['id']}").json()["results"]
    assert [(row["state"], [step for step, _at in row["steps"]]) for row in history] == [
        ("inactive", ["check", "divert", "move", "confirm", "restore", "close"])
    ]


def _plan(tenant: Tenant, plan_id: str) -> Any:
    with tenant_scope(tenant.id, read_only=True):
        return BackupPlan.objects.get(id=plan_id)


def test_routes_that_must_not_be_are_refused_each_with_its_place() -> None:
    line = make_line()
    routes = (CLOSED, {"kind": "dial", "destination": "999"}, {"kind": "dial", "destination": "+449012345678"})
    answer = program(line.tenant).send("backup-plans/", body(line, *routes))
    problem = assert_problem(answer, 422, "backup-routes-refused")
    assert [(error["pointer"], error["code"]) for error in problem["errors"]] == [
        ("/routes/1/destination", "emergency"),
        ("/routes/2/destination", "premium"),
    ]


def test_a_change_replaces_all_routes_or_leaves_them() -> None:
    line = make_line()
    plan = make_plan(line, announcement())
    api = program(line.tenant)
    changed = api.change(f"backup-plans/{plan.id}/", {"after_seconds": 45}).json()
    assert (changed["after_seconds"], len(changed["routes"])) == (45, 1)
    changed = api.change(f"backup-plans/{plan.id}/", {"routes": [MOBILE_ROUTE, CLOSED]}).json()
    assert (changed["after_seconds"], [route["kind"] for route in changed["routes"]]) == (45, ["dial", "announce"])


def test_an_activation_that_cannot_be_is_told_why() -> None:
    line = make_line()
    plan = make_plan(line)
    api = program(line.tenant)
    assert_problem(api.send(f"backup-plans/{plan.id}/activate/"), 422, "no-routes")
    assert_problem(api.send(f"backup-plans/{plan.id}/fail-back/"), 409, "backup-not-in-force")


@pytest.mark.parametrize(("role", "status"), [("administrator", 200), ("supervisor", 403), ("agent", 403)])
def test_only_administrators_activate(role: str, status: int) -> None:
    line = make_line()
    plan = make_plan(line, announcement())
    assert signed_in(line.tenant, role=role).send(f"backup-plans/{plan.id}/activate/").status_code == status
    assert len(activations_of(plan)) == (1 if status == 200 else 0)


def test_a_supervisor_sees_plans_and_changes_none() -> None:
    line = make_line()
    plan = make_plan(line, announcement())
    api = program(line.tenant, role=Role.SUPERVISOR)
    assert api.read("backup-plans/").json()["results"][0]["id"] == str(plan.id)
    assert_problem(api.change(f"backup-plans/{plan.id}/", {"after_seconds": 9}), 403, "missing-right")


def test_the_operator_activates_an_enterprises_plan_and_the_history_says_so() -> None:
    line = make_line()
    plan = make_plan(line, announcement())
    here = f"tenants/{line.tenant.id}/backup-plans"
    api = operator()
    assert [row["id"] for row in api.read(f"{here}/").json()["results"]] == [str(plan.id)]
    assert api.send(f"{here}/{plan.id}/activate/").json()["state"] == "activating"
    (activation,) = activations_of(plan)
    assert activation.started_by.startswith("key:")
    run_step(tenant_id=line.tenant.id, activation_id=activation.id)
    assert api.send(f"{here}/{plan.id}/fail-back/").json()["state"] == "failing_back"
    assert_problem(program(line.tenant).read(f"{here}/"), 403, "missing-right")


def test_the_operator_keeps_trunks_and_barred_prefixes() -> None:
    api = operator()
    trunk = api.send("trunks/", {"name": "carrier-1", "node": "node1", "shows": "caller"}).json()
    assert api.change(f"trunks/{trunk['id']}/", {"active": False}).json()["active"] is False
    assert_problem(api.send("trunks/", {"name": "not an endpoint"}), 422, "invalid")
    assert_problem(api.send("trunks/", {"name": "carrier-1", "node": "node1"}), 409, "taken")
    assert api.remove(f"trunks/{trunk['id']}/").status_code == 204
    prefix = api.send("barred-prefixes/", {"prefix": "+4470", "why": "premium", "note": "UK 070"}).json()
    assert api.remove(f"barred-prefixes/{prefix['id']}/").status_code == 204
    assert_problem(api.send("barred-prefixes/", {"prefix": "070"}), 422, "invalid")
    assert_problem(program(factories.make_tenant()).read("trunks/"), 403, "missing-right")


def test_a_list_takes_as_many_queries_for_many_plans_as_for_one() -> None:
    first = make_line()
    make_plan(first, announcement())
    api = program(first.tenant)
    api.read("backup-plans/")
    counts = []
    for _ in range(2):
        with statements_sent() as queries:
            assert api.read("backup-plans/").status_code == 200
        counts.append(len(queries))
        for _more in range(3):
            make_plan(make_line(first.tenant), announcement(), announcement())
    assert counts[0] == counts[1]


def test_a_number_in_force_stays_with_its_service() -> None:
    line = make_line()
    api = program(line.tenant)
    service = api.read("entry-points/").json()["results"][0]
    free = str(factories.make_number(line.tenant).id)
    activation = in_force(line, announcement())
    refused = assert_problem(api.change(f"entry-points/{service['id']}/", {"number": free}), 422, "invalid")
    assert refused["errors"][0]["pointer"] == "/number"
    assert api.change(f"entry-points/{service['id']}/", {"name": "Renamed"}).status_code == 200
    end(activation)
    assert api.change(f"entry-points/{service['id']}/", {"number": free}).json()["number"] == free
