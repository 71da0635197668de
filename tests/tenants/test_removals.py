"""The administration's pages that remove, release and change what others may need: by services, with their rules."""

from __future__ import annotations

import html
from typing import Any

import pytest
from django.urls import reverse

from agents.public import Skill, Station
from routing.models import Queue
from tenants.public import CSP_TENANT_ID, Membership, Number, Role, Tenant, User, tenant_scope
from tests.api import Api, assert_problem, program, signed_in
from tests.factories import (
    make_number,
    make_person,
    make_private_line,
    make_queue,
    make_session,
    make_skill,
    make_station,
    make_tenant,
)

FIELDS = {
    "preference": "longest_idle",
    "affinity_seconds": 0,
    "affinity_days": 30,
    "account_seconds": 0,
    "most_waiting": 0,
    "priority": 0,
    "weight_seconds": 0,
    "ring_seconds": 20,
    "wrap_up_seconds": 30,
    "target_seconds": 15,
    "target_percent": 80,
    "short_abandon_seconds": 5,
    "announce_seconds": 30,
    "music_class": "default",
    "active": "on",
}


@pytest.fixture
def acme() -> Tenant:
    return make_tenant()


@pytest.fixture
def browser(acme: Tenant) -> Api:
    return signed_in(acme)


def provider() -> Tenant:
    with tenant_scope(CSP_TENANT_ID, read_only=True):
        return Tenant.objects.get(id=CSP_TENANT_ID)


def page(kind: str, what: str, *args: Any) -> str:
    return reverse(f"admin:{kind}_{what}", args=args)


def remove(browser: Api, kind: str, row_id: Any) -> Any:
    """Open the page that asks, and say yes."""
    address = page(kind, "delete", row_id)
    assert browser.get(address).status_code == 200
    return browser.post(address)


def text(response: Any) -> str:
    return html.unescape(response.content.decode())


def membership_of(tenant: Tenant, user: User) -> Membership:
    with tenant_scope(tenant.id, read_only=True):
        row: Membership = Membership.objects.get(user=user)
    return row


def test_a_member_is_removed_but_not_the_last_administrator(acme: Tenant, browser: Api) -> None:
    sue = membership_of(acme, make_person(acme, role=Role.SUPERVISOR))
    assert page("tenants_membership", "delete", sue.id) in text(
        browser.get(page("tenants_membership", "change", sue.id))
    )
    assert remove(browser, "tenants_membership", sue.id).status_code == 302
    with tenant_scope(acme.id, read_only=True):
        last = Membership.objects.get()
    refused = remove(browser, "tenants_membership", last.id)
    assert refused.status_code == 200
    assert "This is the last one with the role administrator" in text(refused)
    with tenant_scope(acme.id, read_only=True):
        assert Membership.objects.get() == last


def test_a_member_of_another_tenant_is_not_there(browser: Api) -> None:
    other = make_tenant()
    theirs = membership_of(other, make_person(other, role=Role.SUPERVISOR))
    assert browser.get(page("tenants_membership", "delete", theirs.id)).status_code == 404
    assert browser.post(page("tenants_membership", "delete", theirs.id)).status_code == 404
    assert membership_of(other, theirs.user) == theirs


def test_many_are_not_removed_past_the_rules(acme: Tenant, browser: Api) -> None:
    sue = membership_of(acme, make_person(acme, role=Role.SUPERVISOR))
    chosen = {"action": "delete_selected", "_selected_action": str(sue.id), "post": "yes"}
    browser.post(page("tenants_membership", "changelist"), chosen)
    assert membership_of(acme, sue.user) == sue


def test_the_operator_takes_a_number_back_and_gives_it_to_another(acme: Tenant) -> None:
    operator, other = signed_in(provider(), role=Role.OPERATOR), make_tenant()
    number = make_number(acme, e164="+8675583660001")
    assert page("tenants_number", "delete", number.id) in text(
        operator.get(page("tenants_number", "change", number.id))
    )
    assert remove(operator, "tenants_number", number.id).status_code == 302
    body = {"e164": "+8675583660001", "tenant": str(other.id)}
    assert operator.post(page("tenants_number", "add"), body).status_code == 302
    with tenant_scope(other.id, read_only=True):
        assert Number.objects.get().e164 == "+8675583660001"
    with tenant_scope(acme.id, read_only=True):
        assert not Number.objects.exists()


