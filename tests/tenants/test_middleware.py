"""The scope of a page: whose rows it sees, that reading writes nothing, and that an error keeps nothing."""

from collections.abc import Iterator
from datetime import timedelta
from types import ModuleType

import pytest
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.template.response import TemplateResponse
from django.test import Client, override_settings
from django.urls import include, path
from django.utils import timezone

from tenants.models import IdempotencyRecord
from tenants.public import CSP_TENANT_ID, Customer, Tenant, in_scope, own_scope, tenant_scope
from tenants.tasks import forget_all_old_answers
from tests.api import program, signed_in
from tests.factories import make_customer, make_tenant

NAMES = engines["django"].from_string("{% for row in rows %}{{ row.name }} {% endfor %}")


def listing(request: HttpRequest) -> TemplateResponse:
    return TemplateResponse(request, NAMES, {"rows": Customer.objects.order_by("name")})


def adding(request: HttpRequest, status: int) -> HttpResponse:
    Customer.objects.create(name="Added")
    return HttpResponse(status=status)


def failing(request: HttpRequest) -> HttpResponse:
    Customer.objects.create(name="Added")
    raise RuntimeError


@own_scope
def alone(request: HttpRequest) -> HttpResponse:
    assert not in_scope()
    return HttpResponse(str(request.caller.tenant_id))  # type: ignore[attr-defined]  # the middleware sets it


class Addresses(ModuleType):
    urlpatterns = [
        path("listing/", listing),
        path("adding/<int:status>/", adding),
        path("failing/", failing),
        path("alone/", alone),
        path("", include("config.urls")),
    ]


@pytest.fixture(autouse=True)
def _addresses() -> Iterator[None]:
    with override_settings(ROOT_URLCONF=Addresses("addresses")):
        yield


@pytest.fixture
def acme() -> Tenant:
    return make_tenant()


def names(tenant: Tenant) -> list[str]:
    with tenant_scope(tenant.id, read_only=True):
        return list(Customer.objects.values_list("name", flat=True))


def test_a_page_is_rendered_within_the_tenant(acme: Tenant) -> None:
    make_customer(acme, name="Ada")
    make_customer(make_tenant(), name="Bob")
    assert signed_in(acme).get("/listing/").content == b"Ada "


def test_a_page_that_reads_cannot_write(acme: Tenant) -> None:
    response = signed_in(acme).get("/adding/200/")
    assert response.status_code == 500
    assert names(acme) == []


@pytest.mark.parametrize(("status", "kept"), [(200, ["Added"]), (302, ["Added"]), (400, []), (403, []), (422, [])])
def test_an_answer_that_is_an_error_keeps_nothing(acme: Tenant, status: int, kept: list[str]) -> None:
    assert signed_in(acme).post(f"/adding/{status}/").status_code == status
    assert names(acme) == kept


def test_a_failure_keeps_nothing(acme: Tenant) -> None:
    assert signed_in(acme).post("/failing/").status_code == 500
    assert names(acme) == []


def test_a_view_may_open_its_own_scopes(acme: Tenant) -> None:
    assert signed_in(acme).get("/alone/").content.decode() == str(acme.id)


def test_without_a_caller_there_is_no_scope() -> None:
    assert Client(raise_request_exception=False).get("/listing/").status_code == 500


def test_a_suspended_tenants_pages_are_closed(acme: Tenant) -> None:
    browser = signed_in(acme)
    with tenant_scope(CSP_TENANT_ID):
        Tenant.objects.filter(id=acme.id).update(status=Tenant.Status.SUSPENDED)
    assert browser.get("/listing/").status_code == 403


def test_old_answers_of_all_tenants_are_forgotten(acme: Tenant) -> None:
    for tenant in (acme, make_tenant()):
        program(tenant).send("customers/", {"name": "Ada"}, idempotency_key="one")
        with tenant_scope(tenant.id):
            IdempotencyRecord.objects.update(created_at=timezone.now() - timedelta(hours=25))
    program(acme).send("customers/", {"name": "Ada"}, idempotency_key="two")
    assert forget_all_old_answers() == 2


def test_leaving_the_administration_signs_out(acme: Tenant) -> None:
    browser = signed_in(acme)
    assert browser.post("/admin/logout/").status_code == 302
    assert browser.read("me/").status_code == 401
