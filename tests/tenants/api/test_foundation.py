"""What holds for every endpoint: who may call it, what is refused and how, and that nothing happens twice."""

import json
import threading
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connections
from django.utils import timezone

from tenants.api import idempotency
from tenants.api.customers import CustomerViewSet
from tenants.models import AuditEntry, IdempotencyRecord
from tenants.public import CSP_TENANT_ID, ApiKey, Customer, Membership, Role, Tenant, tenant_scope
from tests.api import Api, assert_problem, make_key, program, signed_in
from tests.factories import make_customer, make_person, make_tenant


@pytest.fixture
def acme() -> Tenant:
    return make_tenant()


@pytest.fixture
def api(acme: Tenant) -> Api:
    return program(acme)


def customers(tenant: Tenant) -> int:
    with tenant_scope(tenant.id, read_only=True):
        return Customer.objects.count()


# --- Who -------------------------------------------------------------------------------------------------------------


def test_nobody_is_told_to_authenticate() -> None:
    response = Api().read("customers/")
    assert_problem(response, 401, "not-authenticated")
    assert response["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("token", ["", "nodot", "unknown.secret", "a.b.c", "ünï.cödé"])
def test_a_key_that_is_none_is_refused(token: str) -> None:
    assert_problem(Api(token.encode().decode("latin-1") or " ").read("customers/"), 401, "not-authenticated")


def test_a_key_with_a_wrong_secret_is_refused(acme: Tenant) -> None:
    prefix = make_key(acme).split(".")[0]
    assert_problem(Api(f"{prefix}.wrong").read("customers/"), 401, "not-authenticated")


def test_an_expired_key_is_refused(acme: Tenant) -> None:
    key = make_key(acme, expires_at=timezone.now() - timedelta(seconds=1))
    assert "expired" in assert_problem(Api(key).read("customers/"), 401, "not-authenticated")["detail"]


def test_a_revoked_key_is_refused(acme: Tenant) -> None:
    key = make_key(acme, revoked_at=timezone.now())
    assert "revoked" in assert_problem(Api(key).read("customers/"), 401, "not-authenticated")["detail"]


def test_use_of_a_key_is_noted_once_a_minute(acme: Tenant) -> None:
    api = program(acme)
    assert api.read("customers/").status_code == 200
    with tenant_scope(acme.id):
        first = ApiKey.objects.get().last_used_at
    assert api.read("customers/").status_code == 200
    with tenant_scope(acme.id):
        assert ApiKey.objects.get().last_used_at == first
        ApiKey.objects.update(last_used_at=first - timedelta(seconds=61))
    assert api.read("customers/").status_code == 200
    with tenant_scope(acme.id):
        assert ApiKey.objects.get().last_used_at > first


def test_a_member_who_is_signed_in_is_served(acme: Tenant) -> None:
    make_customer(acme, name="Ada")
    assert [row["name"] for row in signed_in(acme).read("customers/").json()["results"]] == ["Ada"]


def test_a_membership_that_has_ended_ends_the_access(acme: Tenant) -> None:
    browser = signed_in(acme)
    with tenant_scope(acme.id):
        Membership.objects.all().delete()
    assert_problem(browser.read("customers/"), 401, "not-authenticated")


def test_a_session_cannot_name_a_tenant_without_a_membership_there(acme: Tenant) -> None:
    browser, other = signed_in(acme), make_tenant()
    session = browser.session
    session["tenant_id"] = str(other.id)
    session.save()
    assert_problem(browser.read("customers/"), 401, "not-authenticated")


def test_a_browser_needs_the_csrf_token_to_write(acme: Tenant) -> None:
    browser = signed_in(acme, client=Api(enforce_csrf_checks=True))
    assert_problem(browser.send("customers/", {"name": "Ada"}), 403, "forbidden")
    assert customers(acme) == 0


def test_a_suspended_tenant_is_refused_everything(acme: Tenant) -> None:
    api, browser = program(acme), signed_in(acme)
    with tenant_scope(CSP_TENANT_ID):
        Tenant.objects.filter(id=acme.id).update(status=Tenant.Status.SUSPENDED)
    for client in (api, browser):
        assert_problem(client.read("customers/"), 403, "tenant-suspended")
        assert_problem(client.send("customers/", {"name": "Ada"}), 403, "tenant-suspended")
    assert customers(acme) == 0


def test_a_role_without_the_right_is_refused(acme: Tenant) -> None:
    problem = assert_problem(program(acme, role=Role.AGENT).send("customers/", {"name": "Ada"}), 403, "missing-right")
    assert problem["right"] == "customers.write"
    assert customers(acme) == 0


def test_an_operator_is_one_in_tenant_zero_only(acme: Tenant) -> None:
    assert_problem(program(acme, role=Role.OPERATOR).read("customers/"), 403, "missing-right")


# --- What is refused -------------------------------------------------------------------------------------------------


def test_an_unknown_address_is_a_problem(api: Api) -> None:
    assert_problem(api.read("nothing/"), 404, "not-found")
    assert "slash" in assert_problem(api.send("customers", {"name": "Ada"}), 404, "not-found")["detail"]
    assert_problem(api.read("customers/not-an-id/"), 404, "not-found")


def test_an_unknown_method_is_a_problem(api: Api) -> None:
    assert_problem(api.call("PUT", f"customers/{uuid4()}/", {}), 405, "method-not-allowed")
    assert_problem(api.call("DELETE", "customers/"), 405, "method-not-allowed")
    assert_problem(api.call("OPTIONS", "customers/"), 405, "method-not-allowed")


def test_another_content_type_is_a_problem(api: Api) -> None:
    assert_problem(api.send("customers/", b"name=Ada", content_type="text/plain"), 415, "unsupported-media-type")


def test_an_answer_that_cannot_be_given_is_a_problem(api: Api) -> None:
    assert_problem(api.read("customers/", accept="image/png"), 406, "not-acceptable")


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b'{"name": ', {"line": 1, "column": 10}),
        (b'{"name":\n "Ada",}', {"line": 2}),
        (b"\xff\xfe", {"position": 0}),
        (b'{"name": NaN}', {}),
        (b'{"name": "a", "name": "b"}', {}),
        (b'{"name": "\\u0000"}', {}),
        (b'{"name": "\\ud800"}', {}),
        (b"[" * 100_000, {}),
        (b"[" * 100 + b"]" * 100, {}),
    ],
)
def test_malformed_json_is_told_with_its_place(acme: Tenant, api: Api, body: bytes, place: dict[str, int]) -> None:
    problem = assert_problem(api.send("customers/", body), 400, "malformed-json")
    assert problem.items() >= place.items()
    assert customers(acme) == 0