def test_a_number_that_callers_reach_a_service_by_stays(acme: Tenant, browser: Api) -> None:
    operator, line = signed_in(provider(), role=Role.OPERATOR), make_private_line(acme)
    refused = remove(operator, "tenants_number", line.number_id)
    assert refused.status_code == 200
    assert "entry points still need it" in text(refused)
    assert browser.get(page("tenants_number", "delete", line.number_id)).status_code == 403
    with tenant_scope(acme.id, read_only=True):
        assert Number.objects.count() == 1


def test_a_skill_that_a_queue_requires_stays_and_names_it(acme: Tenant, browser: Api) -> None:
    make_queue(acme, name="Sales", requires={"loans": 3})
    loans, spare = make_skill(acme, "loans", "Loans"), make_skill(acme, "spare")
    refused = remove(browser, "agents_skill", loans.id)
    assert "required by the queues Sales" in text(refused)
    problem = assert_problem(program(acme).remove(f"skills/{loans.id}/"), 409, "skill-required")
    assert problem["queues"] == ["Sales"]
    assert remove(browser, "agents_skill", spare.id).status_code == 302
    with tenant_scope(acme.id, read_only=True):
        assert list(Skill.objects.values_list("code", flat=True)) == ["loans"]


def test_a_queue_is_changed_and_removed_by_its_rules(acme: Tenant, browser: Api) -> None:
    line_queue, spare = make_queue(acme, name="Sales"), make_queue(acme, name="Spare")
    make_private_line(acme, queue=line_queue)
    make_skill(acme, "loans")
    address = page("routing_queue", "change", line_queue.id)
    assert "english" in text(browser.get(address))
    body = {"name": "Selling", "requires": "loans >= 2", **FIELDS}
    assert browser.post(address, body).status_code == 302
    for fault, said in (
        ({"active": ""}, "Callers come to the queue Selling"),
        ({"requires": "nothing >= 2"}, "There is no skill with the code nothing"),
        ({"ring_seconds": "500"}, "120"),
    ):
        refused = browser.post(address, {**body, "name": "Other", **fault})
        assert refused.status_code == 200, fault
        assert said in text(refused)
    with tenant_scope(acme.id, read_only=True):
        row = Queue.objects.get(id=line_queue.id)
    assert (row.name, row.requires, row.active, row.ring_seconds) == ("Selling", "loans >= 2", True, 20)
    assert "Publish them without it first" in text(remove(browser, "routing_queue", line_queue.id))
    assert remove(browser, "routing_queue", spare.id).status_code == 302
    with tenant_scope(acme.id, read_only=True):
        assert list(Queue.objects.values_list("name", flat=True)) == ["Selling"]


def test_the_telephone_of_a_station_stays_while_somebody_sits_there(acme: Tenant, browser: Api) -> None:
    station = make_station(acme, extension="1001")
    make_session(acme, station=station)
    address = page("agents_station", "change", station.id)
    body = {"site": station.site_id, "extension": "1001", "endpoint": "other", "answer_mode": "phone"}
    refused = browser.post(address, body)
    assert refused.status_code == 200
    assert "sits at station 1001" in text(refused)
    with tenant_scope(acme.id, read_only=True):
        assert Station.objects.get().endpoint == station.endpoint
    assert browser.post(address, {**body, "endpoint": "", "ip_address": "192.0.2.8"}).status_code == 302


def test_the_api_knows_the_same_rules(acme: Tenant) -> None:
    api, queue = program(acme), make_queue(acme, code="sales", name="Sales")
    line = make_private_line(acme, queue=queue)
    problem = assert_problem(api.change(f"queues/{queue.id}/", {"active": False}), 409, "queue-in-flows")
    assert (problem["queue"], problem["flows"]) == ("sales", [line.flow.code])
    assert_problem(api.remove(f"queues/{queue.id}/"), 409, "queue-in-flows")
    assert_problem(api.change(f"queues/{queue.id}/", {"requires": "nothing"}), 422, "invalid")
    assert api.read(f"queues/{queue.id}/").json()["requires"] == "english >= 3"
