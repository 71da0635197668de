"""Tenants, numbers, members and keys over the API."""

from typing import Any
from uuid import uuid4

import pytest

from tenants.models import AuditEntry, IdempotencyRecord
from tenants.public import CSP_TENANT_ID, Entitlement, Membership, Role, Tenant, tenant_scope
from tests.api import Api, assert_problem, program, signed_in
from tests.factories import PASSWORD, make_number, make_person, make_tenant

ENTERPRISE: dict[str, Any] = {
    "slug": "acme",
    "name": "Acme",
    "seats": 12,
    "administrator": {"email": "Alice@Example.com", "name": "Alice", "password": PASSWORD},
}


@pytest.fixture
def provider() -> Tenant:
    with tenant_scope(CSP_TENANT_ID, read_only=True):
        return Tenant.objects.get(id=CSP_TENANT_ID)


@pytest.fixture
def operator(provider: Tenant) -> Api:
    return program(provider, role=Role.OPERATOR)


def test_the_operator_makes_a_tenant_with_its_administrator(operator: Api) -> None:
    made = operator.send("tenants/", ENTERPRISE)
    assert made.status_code == 201, made.content
    with tenant_scope(made.json()["id"], read_only=True):
        assert Entitlement.objects.get(kind="seats").limit == 12
        member = Membership.objects.select_related("user").get()
        assert (member.user.email, member.role) == ("alice@example.com", "administrator")
        assert member.user.check_password(PASSWORD)
        entry = AuditEntry.objects.filter(table_name="tenants_tenant").get()
        assert entry.actor.startswith("key:")
    assert made.json()["slug"] in [row["slug"] for row in operator.read("tenants/").json()["results"]]


def test_a_tenants_code_is_given_once(operator: Api) -> None:
    assert operator.send("tenants/", ENTERPRISE).status_code == 201
    problem = assert_problem(operator.send("tenants/", ENTERPRISE), 409, "taken")
    assert problem["errors"][0]["pointer"] == "/slug"


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"slug": "Not A Slug"}, "/slug"),
        ({"time_zone": "Mars/Base"}, "/time_zone"),
        ({"currency": "eu"}, "/currency"),
        ({"language": "tlh"}, "/language"),
        ({"seats": -1}, "/seats"),
        ({"administrator": {"email": "x", "name": "X", "password": PASSWORD}}, "/administrator/email"),
        ({"administrator": {"email": "x@example.com", "name": "X", "password": "12345"}}, "/password"),
        ({"administrator": {"email": "x@example.com", "name": "X"}}, "/password"),
    ],
)
def test_a_tenant_with_a_fault_is_not_made(operator: Api, change: dict[str, Any], pointer: str) -> None:
    before = len(operator.read("tenants/").json()["results"])
    response = operator.send("tenants/", {**ENTERPRISE, **change})
    assert response.status_code == 422
    assert pointer in [fault["pointer"] for fault in response.json()["errors"]]
    assert len(operator.read("tenants/").json()["results"]) == before


def test_a_suspended_tenant_comes_back(operator: Api) -> None:
    acme = make_tenant()
    api = program(acme)
    assert operator.send(f"tenants/{acme.id}/suspend/").json()["status"] == "suspended"
    assert_problem(api.read("me/"), 403, "tenant-suspended")
    assert operator.send(f"tenants/{acme.id}/resume/").json()["status"] == "active"
    assert api.read("me/").status_code == 200


def test_the_provider_cannot_suspend_itself(operator: Api) -> None:
    assert_problem(operator.send(f"tenants/{CSP_TENANT_ID}/suspend/"), 409, "provider-cannot-be-suspended")


def test_tenants_are_the_operators_alone() -> None:
    acme = make_tenant()
    for caller in (program(acme), signed_in(acme)):
        assert_problem(caller.read("tenants/"), 403, "missing-right")
        assert_problem(caller.send("tenants/", ENTERPRISE), 403, "missing-right")
        assert_problem(caller.send(f"tenants/{acme.id}/suspend/"), 403, "missing-right")


def test_an_unknown_tenant_is_not_found(operator: Api) -> None:
    for path in (f"tenants/{uuid4()}/suspend/", f"tenants/{uuid4()}/resume/"):
        assert_problem(operator.send(path), 404, "not-found")
    assert_problem(operator.read(f"tenants/{uuid4()}/"), 404, "not-found")


# --- Numbers ---------------------------------------------------------------------------------------------------------


def test_the_operator_leases_a_number(operator: Api) -> None:
    acme = make_tenant()
    made = operator.send("numbers/", {"e164": "+86 755 8366 0001", "label": "Sales", "tenant": str(acme.id)}).json()
    assert (made["e164"], made["kind"], made["tenant"]) == ("+8675583660001", "private", str(acme.id))
    assert program(acme).read("numbers/").json()["results"] == [made]
    public = operator.send("numbers/", {"e164": "+8675583660002"}).json()
    assert (public["kind"], public["tenant"]) == ("public", str(CSP_TENANT_ID))
    assert [row["id"] for row in operator.read("numbers/").json()["results"]] == [made["id"], public["id"]]
    assert operator.remove(f"numbers/{made['id']}/").status_code == 204