@pytest.mark.parametrize("body", [b"[]", b"3", b'"text"', b"null"])
def test_json_that_is_no_object_is_invalid(api: Api, body: bytes) -> None:
    assert_problem(api.send("customers/", body), 422, "invalid")


def test_ten_megabytes_are_too_large(acme: Tenant, api: Api) -> None:
    body = json.dumps({"name": "Ada", "note": "x" * 10_000_000}).encode()
    assert_problem(api.send("customers/", body), 413, "body-too-large")
    assert customers(acme) == 0


def test_faults_name_their_fields(acme: Tenant, api: Api) -> None:
    problem = assert_problem(api.send("customers/", {"name": "", "phone": "12", "email": "x"}), 422, "invalid")
    assert [fault["pointer"] for fault in problem["errors"]] == ["/name", "/phone", "/email"]
    assert customers(acme) == 0


def test_a_failure_of_ours_is_told_without_its_insides(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: CustomerViewSet) -> Any:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(CustomerViewSet, "rows", broken)
    assert "secret" not in assert_problem(api.read("customers/"), 500, "internal-error")["detail"]


# --- Once ------------------------------------------------------------------------------------------------------------


def test_a_repeated_post_takes_effect_once_and_gets_the_same_answer(acme: Tenant, api: Api) -> None:
    first = api.send("customers/", {"name": "Ada"}, idempotency_key="one")
    again = api.send("customers/", {"name": "Ada"}, idempotency_key="one")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert again["Idempotent-Replayed"] == "true"
    assert customers(acme) == 1


def test_a_refusal_is_repeated_too(api: Api) -> None:
    first = api.send("customers/", {"name": ""}, idempotency_key="one")
    assert_problem(first, 422, "invalid")
    again = api.send("customers/", {"name": ""}, idempotency_key="one")
    assert_problem(again, 422, "invalid")
    assert again.json() == first.json()


def test_a_key_stands_for_one_request(acme: Tenant, api: Api) -> None:
    api.send("customers/", {"name": "Ada"}, idempotency_key="one")
    assert_problem(api.send("customers/", {"name": "Bob"}, idempotency_key="one"), 422, "idempotency-key-reused")
    assert customers(acme) == 1


def test_callers_do_not_share_keys(acme: Tenant) -> None:
    for caller in (program(acme), program(acme), signed_in(acme)):
        assert caller.send("customers/", {"name": "Ada"}, idempotency_key="one").status_code == 201
    assert customers(acme) == 3


def test_an_answer_is_forgotten_after_a_day(acme: Tenant, api: Api) -> None:
    api.send("customers/", {"name": "Ada"}, idempotency_key="one")
    with tenant_scope(acme.id):
        IdempotencyRecord.objects.update(created_at=timezone.now() - timedelta(hours=24, seconds=1))
    assert api.send("customers/", {"name": "Bob"}, idempotency_key="one").status_code == 201
    with tenant_scope(acme.id):
        IdempotencyRecord.objects.update(created_at=timezone.now() - timedelta(hours=25))
    assert idempotency.forget_old_answers(acme.id) == 1


def test_a_failure_of_ours_frees_the_key(acme: Tenant, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: CustomerViewSet, serializer: Any) -> Any:
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr(CustomerViewSet, "create_row", broken)
        assert api.send("customers/", {"name": "Ada"}, idempotency_key="one").status_code == 500
    assert api.send("customers/", {"name": "Ada"}, idempotency_key="one").status_code == 201


@pytest.mark.parametrize("key", ["x" * 256, "a\tb"])
def test_an_unusable_key_is_refused(api: Api, key: str) -> None:
    assert_problem(api.send("customers/", {"name": "A"}, idempotency_key=key), 422, "idempotency-key-malformed")


def test_of_two_requests_at_once_one_is_carried_out(acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    key = make_key(acme)
    inside, go_on = threading.Event(), threading.Event()
    create_row = CustomerViewSet.create_row

    def slow(self: CustomerViewSet, serializer: Any) -> Any:
        inside.set()
        assert go_on.wait(10)
        return create_row(self, serializer)

    monkeypatch.setattr(CustomerViewSet, "create_row", slow)
    answers: list[int] = []

    def first() -> None:
        answers.append(Api(key).send("customers/", {"name": "Ada"}, idempotency_key="one").status_code)
        connections.close_all()

    thread = threading.Thread(target=first)
    thread.start()
    assert inside.wait(10)
    assert_problem(Api(key).send("customers/", {"name": "Ada"}, idempotency_key="one"), 409, "request-in-progress")
    go_on.set()
    thread.join(10)
    assert answers == [201]
    assert customers(acme) == 1


# --- Customers, as the first resource --------------------------------------------------------------------------------


def test_a_customer_is_made_changed_found_and_removed(acme: Tenant, api: Api) -> None:
    made = api.send("customers/", {"name": "王小明", "phone": "0044 7700 900123"}).json()
    assert made["phone"] == "+447700900123"
    changed = api.change(f"customers/{made['id']}/", {"segment": "gold"}).json()
    assert changed == {**made, "segment": "gold"}
    assert [row["id"] for row in api.read("customers/?phone=%2B44+7700+900123").json()["results"]] == [made["id"]]
    assert [row["id"] for row in api.read("customers/?name=小明").json()["results"]] == [made["id"]]
    assert api.read("customers/?phone=rubbish").json()["results"] == []
    assert api.remove(f"customers/{made['id']}/").status_code == 204
    assert_problem(api.read(f"customers/{made['id']}/"), 404, "not-found")


def test_changes_are_audited_with_their_actor(acme: Tenant, api: Api) -> None:
    made = api.send("customers/", {"name": "Ada"}).json()
    with tenant_scope(acme.id, read_only=True):
        entry = AuditEntry.objects.get(row_id=made["id"])
        assert entry.actor == f"key:{ApiKey.objects.get().id}"


def test_pages_follow_the_cursor(acme: Tenant, api: Api) -> None:
    names = [make_customer(acme, name=f"C{place}").name for place in range(5)]
    page = api.read("customers/?page_size=2").json()
    seen = [row["name"] for row in page["results"]]
    assert page["previous"] is None
    while page["next"]:
        page = api.get(page["next"]).json()
        seen += [row["name"] for row in page["results"]]
    assert seen == names


@pytest.mark.parametrize("query", ["page_size=0", "page_size=201", "page_size=x", "cursor=x", "cursor=cD1hYmM="])
def test_a_wrong_page_is_refused(api: Api, query: str) -> None:
    response = api.read(f"customers/?{query}")
    assert response.status_code == 422


def test_a_person_in_two_tenants_sees_the_one_they_chose(acme: Tenant) -> None:
    other = make_tenant()
    make_customer(other, name="theirs")
    browser = signed_in(acme)
    make_person(other)
    assert browser.read(f"customers/?tenant={other.id}&tenant_id={other.id}").json()["results"] == []