def test_a_number_is_leased_once(operator: Api) -> None:
    number = make_number(make_tenant())
    other = make_tenant()
    problem = assert_problem(
        operator.send("numbers/", {"e164": number.e164, "tenant": str(other.id)}), 409, "number-taken"
    )
    assert problem["errors"][0]["pointer"] == "/e164"


def test_a_number_for_nobody_is_refused(operator: Api) -> None:
    problem = assert_problem(
        operator.send("numbers/", {"e164": "+8675583660001", "tenant": str(uuid4())}), 422, "invalid"
    )
    assert problem["errors"][0]["pointer"] == "/tenant"


def test_an_enterprise_leases_nothing_by_itself() -> None:
    acme, other = make_tenant(), make_tenant()
    mine, theirs = make_number(acme), make_number(other)
    api = program(acme)
    assert_problem(api.send("numbers/", {"e164": "+8675583660001"}), 403, "missing-right")
    assert_problem(api.remove(f"numbers/{mine.id}/"), 403, "missing-right")
    assert_problem(api.read(f"numbers/{theirs.id}/"), 404, "not-found")
    assert [row["id"] for row in api.read(f"numbers/?tenant={other.id}").json()["results"]] == []


# --- Members ---------------------------------------------------------------------------------------------------------


def test_a_member_joins_changes_and_leaves() -> None:
    acme = make_tenant()
    browser = signed_in(acme)
    body = {"email": "sue@example.com", "name": "Sue", "password": PASSWORD, "role": "supervisor"}
    made = browser.send("members/", body).json()
    assert (made["email"], made["name"], made["role"]) == ("sue@example.com", "Sue", "supervisor")
    assert_problem(browser.send("members/", body), 409, "taken")
    assert browser.change(f"members/{made['id']}/", {"role": "administrator"}).json()["role"] == "administrator"
    assert browser.remove(f"members/{made['id']}/").status_code == 204


def test_a_person_known_elsewhere_keeps_name_and_password() -> None:
    acme, other = make_tenant(), make_tenant()
    user = make_person(other, name="Sue", email="sue@example.com")
    body = {"email": "SUE@example.com", "name": "Mallory", "password": "another-Secret-9", "role": "supervisor"}
    assert program(acme).send("members/", body).json()["name"] == "Sue"
    user.refresh_from_db()
    assert user.check_password(PASSWORD)


def test_the_last_administrator_stays() -> None:
    acme = make_tenant()
    browser = signed_in(acme)
    member = browser.read("members/").json()["results"][0]
    assert_problem(browser.remove(f"members/{member['id']}/"), 409, "last-administrator")
    assert_problem(browser.change(f"members/{member['id']}/", {"role": "supervisor"}), 409, "last-administrator")


@pytest.mark.parametrize("role", ["operator", "agent"])
def test_roles_beyond_the_tenant_are_refused(role: str) -> None:
    api = program(make_tenant())
    body = {"email": "sue@example.com", "name": "Sue", "password": PASSWORD, "role": role}
    assert_problem(api.send("members/", body), 422, "role-not-allowed")
    assert_problem(api.send("api-keys/", {"name": "k", "role": role}), 422, "role-not-allowed")


# --- Keys ------------------------------------------------------------------------------------------------------------


def test_a_key_is_shown_once_and_revoked() -> None:
    acme = make_tenant()
    browser = signed_in(acme)
    made = browser.send("api-keys/", {"name": "reports", "role": "supervisor"}, idempotency_key="one").json()
    key = Api(made["key"])
    assert key.read("me/").json()["role"] == "supervisor"
    again = browser.send("api-keys/", {"name": "reports", "role": "supervisor"}, idempotency_key="one").json()
    assert again == {**made, "key": None}
    with tenant_scope(acme.id, read_only=True):
        assert made["key"].split(".")[1] not in str(list(IdempotencyRecord.objects.values()))
    shown = browser.read(f"api-keys/{made['id']}/").json()
    assert "key" not in shown
    assert browser.send(f"api-keys/{made['id']}/revoke/").json()["revoked_at"]
    assert_problem(key.read("me/"), 401, "not-authenticated")


def test_a_key_that_would_have_expired_is_not_made() -> None:
    body = {"name": "k", "role": "supervisor", "expires_at": "2020-01-01T00:00:00Z"}
    assert_problem(program(make_tenant()).send("api-keys/", body), 422, "expires-in-the-past")


def test_the_caller_is_told_who_they_are() -> None:
    acme = make_tenant()
    me = signed_in(acme, role=Role.SUPERVISOR).read("me/").json()
    assert (me["tenant"]["slug"], me["role"], me["name"]) == (acme.slug, "supervisor", "Alice")
    assert "contacts.read" in me["rights"]
    assert "members.write" not in me["rights"]
